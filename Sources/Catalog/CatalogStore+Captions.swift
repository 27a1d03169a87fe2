// SPDX-License-Identifier: Apache-2.0
import GRDB

extension CatalogStore {
  /// The captions of each item, by ordinal; items without captions are left out.
  package func captions(of items: [ItemID]) throws(CatalogError) -> [ItemID: [Caption]] {
    try read { db in
      let sql = """
        SELECT item, text, source, sourceFile, boilerplate FROM caption
        WHERE item IN (SELECT value FROM json_each(?)) ORDER BY item, ordinal
        """
      var found: [ItemID: [Caption]] = [:]
      let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [jsonList(items)])
      while let row = try rows.next() {
        let caption = Caption(
          try row.text(1), source: try row.named(2, as: Caption.Source.self),
          sourceFile: try row.optionalInteger(3), isBoilerplate: try row.integer(4) != 0)
        found[try row.integer(0), default: []].append(caption)
      }
      return found
    }
  }

  /// The tags of each item; items without tags are left out.
  package func tags(of items: [ItemID]) throws(CatalogError) -> [ItemID: [String]] {
    try read { db in
      let sql =
        "SELECT item, text FROM tag WHERE item IN (SELECT value FROM json_each(?)) ORDER BY item, folded"
      var found: [ItemID: [String]] = [:]
      let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [jsonList(items)])
      while let row = try rows.next() { found[try row.integer(0), default: []].append(try row.text(1)) }
      return found
    }
  }

  /// How many items hold each of `texts` as a caption, byte for byte: a caption that many share says little.
  package func itemCounts(ofCaptions texts: [String]) throws(CatalogError) -> [Int] {
    try read { db in
      let statement = try db.cachedStatement(
        sql: "SELECT count(DISTINCT item) FROM caption WHERE textHash = ? AND text = ?")
      return try texts.map { text in
        let text = CaptionText.withoutNull(text)
        let row = try Row.fetchOne(statement, arguments: [CaptionText.hash(text), text])
        return try row?.int(0) ?? 0
      }
    }
  }

  /// How many captions there are.
  package func captionCount() throws(CatalogError) -> Int {
    try read { db in try Row.fetchOne(db, sql: "SELECT count(*) FROM caption").map { try $0.int(0) } ?? 0 }
  }

  /// The sidecars and caption files of a root, ordered by the bytes of their paths.
  package func captionFiles(root: RootID) throws(CatalogError) -> [CaptionFileRecord] {
    try read { db in
      let sql = """
        SELECT id, root, path, size, modified, 0, hash FROM captionFile WHERE root = ? ORDER BY path
        """
      return try Row.fetchAll(db, sql: sql, arguments: [root]).map {
        CaptionFileRecord(id: try $0.integer(0), file: try FileRecord($0, from: 1))
      }
    }
  }

  /// The items that have captions from a file, ascending.
  package func items(captionedBy file: CaptionFileID) throws(CatalogError) -> [ItemID] {
    try read { db in
      let sql = "SELECT DISTINCT item FROM caption WHERE sourceFile = ? ORDER BY item"
      return try Row.fetchAll(db, sql: sql, arguments: [file]).map { try $0.integer(0) }
    }
  }
}
