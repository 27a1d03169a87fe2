// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
import Search
import Synchronization
package import SystemPackage

/// The keys that callers over TCP show, in a file that only its owner may read: `{"keys": [{name, scope, hash, created}]}`.
///
/// A key has 256 random bits, so that its SHA-256 tells nobody what it is; the key itself is shown once and kept nowhere.
/// The file is read again when it changed: a key that is revoked ends at once.
package final class KeyStore: Sendable {
  /// What is kept of a key.
  package struct Entry: Codable, Sendable, Equatable {
    package let name: String
    package let scope: KeyScope
    /// SHA-256 of the key, in hexadecimal digits.
    let hash: String
    /// Seconds since 1970.
    package let created: Int64
  }

  private struct Contents: Codable {
    var keys: [Entry]
  }

  private let path: FilePath
  private let cache = Mutex<(status: FileStatus, entries: [Entry])?>(nil)

  /// - Parameter path: the file; it need not exist.
  package init(_ path: FilePath) { self.path = path }

  /// Makes a key.
  ///
  /// - Returns: the key, which is not kept.
  /// - Throws: ``SearchError``: `invalidRequest` when the name is taken or empty, `storage` when it cannot be kept.
  package func create(name: String, scope: KeyScope, now: Int64) throws -> String {
    guard !name.isEmpty, name.utf8.count <= 100, name.allSatisfy({ !$0.isWhitespace && !$0.isNewline }) else {
      throw SearchError(.invalidRequest, "'\(name)': a key's name is one word of at most 100 bytes")
    }
    return try alone { try add(name: name, scope: scope, now: now) }
  }

  private func add(name: String, scope: KeyScope, now: Int64) throws -> String {
    var entries = try entries()
    guard !entries.contains(where: { $0.name == name }) else {
      throw SearchError(
        .invalidRequest, "there is a key '\(name)' already: choose another name, or revoke it")
    }
    let key = "duet_" + Secret.random()
    entries.append(Entry(name: name, scope: scope, hash: Secret.hash(key), created: now))
    try save(entries)
    return key
  }

  /// Forgets a key.
  ///
  /// - Throws: ``SearchError``: `invalidRequest` when there is none of this name.
  package func revoke(name: String) throws {
    try alone {
      let entries = try entries()
      guard entries.contains(where: { $0.name == name }) else {
        throw SearchError(
          .invalidRequest, "there is no key '\(name)': 'duet serve key list' shows those there are")
      }
      try save(entries.filter { $0.name != name })
    }
  }

  /// Runs `body` while nobody else changes the file: two that add a key at once would lose one of them.
  private func alone<Result>(_ body: () throws -> Result) throws -> Result {
    let lock: FileLock
    do {
      let folder = path.removingLastComponent()
      try Folders.create(folder)
      lock = try FileLock(
        folder.appending((path.lastComponent?.string ?? "keys") + ".lock"), timeout: .seconds(10))
    } catch {
      throw SearchError(.storage, "\(path): the keys cannot be kept", cause: error)
    }
    defer { lock.unlock() }
    return try body()
  }

  /// All keys, in the order of their making.
  ///
  /// - Throws: ``SearchError``, `storage`, when the file is damaged or cannot be read.
  package func entries() throws -> [Entry] {
    guard let status = try? FileStatus(of: path) else { return [] }
    if let known = cache.withLock({ $0 }), known.status == status {
      return known.entries
    }
    do {
      let bytes = try readFile(path, limit: 1 << 20)
      let entries = try JSONDecoder().decode(Contents.self, from: Data(bytes)).keys
      cache.withLock { $0 = (status, entries) }
      return entries
    } catch {
      throw SearchError(
        .storage, "\(path): the keys cannot be read; remove the file to start anew", cause: error)
    }
  }

  /// The entry that `key` belongs to. All entries are compared, each in constant time.
  func entry(of key: String) throws -> Entry? {
    let hash = Secret.hash(key)
    var found: Entry?
    for entry in try entries() where Secret.areEqual(entry.hash, hash) { found = entry }
    return found
  }

  private func save(_ entries: [Entry]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      let file = try AtomicFileWriter(to: path, permissions: 0o600)
      try file.append([UInt8](try encoder.encode(Contents(keys: entries))) + [0x0A])
      try file.commit()
    } catch {
      throw SearchError(.storage, "\(path): the keys cannot be kept", cause: error)
    }
    cache.withLock { $0 = nil }
  }
}
