// SPDX-License-Identifier: Apache-2.0
import GRDB

/// One change of the catalog, valid inside the closure given to `CatalogStore.write`.
///
/// Methods keep the tables true to each other: an item whose content changed has no vectors, a caption that
/// went is no longer found as a word, an item that lacks an embedding is listed as pending.
package final class CatalogTransaction {
  /// The number this commit will have.
  package let generation: Generation
  let db: Database
  let path: String
  private let changesBefore: Int
  /// Items whose row in `words` is written once, at the end.
  var itemsWithStaleWords: Set<ItemID> = []

  init(_ db: Database, path: String) throws {
    self.db = db
    self.path = path
    // Raised first, so that triggers stamp their rows with this commit's number.
    try db.execute(sql: "UPDATE meta SET generation = generation + 1")
    guard let row = try Row.fetchOne(db, sql: "SELECT generation FROM meta") else {
      throw CatalogError(.corrupted, "\(path) is corrupted: its meta row is missing")
    }
    generation = try row.integer(0)
    changesBefore = db.totalChangesCount
  }

  /// Writes what was put off. Returns false when nothing was changed.
  func finish() throws -> Bool {
    try writeStaleWords()
    return db.totalChangesCount != changesBefore
  }

  /// Runs one statement, compiled once per connection.
  func execute(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?] = []) throws(CatalogError) {
    try catalogErrors(path) {
      try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }
  }

  /// The rows of one statement, compiled once per connection.
  func rows(
    _ sql: String, _ arguments: [(any DatabaseValueConvertible)?] = []
  ) throws(CatalogError) -> [Row] {
    try catalogErrors(path) {
      try Row.fetchAll(try db.cachedStatement(sql: sql), arguments: StatementArguments(arguments))
    }
  }

  /// The state, as this transaction sees it, is read with the store's own reading methods.
  func reading<T>(_ body: (Database) throws -> T) throws(CatalogError) -> T {
    try catalogErrors(path) { try body(db) }
  }
}
