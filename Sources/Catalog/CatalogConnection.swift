// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// The ways into a catalog file.
enum CatalogConnection: Sendable {
  /// Read and written. The only way that creates the file or changes its schema.
  case writing(DatabasePool)
  /// Read beside a possible writer: needs the -wal and -shm files, or the right to make them.
  case reading(DatabasePool)
  /// Read where nothing may be created and no writer is: no locks are taken, so each read checks that the
  /// file is still the one with this stamp.
  case immutable(DatabaseQueue, FileStamp)

  var reader: any DatabaseReader {
    switch self {
    case .writing(let pool), .reading(let pool): pool
    case .immutable(let queue, _): queue
    }
  }
}

/// What tells whether a file is still the same.
struct FileStamp: Hashable, Sendable {
  let inode: Int
  let size: Int
  let modified: Date?
  let hasLog: Bool

  /// The stamp of the catalog at `path`, nil where there is no such file.
  init?(path: String) {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    inode = (attributes[.systemFileNumber] as? Int) ?? 0
    size = (attributes[.size] as? Int) ?? 0
    modified = attributes[.modificationDate] as? Date
    hasLog = Self.logSize(path: path) > 0
  }

  /// The size of the write-ahead log, 0 where there is none.
  static func logSize(path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
    return (attributes?[.size] as? Int) ?? 0
  }
}

extension CatalogConnection {
  /// Opens, creates and migrates the catalog for writing. Nothing of a foreign or newer file is touched.
  static func openForWriting(path: String, busyTimeout: Double) throws -> CatalogConnection {
    let deadline = ContinuousClock.now + .seconds(busyTimeout)
    while true {
      do {
        return try openForWritingOnce(path: path, busyTimeout: busyTimeout)
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && .now < deadline {
        // SQLite does not wait where that might be for ever: say, to begin a write-ahead log while another process that
        // makes the same catalog looks at it.
        usleep(10_000)
      }
    }
  }

  private static func openForWritingOnce(path: String, busyTimeout: Double) throws -> CatalogConnection {
    if let stamp = FileStamp(path: path), stamp.size > 0 || stamp.hasLog {
      try checkFile(path: path)
      do {
        try probe(path: path, configuration(true, busyTimeout))
      } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
        // A first run that was killed in its first transaction left a rollback journal: only who may write can undo
        // what is half done (later transactions go to the write-ahead log).
        try probe(path: path, configuration(false, busyTimeout))
      }
    }
    let pool = try DatabasePool(path: path, configuration: configuration(false, busyTimeout))
    do {
      try Schema.migrate(pool)
    } catch let error as DatabaseError where error.message?.contains("grdb_migrations") == true {
      // Another process is making the same catalog, and the migrator looked in between its steps.
      try Schema.migrate(pool)
    }
    try pool.writeWithoutTransaction { db in
      // GRDB sets NORMAL when it opens a pool. A commit names files live: it must survive a power loss.
      try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864")
      try checkWords(db, path: path)
    }
    return .writing(pool)
  }

  /// Checks that the file may become, or is, a catalog that this program can write.
  private static func probe(path: String, _ configuration: Configuration) throws {
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    _ = try queue.read { try checkSchema($0, path: path) }
    try queue.close()
  }

  /// Opens the catalog for reading, also in a folder where SQLite may not create its -shm file.
  static func openForReading(path: String, busyTimeout: Double) throws -> CatalogConnection {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CatalogError(.cannotOpen, "there is no catalog at \(path); run `duet index` to make one")
    }
    try checkFile(path: path)
    do {
      let pool = try DatabasePool(path: path, configuration: configuration(true, busyTimeout))
      try pool.read { try requireCurrentSchema($0, path: path) }
      return .reading(pool)
    } catch let error as DatabaseError where isMissingSharedMemory(error) {
      return try openImmutable(path: path, busyTimeout: busyTimeout, because: error)
    }
  }

  private static func isMissingSharedMemory(_ error: DatabaseError) -> Bool {
    error.resultCode == .SQLITE_CANTOPEN || error.resultCode == .SQLITE_READONLY
  }

  private static func openImmutable(
    path: String, busyTimeout: Double, because cause: DatabaseError
  ) throws -> CatalogConnection {
    guard let stamp = FileStamp(path: path) else { throw cause }
    guard !stamp.hasLog else {
      throw CatalogError(
        .cannotOpen,
        "\(path) has a write-ahead log that cannot be read without write permission; let its owner run "
          + "`duet info` once, or ask for permission to write in its folder",
        cause: cause)
    }
    let queue = try DatabaseQueue(
      path: uri(path: path) + "?mode=ro&immutable=1", configuration: configuration(true, busyTimeout))
    try queue.read { try requireCurrentSchema($0, path: path) }
    return .immutable(queue, stamp)
  }

  /// `file:` and the path, with every byte escaped that means something in a URI.
  static func uri(path: String) -> String {
    var text = "file:"
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "0")...57,
        65...90,
        97...122:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return text
  }

  private static func configuration(_ isReadOnly: Bool, _ busyTimeout: Double) -> Configuration {
    var configuration = Configuration()
    configuration.label = "duet.catalog"
    configuration.readonly = isReadOnly
    configuration.busyMode = .timeout(busyTimeout)
    configuration.maximumReaderCount = 8
    configuration.prepareDatabase { db in
      // The file is untrusted: its schema may not call functions with side effects, and pages are checked.
      try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
      db.add(function: CaptionText.containsFunction)
    }
    return configuration
  }

  /// SQLite's.
  private static let smallestPage = 512

  /// Looks at what SQLite would not tell: a file shorter than a page is a new database to it; for us it is none.
  ///
  /// The file is not opened here: closing it again would drop the locks that another connection of this process holds
  /// on it (https://www.sqlite.org/howtocorrupt.html, 2.2). Other contents SQLite refuses by itself, before it writes.
  private static func checkFile(path: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
      FileManager.default.isReadableFile(atPath: path)
    else {
      throw CatalogError(.cannotOpen, "\(path) cannot be read: check that it is a file and its permissions")
    }
    if let stamp = FileStamp(path: path), stamp.size < smallestPage, !stamp.hasLog {
      // Only a reader looks at an empty file: a writer makes a catalog of it.
      guard stamp.size > 0 else { throw unfinished(path: path) }
      throw CatalogError(
        .notACatalog,
        "\(path) is not a catalog: it is too short (\(stamp.size) bytes); move it away and run `duet index`")
    }
  }

  /// What a first run that was killed at once leaves behind.
  private static func unfinished(path: String) -> CatalogError {
    CatalogError(.unfinished, "\(path) holds no library yet; run `duet index`")
  }

  /// The schema version of the open file.
  /// - Throws: `newerVersion`, `notACatalog`.
  @discardableResult
  private static func checkSchema(_ db: Database, path: String) throws -> Int64 {
    let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let tables = try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
    if tables == 0 && application == 0 { return 0 }
    guard application == Schema.applicationID else {
      // A first run that was killed leaves only the migrator's own table.
      let foreign = try Int64.fetchOne(
        db, sql: "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'grdb_migrations'")
      if application == 0 && version == 0 && foreign == 0 { return 0 }
      throw CatalogError(.notACatalog, "\(path) is a SQLite database, but not one of Duet's")
    }
    guard version <= Schema.version else {
      throw CatalogError(
        .newerVersion,
        "\(path) was written by a newer Duet (catalog version \(version), this program knows "
          + "\(Schema.version)); use that version, or index into another library")
    }
    return version
  }

  private static func requireCurrentSchema(_ db: Database, path: String) throws {
    let version = try checkSchema(db, path: path)
    guard version > 0 else { throw unfinished(path: path) }
    guard version == Schema.version else {
      throw CatalogError(
        .needsUpgrade,
        "\(path) was written by an older Duet (catalog version \(version)); run `duet index` once with "
          + "permission to write")
    }
    try checkWords(db, path: path)
  }

  /// Names the missing extension instead of failing at the first search.
  private static func checkWords(_ db: Database, path: String) throws {
    _ = try Row.fetchOne(db, sql: "SELECT rowid FROM words LIMIT 1")
    guard try Int64.fetchOne(db, sql: "SELECT count(*) FROM meta") == 1 else {
      throw CatalogError(.corrupted, "\(path) is corrupted: its meta row is missing")
    }
  }
}
