// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
package import SystemPackage

extension Item {
  static let columns = """
    item.id, item.root, item.path, item.size, item.modified, item.inode, item.hash, item.format, item.width,
    item.height, item.orientation, item.taken, item.cameraMake, item.cameraModel, item.added, item.changed
    """

  init(_ row: Row) throws(CatalogError) {
    id = try row.integer(0)
    file = try FileRecord(row, from: 1)
    picture = PictureRecord(
      format: try row.text(7), width: try row.int(8), height: try row.int(9), orientation: try row.int(10),
      taken: try row.optionalInteger(11), cameraMake: try row.optionalText(12),
      cameraModel: try row.optionalText(13))
    added = try row.integer(14)
    changed = try row.integer(15)
  }
}

/// An item as change detection needs it.
package struct KnownFile: Hashable, Sendable {
  package let id: ItemID
  package let file: FileRecord
}

extension Item {
  /// The item as change detection sees it.
  package var known: KnownFile { KnownFile(id: id, file: file) }
}

extension CatalogStore {
  /// The items of `ids`, in the order asked; ids that are not there are left out.
  package func items(_ ids: [ItemID]) throws(CatalogError) -> [Item] {
    try read { db in
      let sql = "SELECT \(Item.columns) FROM item WHERE id IN (SELECT value FROM json_each(?))"
      let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [jsonList(ids)])
      var found: [ItemID: Item] = [:]
      found.reserveCapacity(ids.count)
      while let row = try rows.next() {
        let item = try Item(row)
        found[item.id] = item
      }
      return ids.compactMap { found[$0] }
    }
  }

  /// The item of a path, compared by its bytes.
  package func item(at path: FilePath, root: RootID) throws(CatalogError) -> Item? {
    try read { db in
      let sql = "SELECT \(Item.columns) FROM item WHERE root = ? AND path = ?"
      return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [root, path.string])
        .map { try Item($0) }
    }
  }

  /// The items with a content, oldest first: where a moved or copied file came from.
  package func items(withHash hash: [UInt8]) throws(CatalogError) -> [Item] {
    try read { db in
      let sql = "SELECT \(Item.columns) FROM item WHERE hash = ? ORDER BY id"
      return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [Data(hash)]).map { try Item($0) }
    }
  }

  /// How many items there are.
  package func itemCount() throws(CatalogError) -> Int {
    try read { db in try Self.itemCount(db) }
  }

  /// How many items a root has.
  package func itemCount(root: RootID) throws(CatalogError) -> Int {
    try read { db in
      try Row.fetchOne(db, sql: "SELECT count(*) FROM item WHERE root = ?", arguments: [root])
        .map { try $0.int(0) } ?? 0
    }
  }

  /// Hands the items of a root to `body`, ordered by the bytes of their paths, a few thousand at a time.
  ///
  /// Memory stays small for any number of items. Each portion is a read of its own, and `body` runs between
  /// them, so it may write; what it adds behind the current path is not seen.
  /// - Parameter folder: only items below this folder; the whole root when empty.
  package func forEachKnownFile(
    root: RootID, under folder: FilePath = "", _ body: (KnownFile) throws -> Void
  ) throws {
    // A folder's items are the range from "folder/" to before "folder0" ("0" follows "/").
    var after = folder.isEmpty ? "" : folder.string + "/"
    let end = folder.isEmpty ? nil : folder.string + "0"
    while true {
      let portion = try read { db in
        let sql = """
          SELECT id, root, path, size, modified, inode, hash FROM item
          WHERE root = ?1 AND path > ?2 AND (?3 IS NULL OR path < ?3) ORDER BY path LIMIT 4096
          """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [root, after, end])
          .map { KnownFile(id: try $0.integer(0), file: try FileRecord($0, from: 1)) }
      }
      for file in portion { try body(file) }
      guard portion.count == 4096, let last = portion.last else { return }
      after = last.file.path.string
    }
  }

  // MARK: - Roots, skips, settings

  /// All roots, oldest first.
  package func roots() throws(CatalogError) -> [Root] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT id, path, device, lastSeen FROM root ORDER BY id").map { row in
        Root(
          id: try row.integer(0), path: FilePath(try row.text(1)), device: try row.optionalInteger(2),
          lastSeen: try row.optionalInteger(3))
      }
    }
  }

  /// The files that were not taken in, by root and path.
  package func skips(root: RootID? = nil) throws(CatalogError) -> [Skip] {
    try read { db in
      let sql = """
        SELECT root, path, reason, message, size, modified FROM skip WHERE ?1 IS NULL OR root = ?1
        ORDER BY root, path
        """
      return try Row.fetchAll(db, sql: sql, arguments: [root]).map { row in
        Skip(
          root: try row.integer(0), path: try row.text(1), reason: try row.text(2), message: try row.text(3),
          size: try row.optionalInteger(4), modified: try row.optionalInteger(5))
      }
    }
  }

  /// How many files were not taken in.
  package func skipCount() throws(CatalogError) -> Int {
    try read { db in try Row.fetchOne(db, sql: "SELECT count(*) FROM skip").map { try $0.int(0) } ?? 0 }
  }

  /// A fact kept about the library.
  package func setting(_ key: String) throws(CatalogError) -> String? {
    try read { db in
      try Row.fetchOne(db, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
        .map { try $0.text(0) }
    }
  }
}
