// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

@Suite struct CatalogStoreTests {
  @Test func `a new catalog is in WAL mode, durable, and keeps its foreign keys`() throws {
    let library = try TestLibrary()
    let (journal, synchronous, foreignKeys, application, version) = try library.store.onWriter { db in
      (
        try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"),
        try Int.fetchOne(db, sql: "PRAGMA foreign_keys"),
        try Int64.fetchOne(db, sql: "PRAGMA application_id"),
        try Int64.fetchOne(db, sql: "PRAGMA user_version")
      )
    }
    #expect(journal == "wal")
    #expect(synchronous == 2)
    #expect(foreignKeys == 1)
    #expect(application == Schema.applicationID)
    #expect(version == Schema.version)
    #expect(try library.store.verify().isEmpty)
  }

  @Test func `opening again finds the same library, and changes nothing`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg", captions: ["one"])
    let before = try library.store.snapshot()
    try library.store.close()
    let again = try CatalogStore.open(library.path, access: .readWrite)
    let after = try again.snapshot()
    #expect(after.generation == before.generation)
    #expect(after.libraryID == before.libraryID)
    #expect(try again.items([id]).first?.file.path == "a.jpg")
  }

  @Test func `generations rise by one with each commit that changes something`() throws {
    let library = try TestLibrary()
    let start = try library.store.generation()
    try library.add("a.jpg")
    #expect(try library.store.generation() == start + 1)
    try library.store.write { _ in }
    #expect(try library.store.generation() == start + 1)
    try library.add("b.jpg")
    #expect(try library.store.generation() == start + 2)
  }

  @Test func `a transaction that throws leaves nothing`() throws {
    struct Stop: Error {}
    let library = try TestLibrary()
    let before = try library.store.snapshot()
    #expect(throws: Stop.self) {
      try library.store.write { transaction in
        let id = try transaction.insertItem(library.file("a.jpg"), TestLibrary.picture)
        try transaction.replaceCaptions(of: id, with: [Caption("lost", source: .user)])
        throw Stop()
      }
    }
    let after = try library.store.snapshot()
    #expect(after.generation == before.generation)
    #expect(after.itemCount == 0)
    #expect(try library.store.pendingCount(space: library.space.id, field: .image) == 0)
  }

  @Test func `readers see whole commits while a writer works`() throws {
    let library = try TestLibrary()
    let reader = try CatalogStore.open(library.path, access: .readOnly)
    let done = Atomic(false)
    let torn = Atomic(0)
    let reads = Atomic(0)
    let thread = Thread {
      while !done.load(ordering: .acquiring) {
        // Each commit adds an item with its vector: the counts are equal in every state there ever was.
        guard let snapshot = try? reader.snapshot() else {
          torn.add(1, ordering: .relaxed)
          continue
        }
        let vectors = snapshot.fresh[.image]?.count ?? 0
        if vectors != snapshot.itemCount { torn.add(1, ordering: .relaxed) }
        reads.add(1, ordering: .relaxed)
      }
    }
    thread.start()
    for index in 0..<100 {
      try library.store.write { transaction in
        let id = try transaction.insertItem(library.file("\(index).jpg"), TestLibrary.picture)
        try transaction.addVectors(
          space: library.space.id, field: .image, keys: [FreshVectorKey(item: id)], vectors: [1, 2, 3, 4])
      }
    }
    done.store(true, ordering: .releasing)
    while thread.isExecuting { usleep(1000) }
    #expect(torn.load(ordering: .relaxed) == 0)
    #expect(reads.load(ordering: .relaxed) > 0)
    #expect(try reader.snapshot().itemCount == 100)
  }

  @Test func `a second writer waits, and says so when it waits too long`() throws {
    let library = try TestLibrary()
    let other = try CatalogStore.open(library.path, access: .readWrite, busyTimeout: 0.05)
    try library.store.write { transaction in
      try transaction.insertItem(library.file("a.jpg"), TestLibrary.picture)
      #expect(try CatalogError.Code.of { try other.write { try $0.set("k", "v") } } == .busy)
    }
    try other.write { try $0.set("k", "v") }
    #expect(try library.store.setting("k") == "v")
  }

  @Test func `reading only forbids writing`() throws {
    let library = try TestLibrary()
    let reader = try CatalogStore.open(library.path, access: .readOnly)
    #expect(try CatalogError.Code.of { try reader.write { try $0.set("k", "v") } } == .readOnly)
  }

  // MARK: - Files that are no catalogs

  @Test func `a missing catalog is not made by a reader`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("none.sqlite"))
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: .readOnly) } == .cannotOpen)
    #expect(!FileManager.default.fileExists(atPath: path.string))
  }

  @Test(arguments: [CatalogStore.Access.readOnly, .readWrite])
  func `a file that is not SQLite is refused and left alone`(access: CatalogStore.Access) throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(try folder.write("hello, I am a text\n", to: "catalog.sqlite"))
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: access) } == .notACatalog)
    #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "hello, I am a text\n")
  }

  @Test(arguments: [CatalogStore.Access.readOnly, .readWrite])
  func `another program's database is refused and left alone`(access: CatalogStore.Access) throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("catalog.sqlite"))
    let queue = try DatabaseQueue(path: path.string)
    try queue.write { try $0.execute(sql: "CREATE TABLE item (id INTEGER PRIMARY KEY)") }
    try queue.close()
    let before = try Data(contentsOf: URL(filePath: path.string))
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: access) } == .notACatalog)
    #expect(try Data(contentsOf: URL(filePath: path.string)) == before)
  }

  @Test(arguments: [CatalogStore.Access.readOnly, .readWrite])
  func `a newer catalog is refused by name of its version`(access: CatalogStore.Access) throws {
    let library = try TestLibrary()
    try library.store.onWriter { try $0.execute(sql: "PRAGMA user_version = 99") }
    try library.store.close()
    do {
      _ = try CatalogStore.open(library.path, access: access)
      Issue.record("it opened")
    } catch {
      #expect(error.code == .newerVersion)
      #expect(error.message.contains("99"))
    }
  }

  @Test func `a writer that closes folds the log into the file, also when it has read`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("catalog.sqlite"))
    let store = try CatalogStore.open(path, access: .readWrite)
    try store.write { try $0.set("read", "and written") }
    #expect(try store.setting("read") == "and written")
    try store.close()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["catalog.sqlite"])
    #expect(try CatalogStore.open(path, access: .readOnly).setting("read") == "and written")
  }

  @Test func `a file left by a run killed in its first transaction becomes a catalog for a writer`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("catalog.sqlite"))
    // What making the file a WAL database leaves when it is stopped before the journal is gone: one page, and a
    // journal that says that there was none (https://www.sqlite.org/fileformat2.html#the_rollback_journal).
    try DatabasePool(path: path.string).close()
    let journal: [UInt8] =
      [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 2, 0]
      + [0, 0, 0x10, 0]
    try folder.write(
      journal + [UInt8](repeating: 0, count: 512 - journal.count), to: "catalog.sqlite-journal")
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: .readOnly) } == .unfinished)
    let store = try CatalogStore.open(path, access: .readWrite)
    #expect(try store.itemCount() == 0)
    #expect(try store.verify() == [])
  }

  @Test func `an empty file becomes a catalog for a writer and is none for a reader`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(try folder.write("", to: "catalog.sqlite"))
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: .readOnly) } == .unfinished)
    let store = try CatalogStore.open(path, access: .readWrite)
    #expect(try store.itemCount() == 0)
  }

  @Test func `a file that a first run left without tables becomes a catalog too`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("catalog.sqlite"))
    let queue = try DatabaseQueue(path: path.string)
    try queue.writeWithoutTransaction { db in
      try db.execute(
        sql: "PRAGMA journal_mode = WAL; CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY NOT NULL)")
    }
    try queue.close()
    #expect(try CatalogError.Code.of { _ = try CatalogStore.open(path, access: .readOnly) } == .unfinished)
    #expect(try CatalogStore.open(path, access: .readWrite).itemCount() == 0)
  }

  @Test func `truncated and overwritten files end in errors, never in a crash`() throws {
    let library = try TestLibrary()
    for index in 0..<60 { try library.add("folder/\(index).jpg", captions: ["caption number \(index)"]) }
    try library.addVectors(Array(1...60))
    try library.store.checkpoint()
    try library.store.close()
    let whole = try [UInt8](Data(contentsOf: URL(filePath: library.path.string)))
    var random = SeededRandom(seed: 11)
    var outcomes: [CatalogError.Code: Int] = [:]
    for round in 0..<60 {
      var bytes = whole
      if round.isMultiple(of: 2) {
        bytes.removeLast(Int.random(in: 1..<bytes.count - 1, using: &random))
      } else {
        let start = Int.random(in: 0..<bytes.count - 4096, using: &random)
        for index in start..<start + 4096 { bytes[index] = UInt8.random(in: 0...255, using: &random) }
      }
      let path = FilePath(try library.folder.write(bytes, to: "broken\(round).sqlite"))
      do {
        let store = try CatalogStore.open(path, access: .readOnly)
        let problems = try store.verify()
        _ = try store.snapshot()
        _ = try store.items(Array(1...60))
        try store.forEachKnownFile(root: library.root) { _ in }
        if problems.isEmpty { outcomes[.invalidRequest, default: 0] += 1 }
      } catch let error as CatalogError {
        outcomes[error.code, default: 0] += 1
      }
    }
    #expect(outcomes[.invalidRequest] == nil, "damage that verify did not see")
    #expect((outcomes[.corrupted] ?? 0) > 20)
  }
}
