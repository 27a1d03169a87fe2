// SPDX-License-Identifier: Apache-2.0
import GRDB

/// Which items may be hits. Every condition that is set must hold; a filter with none lets all items pass.
package struct CatalogFilter: Hashable, Sendable {
  /// An interval whose ends belong to it; a missing end is open.
  package struct Bounds: Hashable, Sendable {
    package var lower: Int64?
    package var upper: Int64?

    package init(from lower: Int64? = nil, through upper: Int64? = nil) {
      self.lower = lower
      self.upper = upper
    }

    /// Whether nothing is bounded.
    package var isOpen: Bool { lower == nil && upper == nil }
  }

  /// `PathGlob` patterns on the path below the root: at least one must match; one that starts with `!` must not.
  package var globs: [String] = []
  package var globsIgnoreCase = false
  /// Names of formats (`jpeg`, `png`, …), any of them.
  package var formats: Set<String> = []
  /// File size in bytes.
  package var size = Bounds()
  /// Width as shown, that is after orientation, in pixels.
  package var width = Bounds()
  /// Height as shown, in pixels.
  package var height = Bounds()
  /// When the picture was taken, in seconds as in `PictureRecord.taken`. Items that do not say fail a bound.
  package var taken = Bounds()
  /// When the file was modified, in nanoseconds since 1970.
  package var modified = Bounds()
  /// Each must be part of one of the item's captions, in any case.
  package var captionContains: [String] = []
  /// Must be part of the camera's make and model, in any case.
  package var cameraContains: String?
  /// The item must have all of these tags, in any case.
  package var tags: [String] = []
  /// Whether there must be captions, or none.
  package var hasCaption: Bool?
  /// Only these items.
  package var items: [ItemID]?
  /// Only items of these roots.
  package var roots: [RootID]?

  package init() {}

  /// Whether all items pass.
  package var isEmpty: Bool { self == CatalogFilter() }
}

extension CatalogFilter {
  /// A condition in SQL over the table `item`, with its arguments.
  func condition() -> (sql: String, arguments: StatementArguments) {
    var conditions: [String] = []
    var arguments: StatementArguments = []
    func add(_ sql: String, _ values: any DatabaseValueConvertible...) {
      conditions.append(sql)
      arguments += StatementArguments(values)
    }
    func add(_ bounds: Bounds, on column: String) {
      if let lower = bounds.lower { add("\(column) >= ?", lower) }
      if let upper = bounds.upper { add("\(column) <= ?", upper) }
    }
    if !formats.isEmpty {
      let marks = formats.map { _ in "?" }.joined(separator: ", ")
      conditions.append("format IN (\(marks))")
      arguments += StatementArguments(formats.sorted())
    }
    add(size, on: "size")
    add(width, on: "CASE WHEN orientation >= 5 THEN height ELSE width END")
    add(height, on: "CASE WHEN orientation >= 5 THEN width ELSE height END")
    add(taken, on: "taken")
    add(modified, on: "modified")
    for text in captionContains {
      add(
        "EXISTS (SELECT 1 FROM caption WHERE caption.item = item.id AND duetContains(caption.text, ?))",
        CaptionText.folded(text))
    }
    if let cameraContains {
      add(
        "duetContains(ifnull(cameraMake, '') || ' ' || ifnull(cameraModel, ''), ?)",
        CaptionText.folded(cameraContains))
    }
    for tag in tags {
      add("id IN (SELECT tag.item FROM tag WHERE tag.folded = ?)", CaptionText.folded(tag))
    }
    if let hasCaption {
      conditions.append(
        (hasCaption ? "" : "NOT ") + "EXISTS (SELECT 1 FROM caption WHERE caption.item = item.id)")
    }
    if let items { add("id IN (SELECT value FROM json_each(?))", jsonList(items)) }
    if let roots { add("root IN (SELECT value FROM json_each(?))", jsonList(roots)) }
    return (conditions.isEmpty ? "true" : conditions.joined(separator: " AND "), arguments)
  }

  /// The globs, compiled.
  struct Paths {
    var wanted: [PathGlob] = []
    var unwanted: [PathGlob] = []

    init(_ filter: CatalogFilter) throws(CatalogError) {
      for glob in filter.globs {
        if glob.unicodeScalars.first == "!" {
          unwanted.append(
            try PathGlob(String(glob.unicodeScalars.dropFirst()), ignoringCase: filter.globsIgnoreCase))
        } else {
          wanted.append(try PathGlob(glob, ignoringCase: filter.globsIgnoreCase))
        }
      }
    }

    func allow(_ path: String) -> Bool {
      (wanted.isEmpty || wanted.contains { $0.matches(path) }) && !unwanted.contains { $0.matches(path) }
    }
  }
}

extension CatalogStore {
  /// The items that pass a filter, ascending. Exact, in time linear in the library.
  /// - Throws: `invalidRequest` for a bad glob.
  package func items(matching filter: CatalogFilter) throws(CatalogError) -> [ItemID] {
    let paths = try CatalogFilter.Paths(filter)
    let (condition, arguments) = filter.condition()
    let needsPath = !filter.globs.isEmpty
    return try read { db in
      let rows = try Row.fetchCursor(
        db, sql: "SELECT id\(needsPath ? ", path" : "") FROM item WHERE \(condition) ORDER BY id",
        arguments: arguments)
      var found: [ItemID] = []
      while let row = try rows.next() {
        if needsPath, !paths.allow(try row.text(1)) { continue }
        found.append(try row.integer(0))
      }
      return found
    }
  }
}

/// An order of items other than by score.
package enum ItemOrder: String, Sendable, CaseIterable {
  /// When the picture was taken; where that is unknown, when the file was modified.
  case date
  /// The bytes of the path below the root.
  case name
  /// The size of the file.
  case size
}

extension CatalogStore {
  /// Puts items in order; equal ones stay in order of id, unknown ids fall out.
  package func sorted(
    _ items: [ItemID], by order: ItemOrder, descending: Bool = false
  ) throws(CatalogError) -> [ItemID] {
    let key =
      switch order {
      case .date: "ifnull(taken, modified / 1000000000)"
      case .name: "path"
      case .size: "size"
      }
    let sql = """
      SELECT id FROM item WHERE id IN (SELECT value FROM json_each(?))
      ORDER BY \(key) \(descending ? "DESC" : "ASC"), id
      """
    return try read { db in
      let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [jsonList(items)])
      var found: [ItemID] = []
      found.reserveCapacity(items.count)
      while let row = try rows.next() { found.append(try row.integer(0)) }
      return found
    }
  }
}
