// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import Synchronization
package import SystemPackage

/// What the vectors are of: items, captions, words, segments, in one SQLite file.
///
/// The catalog is the library's only commit point. A segment file exists for the library from the commit on
/// that names it, and no earlier; everything else in the folder is an orphan. One process writes at a time,
/// any number read, each in the state of one commit.
///
///     let store = try CatalogStore.open(path, access: .readWrite)
///     let id = try store.write { transaction in try transaction.insertItem(file, picture) }
///     let snapshot = try store.snapshot()
///
/// No read transaction outlives a call. Calls block; do not make them from the cooperative thread pool when
/// they may be long.
package final class CatalogStore: Sendable {
  /// The version of the schema that this program writes, and the newest that it reads.
  package static let currentVersion = Int(Schema.version)

  /// What the catalog is opened for.
  package enum Access: Sendable {
    /// Creates and upgrades the file where needed.
    case readWrite
    /// Changes nothing, and works without permission to write in the folder.
    case readOnly
  }

  /// Where the catalog is.
  package let path: FilePath
  /// What it was opened for.
  package let access: Access
  private let busyTimeout: Double
  private let connection: Mutex<CatalogConnection>

  private init(path: FilePath, access: Access, busyTimeout: Double, connection: CatalogConnection) {
    self.path = path
    self.access = access
    self.busyTimeout = busyTimeout
    self.connection = Mutex(connection)
  }

  /// Opens the catalog at `path`.
  ///
  /// - Parameter busyTimeout: how many seconds to wait for another process's transaction.
  /// - Throws: `notACatalog`, `unfinished` (reading only), `newerVersion`, `needsUpgrade`, `corrupted`, `cannotOpen`, `busy`.
  package static func open(
    _ path: FilePath, access: Access, busyTimeout: Double = 30
  ) throws(CatalogError) -> CatalogStore {
    let connection = try catalogErrors(path.string) {
      switch access {
      case .readWrite: try CatalogConnection.openForWriting(path: path.string, busyTimeout: busyTimeout)
      case .readOnly: try CatalogConnection.openForReading(path: path.string, busyTimeout: busyTimeout)
      }
    }
    return CatalogStore(path: path, access: access, busyTimeout: busyTimeout, connection: connection)
  }

  /// Closes all connections. A writer's last close folds the log into the file.
  package func close() throws(CatalogError) {
    try catalogErrors(path.string) {
      try connection.withLock { connection in
        // GRDB closes the writer before the readers, and a last close by a reader folds nothing.
        if case .writing(let pool) = connection { pool.invalidateReadOnlyConnections() }
        try connection.reader.close()
      }
    }
  }

  /// Whether the file is read without locks, because the folder allows no others.
  package var isImmutable: Bool {
    connection.withLock { if case .immutable = $0 { true } else { false } }
  }

  // MARK: - Reading

  /// Runs `body` on the state of one commit.
  func read<T>(_ body: (Database) throws -> T) throws(CatalogError) -> T {
    try catalogErrors(path.string) {
      for _ in 0..<8 {
        let current = connection.withLock { $0 }
        guard case .immutable(let queue, let stamp) = current else {
          return try current.reader.read(body)
        }
        let result = Result { try queue.read(body) }
        // Without locks a writer may have changed pages while they were read: then nothing that was seen counts.
        if FileStamp(path: path.string) == stamp { return try result.get() }
        try reopen()
      }
      throw CatalogError(.busy, "\(path) keeps changing while it is read; try again")
    }
  }

  private func reopen() throws {
    let fresh = try CatalogConnection.openForReading(path: path.string, busyTimeout: busyTimeout)
    connection.withLock { $0 = fresh }
  }

  // MARK: - Writing

  /// Runs `body` as one transaction: all of it is committed, durably, or nothing.
  ///
  /// The write lock is taken before `body` runs, waiting up to the busy timeout for another process; so `body`
  /// runs once. The generation rises by one, unless `body` changed nothing. The transaction object is void
  /// when `body` returns.
  /// - Throws: what `body` throws, after a rollback; `readOnly`, `busy`, `diskFull`, `constraint`.
  @discardableResult
  package func write<T>(_ body: (CatalogTransaction) throws -> T) throws -> T {
    let pool = try writingPool()
    do {
      return try pool.writeWithoutTransaction { db in
        var result: T?
        try db.inTransaction(.immediate) {
          let transaction = try CatalogTransaction(db, path: path.string)
          let value = try body(transaction)
          result = value
          return try transaction.finish() ? .commit : .rollback
        }
        guard let result else { throw CatalogError(.inputOutput, "\(path): the transaction had no result") }
        return result
      }
    } catch let error as DatabaseError {
      throw CatalogError(error, path: path.string)
    }
  }

  /// Folds the write-ahead log into the file and empties it, as far as readers allow.
  package func checkpoint() throws(CatalogError) {
    let pool = try writingPool()
    try catalogErrors(path.string) {
      try pool.writeWithoutTransaction { db in
        _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      }
    }
  }

  /// Runs `body` on the writer's connection, outside a transaction. For pragmas, and for tests.
  func onWriter<T>(_ body: (Database) throws -> T) throws(CatalogError) -> T {
    let pool = try writingPool()
    return try catalogErrors(path.string) { try pool.writeWithoutTransaction(body) }
  }

  private func writingPool() throws(CatalogError) -> DatabasePool {
    guard case .writing(let pool) = connection.withLock({ $0 }) else {
      throw CatalogError(.readOnly, "\(path) was opened for reading only")
    }
    return pool
  }
}
