// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

// <sys/fsuid.h> is not part of Swift's Glibc module.
@_silgen_name("setfsuid") private func setfsuid(_ id: UInt32) -> Int32
@_silgen_name("setfsgid") private func setfsgid(_ id: UInt32) -> Int32

/// Runs `body` on a thread that has no rights beyond those of everybody. Root would be let in anywhere, so there
/// the thread, and only it, changes its identity for file access.
private func asStranger<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
  guard geteuid() == 0 else { return try body() }
  let box = Mutex<Result<T, any Error>?>(nil)
  let done = DispatchSemaphore(value: 0)
  let thread = Thread {
    _ = setfsgid(65534)
    _ = setfsuid(65534)
    let result = Result { try body() }
    box.withLock { $0 = result }
    done.signal()
  }
  thread.start()
  done.wait()
  return try #require(box.withLock { $0 }).get()
}

@Suite struct ReadOnlyFolderTests {
  /// A library whose folder and file nobody may write.
  private func closedLibrary() throws -> TestLibrary {
    let library = try TestLibrary()
    try library.add("a.jpg", captions: ["a red car"])
    try library.store.close()
    try setMode(library, file: 0o444, folder: 0o555)
    return library
  }

  private func setMode(_ library: TestLibrary, file: Int, folder: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: folder], ofItemAtPath: library.folder.path)
    try FileManager.default.setAttributes([.posixPermissions: file], ofItemAtPath: library.path.string)
  }

  @Test func `a reader without permission to write opens and searches`() throws {
    let library = try closedLibrary()
    defer { try? setMode(library, file: 0o644, folder: 0o755) }
    let path = library.path
    let (isImmutable, items, hits) = try asStranger {
      let store = try CatalogStore.open(path, access: .readOnly)
      return (store.isImmutable, try store.snapshot().itemCount, try store.wordMatches("car").hits.count)
    }
    #expect(isImmutable)
    #expect(items == 1)
    #expect(hits == 1)
  }

  @Test func `opening to write there says what is in the way`() throws {
    let library = try closedLibrary()
    defer { try? setMode(library, file: 0o644, folder: 0o755) }
    let path = library.path
    let code = try asStranger {
      try CatalogError.Code.of { _ = try CatalogStore.open(path, access: .readWrite) }
    }
    #expect(code == .cannotOpen || code == .readOnly)
  }

  @Test func `a reader without permission sees a writer's commits`() throws {
    let library = try closedLibrary()
    let path = library.path
    let store = try asStranger { try CatalogStore.open(path, access: .readOnly) }
    #expect(store.isImmutable)
    // The owner comes back and writes; the log must be readable for the reader to follow.
    try setMode(library, file: 0o644, folder: 0o755)
    let owner = try CatalogStore.open(path, access: .readWrite)
    try owner.write { try $0.insertItem(library.file("b.jpg"), TestLibrary.picture) }
    #expect(try asStranger { try store.snapshot().itemCount } == 2)
    try owner.close()
    #expect(try asStranger { try store.snapshot().itemCount } == 2)
  }

  @Test func `a log left by a killed writer is read, or named as what is missing`() throws {
    let library = try TestLibrary()
    try library.add("a.jpg")
    for (name, suffixes) in [("whole", ["", "-wal", "-shm"]), ("logOnly", ["", "-wal"])] {
      let folder = try TemporaryDirectory()
      let path = FilePath(folder.path("catalog.sqlite"))
      for suffix in suffixes {
        try FileManager.default.copyItem(atPath: library.path.string + suffix, toPath: path.string + suffix)
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path.string + suffix)
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
      defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
      do {
        #expect(try asStranger { try CatalogStore.open(path, access: .readOnly).itemCount() } == 1)
      } catch let error as CatalogError {
        #expect(name == "logOnly" && error.code == .cannotOpen, "\(name): \(error)")
        #expect(error.message.contains("write-ahead log"))
      }
    }
  }

  @Test func `files that an owner's reading left behind do not disturb a stranger`() throws {
    let library = try closedLibrary()
    defer { try? setMode(library, file: 0o644, folder: 0o755) }
    try setMode(library, file: 0o644, folder: 0o755)
    let owner = try CatalogStore.open(library.path, access: .readOnly)
    #expect(try owner.itemCount() == 1)
    try owner.close()
    try setMode(library, file: 0o444, folder: 0o555)
    let path = library.path
    #expect(try asStranger { try CatalogStore.open(path, access: .readOnly).itemCount() } == 1)
  }

  @Test(arguments: ["plain", "with space", "question?mark#hash%25", "ünï/ço:dé&=+", "'\"\\"])
  func `any path makes a valid URI`(name: String) throws {
    let library = try TestLibrary()
    try library.store.close()
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: library.path.string)))
    let copy = try library.folder.write(bytes, to: "\(name)/catalog.sqlite")
    var configuration = Configuration()
    configuration.readonly = true
    let queue = try DatabaseQueue(
      path: CatalogConnection.uri(path: copy) + "?mode=ro&immutable=1", configuration: configuration)
    #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") } == 0)
  }
}
