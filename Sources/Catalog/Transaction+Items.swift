// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
package import SystemPackage

extension CatalogTransaction {
  // MARK: - Items

  /// Adds a picture. It is pending in every space until vectors come.
  /// - Throws: `constraint` when the root has that path already.
  @discardableResult
  package func insertItem(_ file: FileRecord, _ picture: PictureRecord) throws(CatalogError) -> ItemID {
    try execute(
      """
      INSERT INTO item (root, path, size, modified, inode, hash, format, width, height, orientation,
        taken, cameraMake, cameraModel, added, changed)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, columns(file) + columns(picture) + [generation, generation])
    let id = db.lastInsertedRowID
    try addPending(item: id, field: .image)
    itemsWithStaleWords.insert(id)
    return id
  }

  /// Sets everything about an item's file and picture. Other content makes its image vectors void.
  /// - Throws: `notFound`, `constraint`.
  package func updateItem(
    _ id: ItemID, _ file: FileRecord, _ picture: PictureRecord
  ) throws(CatalogError) {
    let old = try record(of: id)
    try execute(
      """
      UPDATE item SET root = ?, path = ?, size = ?, modified = ?, inode = ?, hash = ?, format = ?, width = ?,
        height = ?, orientation = ?, taken = ?, cameraMake = ?, cameraModel = ?, changed = ? WHERE id = ?
      """, columns(file) + columns(picture) + [generation, id])
    if old.root != file.root || old.path != file.path { itemsWithStaleWords.insert(id) }
    if old.hash != file.hash { try invalidateVectors(of: id, field: .image) }
  }

  /// Records that a file has the same content at another time or place: vectors stay.
  /// - Throws: `notFound`; `invalidRequest` when the content hash differs; `constraint` when the new path is
  ///   taken.
  package func moveItem(_ id: ItemID, to file: FileRecord) throws(CatalogError) {
    let old = try record(of: id)
    guard old.hash == file.hash else {
      throw CatalogError(.invalidRequest, "\(file.path) has another content than item \(id)")
    }
    let isSamePlace = old.root == file.root && old.path == file.path
    try execute(
      """
      UPDATE item SET root = ?, path = ?, size = ?, modified = ?, inode = ?,
        changed = CASE WHEN ? THEN changed ELSE ? END WHERE id = ?
      """,
      [
        file.root, file.path.string, file.size, file.modified, Int64(bitPattern: UInt64(file.inode)),
        isSamePlace, generation, id,
      ])
    if !isSamePlace { itemsWithStaleWords.insert(id) }
  }

  /// Removes items with their captions, tags, words and vectors. Ids that are not there are ignored.
  package func removeItems(_ ids: some Sequence<ItemID>) throws(CatalogError) {
    for id in ids {
      try execute("DELETE FROM words WHERE rowid = ?", [id])
      try execute("DELETE FROM item WHERE id = ?", [id])
      itemsWithStaleWords.remove(id)
    }
  }

  /// The file an item was last seen as.
  package func record(of id: ItemID) throws(CatalogError) -> FileRecord {
    let found = try rows("SELECT root, path, size, modified, inode, hash FROM item WHERE id = ?", [id])
    guard let row = found.first else { throw CatalogError(.notFound, "there is no item \(id)") }
    return try FileRecord(row, from: 0)
  }

  /// The ids of the items in a range, ascending.
  package func items(in range: ClosedRange<ItemID>) throws(CatalogError) -> [ItemID] {
    try rows(
      "SELECT id FROM item WHERE id BETWEEN ? AND ? ORDER BY id", [range.lowerBound, range.upperBound]
    )
    .map { row throws(CatalogError) in try row.integer(0) }
  }

  private func columns(_ file: FileRecord) -> [(any DatabaseValueConvertible)?] {
    [
      file.root, file.path.string, file.size, file.modified, Int64(bitPattern: file.inode), Data(file.hash),
    ]
  }

  private func columns(_ picture: PictureRecord) -> [(any DatabaseValueConvertible)?] {
    [
      picture.format, picture.width, picture.height, picture.orientation, picture.taken, picture.cameraMake,
      picture.cameraModel,
    ]
  }

  // MARK: - Roots

  /// Adds a root, or finds the one of that path.
  @discardableResult
  package func addRoot(_ path: FilePath, device: Int64?) throws(CatalogError) -> RootID {
    if let row = try rows("SELECT id FROM root WHERE path = ?", [path.string]).first {
      return try row.integer(0)
    }
    try execute("INSERT INTO root (path, device) VALUES (?, ?)", [path.string, device])
    return db.lastInsertedRowID
  }

  /// Records where a root is, on which device, and when it was walked.
  package func updateRoot(_ root: Root) throws(CatalogError) {
    try execute(
      "UPDATE root SET path = ?, device = ?, lastSeen = ? WHERE id = ?",
      [root.path.string, root.device, root.lastSeen, root.id])
    guard db.changesCount == 1 else { throw CatalogError(.notFound, "there is no root \(root.id)") }
  }

  /// Removes a root with all its items.
  package func removeRoot(_ id: RootID) throws(CatalogError) {
    try execute("DELETE FROM words WHERE rowid IN (SELECT id FROM item WHERE root = ?)", [id])
    try execute("DELETE FROM item WHERE root = ?", [id])
    try execute("DELETE FROM root WHERE id = ?", [id])
    guard db.changesCount == 1 else { throw CatalogError(.notFound, "there is no root \(id)") }
  }

  // MARK: - Skips

  /// Notes why a file was not taken in.
  package func recordSkip(_ skip: Skip) throws(CatalogError) {
    try execute(
      """
      INSERT OR REPLACE INTO skip (root, path, reason, message, size, modified) VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        skip.root, CaptionText.withoutNull(skip.path), skip.reason, CaptionText.withoutNull(skip.message),
        skip.size, skip.modified,
      ])
  }

  /// Forgets that a file was skipped.
  package func removeSkip(root: RootID, path: String) throws(CatalogError) {
    try execute("DELETE FROM skip WHERE root = ? AND path = ?", [root, CaptionText.withoutNull(path)])
  }

  /// Forgets all skips of a root.
  package func removeSkips(root: RootID) throws(CatalogError) {
    try execute("DELETE FROM skip WHERE root = ?", [root])
  }

  // MARK: - Settings

  /// A fact about the library that was kept, this transaction's own changes included.
  package func setting(_ key: String) throws(CatalogError) -> String? {
    try rows("SELECT value FROM setting WHERE key = ?", [key]).first.map { row throws(CatalogError) in
      try row.text(0)
    }
  }

  /// Keeps a fact about the library, or removes it.
  package func set(_ key: String, _ value: String?) throws(CatalogError) {
    if let value {
      try execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [key, value])
    } else {
      try execute("DELETE FROM setting WHERE key = ?", [key])
    }
  }
}

extension FileRecord {
  /// From the columns root, path, size, modified, inode, hash.
  init(_ row: Row, from first: Int) throws(CatalogError) {
    self.init(
      root: try row.integer(first), path: FilePath(try row.text(first + 1)), size: try row.integer(first + 2),
      modified: try row.integer(first + 3), inode: UInt64(bitPattern: try row.integer(first + 4)),
      hash: try row.bytes(first + 5))
  }
}
