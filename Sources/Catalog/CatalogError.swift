// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// What went wrong in the catalog, and what to do about it.
package struct CatalogError: Error, CustomStringConvertible {
  /// The kinds of failure a caller may want to tell apart.
  package enum Code: Sendable {
    /// The file or its folder cannot be opened.
    case cannotOpen
    /// The file is no SQLite database, or not one of Duet's.
    case notACatalog
    /// The file was begun, and whoever made it was stopped before it was a catalog; a writer makes it one.
    case unfinished
    /// SQLite, or a check of ours, found contents that cannot be.
    case corrupted
    /// A newer Duet wrote the file.
    case newerVersion
    /// An older Duet wrote the file and it was opened for reading only.
    case needsUpgrade
    /// A change was asked of a catalog that may only be read.
    case readOnly
    /// Another process kept the catalog locked for too long.
    case busy
    /// The disk is full.
    case diskFull
    /// Reading or writing failed in the operating system.
    case inputOutput
    /// A change contradicts the schema (a duplicate path, an unknown item, …).
    case constraint
    /// The thing named is not there.
    case notFound
    /// The state a change was prepared for is gone: read anew and repeat.
    case conflict
    /// The request itself makes no sense (a bad glob, vectors of another dimension, …).
    case invalidRequest
  }

  /// The kind of failure.
  package let code: Code
  /// What is wrong, where, and the remedy.
  package let message: String
  /// The error underneath, where there is one.
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }
}

extension CatalogError {
  /// Tells what SQLite reported in terms of the catalog at `path`.
  init(_ error: any Error, path: String) {
    if let error = error as? CatalogError {
      self = error
      return
    }
    guard let database = error as? DatabaseError else {
      self.init(.inputOutput, "\(path): \(error)", cause: error)
      return
    }
    let detail = database.message ?? "SQLite error \(database.resultCode.rawValue)"
    switch database.resultCode {
    case .SQLITE_NOTADB:
      self.init(.notACatalog, "\(path) is not a catalog: \(detail)", cause: error)
    case .SQLITE_CORRUPT:
      self.init(
        .corrupted,
        "\(path) is corrupted (\(detail)); restore it from a backup, or remove the library and index again",
        cause: error)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
      self.init(.cannotOpen, "\(path) cannot be opened: \(detail)", cause: error)
    case .SQLITE_READONLY:
      self.init(.readOnly, "\(path) cannot be changed: \(detail)", cause: error)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(.busy, "\(path) is locked by another process; try again when it is done", cause: error)
    case .SQLITE_FULL:
      self.init(.diskFull, Self.full(path), cause: error)
    case .SQLITE_CONSTRAINT:
      self.init(.constraint, "\(path): \(detail)", cause: error)
    case .SQLITE_IOERR where Self.isDiskFull(path: path):
      // So SQLite puts it when the file that readers and writers share has no room.
      self.init(.diskFull, Self.full(path), cause: error)
    case .SQLITE_IOERR:
      self.init(
        .inputOutput,
        "\(path): \(detail); check that the disk is there and sound, then run the command again",
        cause: error)
    default:
      self.init(.inputOutput, "\(path): \(detail)", cause: error)
    }
  }

  private static func full(_ path: String) -> String {
    "\(path): the disk is full: free some space and run the command again"
  }

  /// Whether the disk has not even room for SQLite's shared memory.
  private static func isDiskFull(path: String) -> Bool {
    let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    let facts = try? FileManager.default.attributesOfFileSystem(forPath: folder)
    return (facts?[.systemFreeSize] as? Int).map { $0 < 1 << 17 } ?? false
  }
}

/// Runs `body` and reports whatever it throws as a `CatalogError` about the file at `path`.
func catalogErrors<T>(_ path: String, _ body: () throws -> T) throws(CatalogError) -> T {
  do {
    return try body()
  } catch {
    throw CatalogError(error, path: path)
  }
}
