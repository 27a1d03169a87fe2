// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

/// What is left after kills and power losses: copies of the files taken at awkward moments.
@Suite struct DurabilityTests {
  private func copy(_ library: TestLibrary, to name: String, _ suffixes: [String]) throws -> FilePath {
    let target = library.folder.path("\(name).sqlite")
    for suffix in suffixes {
      try FileManager.default.copyItem(atPath: library.path.string + suffix, toPath: target + suffix)
    }
    return FilePath(target)
  }

  @Test(arguments: [["", "-wal", "-shm"], ["", "-wal"]])
  func `a process killed between commits loses none of them`(suffixes: [String]) throws {
    let library = try TestLibrary()
    for index in 0..<20 {
      try library.add("\(index).jpg", captions: ["caption \(index)"])
      let path = try copy(library, to: "killed\(index)", suffixes)
      let reader = try CatalogStore.open(path, access: .readOnly)
      #expect(try reader.itemCount() == index + 1)
      let writer = try CatalogStore.open(path, access: .readWrite)
      #expect(try writer.generation() == library.store.generation())
      #expect(try writer.verify().isEmpty)
    }
  }

  @Test func `a log cut anywhere leaves the state of one whole commit`() throws {
    let library = try TestLibrary()
    try library.store.checkpoint()
    for index in 0..<12 {
      try library.store.write { transaction in
        for part in 0..<3 {
          let id = try transaction.insertItem(library.file("\(index)-\(part).jpg"), TestLibrary.picture)
          try transaction.replaceCaptions(of: id, with: [Caption("caption \(index)", source: .user)])
        }
      }
    }
    let log = try [UInt8](Data(contentsOf: URL(filePath: library.path.string + "-wal")))
    #expect(log.count > 40_000)
    var random = SeededRandom(seed: 8)
    var seen: Set<Int> = []
    for round in 0..<40 {
      let path = try copy(library, to: "cut\(round)", [""])
      let length = Int.random(in: 1...log.count, using: &random)
      try library.folder.write(Array(log.prefix(length)), to: "cut\(round).sqlite-wal")
      let store = try CatalogStore.open(path, access: .readWrite)
      let count = try store.itemCount()
      #expect(count.isMultiple(of: 3))
      #expect(try store.captionCount() == count)
      #expect(try store.verify().isEmpty)
      seen.insert(count)
      // Life goes on: the next commit has a number, and segment names that lost commits used are not given again.
      try store.write { try $0.set("k", "v") }
    }
    #expect(seen.count > 5)
  }

  @Test func `a full disk fails the commit, names itself, and loses nothing`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg", captions: ["kept"])
    let before = try library.store.generation()
    try library.store.onWriter { db in
      let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      try db.execute(sql: "PRAGMA max_page_count = \(pages + 3)")
    }
    let long = (0..<20_000).map { "word\($0)" }.joined(separator: " ")
    let code = try CatalogError.Code.of {
      _ = try library.store.write { try $0.replaceCaptions(of: id, with: [Caption(long, source: .user)]) }
    }
    #expect(code == .diskFull)
    #expect(try library.store.generation() == before)
    #expect(try library.store.captions(of: [id])[id]?.map(\.text) == ["kept"])
    try library.store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1073741823") }
    try library.store.write { try $0.replaceCaptions(of: id, with: [Caption(long, source: .user)]) }
    #expect(try library.store.verify().isEmpty)
  }

  @Test func `two processes may create the library at once`() throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("catalog.sqlite"))
    let failures = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { index in
      do {
        let store = try CatalogStore.open(path, access: .readWrite)
        for round in 0..<10 { try store.write { try $0.set("\(index)-\(round)", "v") } }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
    let store = try CatalogStore.open(path, access: .readOnly)
    #expect(try store.generation() == 60)
    #expect(try store.setting("5-9") == "v")
  }
}
