// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import Search
package import SystemPackage

/// Queries to a library of one's own, a JSON object a line:
///
///     {"text": "a dog on a beach", "relevant": ["dogs/rex.jpg"]}
///     {"image": "rex.jpg", "text": "at night", "relevant": ["night/rex.jpg"], "exclude": ["dogs/rex.jpg"]}
///     {"terms": [{"item": "dogs/rex.jpg", "weight": 2}, {"text": "indoors", "role": "avoid"}], "relevant": []}
///     {"text": "asdfgh qwerty", "relevant": [], "kind": "nonsense"}
///
/// `text` and `image` are short for one wanted term each. A term is a `text`, an `image` (a file, relative to the file of
/// queries) or an `item` (a path in the library), with a `role` (want, avoid, exclude) and a `weight`. `relevant` and
/// `exclude` are paths as the library knows them, below a root or absolute; what `exclude` names is taken out of the
/// answers before ranks are counted. `kind` names the row of the table; without it that is text, image or composed.
package struct LibraryQueries: Sendable {
  /// One line.
  package struct Query: Sendable {
    /// From 1.
    package let line: Int
    package let terms: [Term]
    /// Empty for a query that should find nothing.
    package let relevant: Set<ItemID>
    package let excluded: Set<ItemID>
    package let kind: String
  }

  /// Where they were read from.
  package let file: FilePath
  /// In the order of the file.
  package let queries: [Query]

  private struct Entry: Decodable {
    let text: String?
    let image: String?
    let terms: [TermEntry]?
    let relevant: [String]
    let exclude: [String]?
    let kind: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case text, image, terms, relevant, exclude, kind
    }

    init(from decoder: any Decoder) throws {
      try decoder.refuseKeys(otherThan: CodingKeys.allCases.map(\.rawValue))
      let container = try decoder.container(keyedBy: CodingKeys.self)
      text = try container.decodeIfPresent(String.self, forKey: .text)
      image = try container.decodeIfPresent(String.self, forKey: .image)
      terms = try container.decodeIfPresent([TermEntry].self, forKey: .terms)
      relevant = try container.decode([String].self, forKey: .relevant)
      exclude = try container.decodeIfPresent([String].self, forKey: .exclude)
      kind = try container.decodeIfPresent(String.self, forKey: .kind)
    }

    var allTerms: [TermEntry] {
      (text.map { [TermEntry(text: $0)] } ?? []) + (image.map { [TermEntry(image: $0)] } ?? [])
        + (terms ?? [])
    }
  }

  private struct TermEntry: Decodable {
    var text: String?
    var image: String?
    var item: String?
    var role: String?
    var weight: Float?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case text, image, item, role, weight
    }

    init(text: String? = nil, image: String? = nil) {
      self.text = text
      self.image = image
    }

    init(from decoder: any Decoder) throws {
      try decoder.refuseKeys(otherThan: CodingKeys.allCases.map(\.rawValue))
      let container = try decoder.container(keyedBy: CodingKeys.self)
      text = try container.decodeIfPresent(String.self, forKey: .text)
      image = try container.decodeIfPresent(String.self, forKey: .image)
      item = try container.decodeIfPresent(String.self, forKey: .item)
      role = try container.decodeIfPresent(String.self, forKey: .role)
      weight = try container.decodeIfPresent(Float.self, forKey: .weight)
    }
  }

  /// Reads a file and looks its items up in a library.
  ///
  /// - Throws: ``EvaluationError`` that names file and line: for unknown keys, terms that make no sense, and items that
  ///   the library does not hold.
  package init(_ file: FilePath, in library: LibrarySnapshot) throws {
    let entries = try AnnotationFile.readLines(
      Entry.self, from: file, as: "queries, {\"text\", \"image\", \"terms\", \"relevant\"} a line")
    let items = ItemPaths(library)
    self.file = file
    queries = try entries.map { line, entry in
      do {
        let terms = try entry.allTerms.map { try Self.term($0, besides: file, items) }
        guard terms.contains(where: { $0.role == .want }) else {
          throw EvaluationError("no wanted term: give text, image or terms")
        }
        return Query(
          line: line, terms: terms, relevant: try items.ids(of: entry.relevant, key: "relevant"),
          excluded: try items.ids(of: entry.exclude ?? [], key: "exclude"),
          kind: entry.kind ?? Self.kind(of: terms).rawValue)
      } catch let error as SearchError {
        throw EvaluationError("\(file): line \(line): \(error)")
      } catch let error as EvaluationError {
        throw EvaluationError("\(file): line \(line): \(error)")
      }
    }
  }

  private static func term(_ entry: TermEntry, besides file: FilePath, _ items: ItemPaths) throws -> Term {
    var contents: [Term.Content] = []
    if let text = entry.text { contents.append(.text(text)) }
    if let image = entry.image {
      contents.append(.imageFile(file.removingLastComponent().pushing(FilePath(image))))
    }
    if let item = entry.item {
      let ids = try items.ids(of: [item], key: "item")
      contents += ids.sorted().prefix(1).map { .item($0) }
    }
    guard contents.count == 1, let content = contents.first else {
      throw EvaluationError("a term has one of text, image and item")
    }
    let role = entry.role.map { Term.Role(rawValue: $0) } ?? .want
    guard let role else {
      throw EvaluationError("role: \(entry.role ?? ""): the roles are want, avoid and exclude")
    }
    return try Term(content, role: role, weight: entry.weight)
  }

  private static func kind(of terms: [Term]) -> QueryKind {
    let composed = terms.filter { $0.role != .exclude }
    let texts = composed.count { $0.text != nil }
    return texts == composed.count ? .text : texts == 0 ? .image : .composed
  }
}

/// Finds items by their paths, below any root or absolute.
private struct ItemPaths {
  private let library: LibrarySnapshot
  private let roots: [(id: RootID, path: FilePath)]

  init(_ library: LibrarySnapshot) {
    self.library = library
    roots = library.rootPaths.map { (id: $0.key, path: $0.value) }.sorted { $0.id < $1.id }
  }

  /// The items of all paths; a relative path may name one below each root.
  ///
  /// - Throws: ``EvaluationError`` for a path that names none.
  func ids(of paths: [String], key: String) throws -> Set<ItemID> {
    var all = Set<ItemID>()
    for text in paths {
      let found = try ids(of: FilePath(text).lexicallyNormalized())
      guard !found.isEmpty else {
        throw EvaluationError(
          "\(key): \(text): the library has no such item: write it as 'duet search --json' shows it "
            + "(\"relative\"), or index it")
      }
      all.formUnion(found)
    }
    return all
  }

  private func ids(of path: FilePath) throws -> [ItemID] {
    try roots.compactMap { root in
      var relative = path
      guard path.isRelative || relative.removePrefix(root.path) else { return nil }
      return try library.catalog.item(at: relative, root: root.id)?.id
    }
  }
}

extension Decoder {
  /// Refuses keys that mean nothing, so that a slip of the pen does not change the numbers silently.
  fileprivate func refuseKeys(otherThan known: [String]) throws {
    let keys = try container(keyedBy: AnyKey.self).allKeys
    if let unknown = keys.first(where: { !known.contains($0.stringValue) }) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: codingPath + [unknown],
          debugDescription: "no such key; the keys are \(known.joined(separator: ", "))"))
    }
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  let intValue: Int? = nil

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
