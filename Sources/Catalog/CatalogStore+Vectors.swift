// SPDX-License-Identifier: Apache-2.0
import GRDB

extension CatalogStore {
  /// All spaces, oldest first.
  package func spaces() throws(CatalogError) -> [Space] {
    try read { db in try Space.all(db) }
  }

  /// Items that lack their embeddings in a space, ascending; the next `limit` ones after `after`.
  package func pendingItems(
    space: SpaceID, field: VectorField, after: ItemID = 0, limit: Int
  ) throws(CatalogError) -> [ItemID] {
    try read { db in
      let sql = "SELECT item FROM pending WHERE space = ? AND field = ? AND item > ? ORDER BY item LIMIT ?"
      return try Row.fetchAll(
        db.cachedStatement(sql: sql), arguments: [space, field.rawValue, after, max(0, limit)]
      ).map { try $0.integer(0) }
    }
  }

  /// How many items lack their embeddings in a space.
  package func pendingCount(space: SpaceID, field: VectorField) throws(CatalogError) -> Int {
    try read { db in
      let sql = "SELECT count(*) FROM pending WHERE space = ? AND field = ?"
      return try Row.fetchOne(db, sql: sql, arguments: [space, field.rawValue]).map { try $0.int(0) } ?? 0
    }
  }

  /// How many vectors of a field lie in the catalog itself, to know when to make a segment of them.
  package func freshCount(space: SpaceID, field: VectorField) throws(CatalogError) -> Int {
    try read { db in
      let sql = "SELECT count(*) FROM freshVector WHERE space = ? AND field = ?"
      return try Row.fetchOne(db, sql: sql, arguments: [space, field.rawValue]).map { try $0.int(0) } ?? 0
    }
  }

  /// The live segments of all spaces.
  package func liveSegments() throws(CatalogError) -> [SegmentRecord] {
    try read { db in try SegmentRecord.fetch(db, where: "state = 'live' ORDER BY id") }
  }

  /// Segments retired before a commit: their files may be unlinked now, then `forgetRetired` drops the rows.
  ///
  /// Asking for those before the current generation keeps each file at least until the commit after the one
  /// that retired it is durable, so that a reader of the former state, or a catalog that lost its last commit,
  /// still finds it.
  package func retiredSegments(before generation: Generation) throws(CatalogError) -> [SegmentRecord] {
    try read { db in
      try SegmentRecord.fetch(db, where: "state = 'retired' AND retired < ? ORDER BY id", [generation])
    }
  }

  /// Every segment file the catalog names, live or retired: any other in the folder is an orphan.
  package func namedSegmentFiles() throws(CatalogError) -> Set<String> {
    try read { db in Set(try SegmentRecord.fetch(db, where: "true").map(\.file)) }
  }

  /// Looks for contradictions in the whole file; empty when there is none. Reads everything.
  package func verify() throws(CatalogError) -> [String] {
    var problems = try read { db in
      var problems = try Row.fetchAll(db, sql: "PRAGMA integrity_check(20)").map { try $0.text(0) }
        .filter { $0 != "ok" }
      for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").prefix(20) {
        problems.append("table \(try row.text(0)) refers to a missing row of \(try row.text(2))")
      }
      let miscount = try Row.fetchOne(db, sql: "SELECT (SELECT count(*) FROM item) - itemCount FROM meta")
      if let count = try miscount?.int(0), count != 0 {
        problems.append("the count of items is off by \(count)")
      }
      let wordless = try Row.fetchOne(
        db, sql: "SELECT count(*) FROM item WHERE id NOT IN (SELECT rowid FROM words)")
      if let count = try wordless?.int(0), count > 0 { problems.append("\(count) items have no words") }
      let itemless = try Row.fetchOne(
        db, sql: "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT id FROM item)")
      if let count = try itemless?.int(0), count > 0 {
        problems.append("words of \(count) items that are gone")
      }
      let blobs = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*) FROM freshVector JOIN space ON space.id = freshVector.space
          WHERE length(vector) <> 4 * dimension
          """)
      if let count = try blobs?.int(0), count > 0 { problems.append("\(count) vectors have a wrong length") }
      return problems
    }
    if access == .readWrite {
      do {
        try onWriter { db in try db.execute(sql: "INSERT INTO words (words) VALUES ('integrity-check')") }
      } catch  where error.code == .corrupted {
        problems.append("the index of words does not fit its texts")
      }
    }
    return problems
  }
}
