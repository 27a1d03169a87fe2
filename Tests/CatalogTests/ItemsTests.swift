// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

@Suite struct ItemsTests {
  @Test func `an item comes back as it went in`() throws {
    let library = try TestLibrary()
    let picture = PictureRecord(
      format: "webp", width: 3, height: 5, orientation: 8, taken: -12, cameraMake: "Ä", cameraModel: "日本")
    let file = library.file("Ordner/bild.webp", size: 1 << 40, modified: -5)
    let id = try library.store.write { try $0.insertItem(file, picture) }
    let item = try #require(try library.store.item(at: "Ordner/bild.webp", root: library.root))
    #expect(item.id == id)
    #expect(item.file == file)
    #expect(item.picture == picture)
    #expect(item.added == item.changed)
    #expect(try library.store.items(withHash: file.hash).map(\.id) == [id])
  }

  @Test func `paths are told apart by their bytes`() throws {
    let library = try TestLibrary()
    let composed = try library.add("caf\u{E9}.jpg")
    let decomposed = try library.add("cafe\u{301}.jpg")
    #expect(composed != decomposed)
    let found = try library.store.item(at: FilePath("cafe\u{301}.jpg"), root: library.root)
    #expect(found?.id == decomposed)
    #expect(Array(found?.file.path.string.utf8 ?? "".utf8) == Array("cafe\u{301}.jpg".utf8))
  }

  @Test func `items come in the order asked, without the unknown ones`() throws {
    let library = try TestLibrary()
    let ids = try (0..<5).map { try library.add("\($0).jpg") }
    let asked = [ids[3], 999, ids[0], ids[4]]
    #expect(try library.store.items(asked).map(\.id) == [ids[3], ids[0], ids[4]])
  }

  @Test func `ids are never used again`() throws {
    let library = try TestLibrary()
    let first = try library.add("a.jpg")
    let second = try library.add("b.jpg")
    try library.store.write { try $0.removeItems([first, second]) }
    let third = try library.add("a.jpg")
    #expect(third > second)
    #expect(try library.store.items([first, second]).isEmpty)
  }

  @Test func `a path is there once per root`() throws {
    let library = try TestLibrary()
    try library.add("a.jpg")
    #expect(try CatalogError.Code.of { try library.add("a.jpg") } == .constraint)
    #expect(try library.store.itemCount() == 1)
  }

  @Test(
    arguments: [
      "UPDATE item SET path = ''", "UPDATE item SET path = '/absolute'", "UPDATE item SET size = -1",
      "UPDATE item SET width = 0", "UPDATE item SET orientation = 9", "UPDATE item SET hash = x'00'",
      "UPDATE item SET root = 77", "UPDATE item SET size = 'many'", "UPDATE item SET changed = added - 1",
      "UPDATE meta SET generation = generation - 1", "UPDATE meta SET generation = generation",
      "DELETE FROM meta", "INSERT INTO meta SELECT 2, library, generation, created, 0 FROM meta",
      "DELETE FROM root", "UPDATE space SET dimension = 0", "UPDATE space SET state = 'other'",
      "INSERT INTO space (model, weightsHash, preprocessing, dimension, composeRule, state) VALUES "
        + "('m', 'w', 'p', 4, 'rawSum', 'active')",
      "INSERT INTO caption VALUES (1, 9, '', 0, 'sidecar', NULL, 0)",
      "INSERT INTO caption VALUES (1, 9, 'x', 0, 'nowhere', NULL, 0)",
      "INSERT INTO caption VALUES (99, 0, 'x', 0, 'sidecar', NULL, 0)",
      "INSERT INTO tag VALUES (1, '', '')",
      "INSERT INTO freshVector (space, field, item, ordinal, vector) VALUES (1, 'image', 99, 0, x'00000000')",
      "INSERT INTO freshVector (space, field, item, ordinal, vector) VALUES (1, 'smell', 1, 0, x'00000000')",
      "INSERT INTO freshVector (space, field, item, ordinal, vector) VALUES (1, 'image', 1, 9, x'000000')",
      "UPDATE segment SET count = 0", "UPDATE segment SET file = 'a/b'",
      "UPDATE segment SET state = 'retired'",
      "UPDATE segment SET maxItem = 0", "DELETE FROM segment",
      "INSERT INTO tombstone VALUES (99, 1, 1)",
      "INSERT INTO calibration VALUES (1, 'image', 'text', 0.0, 0.0, 5, x'', 1)",
      "INSERT INTO skip VALUES (99, 'a', 'b', 'c', NULL, NULL)",
    ])
  func `the schema itself refuses what cannot be`(sql: String) throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg", captions: ["x"])
    try library.addVectors([id])
    try library.store.write { transaction in
      let segment = NewSegment(
        space: library.space.id, field: .image, file: SegmentFileName.make(), count: 1, bytes: 64,
        items: id...id)
      try transaction.publishSegment(segment, readAt: 0)
    }
    let code = try CatalogError.Code.of { try library.store.onWriter { try $0.execute(sql: sql) } }
    #expect(code == .constraint)
  }

  @Test func `a moved file keeps its vectors, a changed one does not`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg")
    try library.addVectors([id])
    var moved = library.file("b/c.jpg", content: "a.jpg", modified: 9)
    try library.store.write { try $0.moveItem(id, to: moved) }
    #expect(try library.store.item(at: "b/c.jpg", root: library.root)?.id == id)
    #expect(try library.store.snapshot().fresh[.image]?.keys.map(\.item) == [id])
    moved.hash[0] ^= 1
    #expect(
      try CatalogError.Code.of { try library.store.write { try $0.moveItem(id, to: moved) } }
        == .invalidRequest)
    try library.store.write { try $0.updateItem(id, moved, TestLibrary.picture) }
    #expect(try library.store.snapshot().fresh[.image]?.count == 0)
    #expect(try library.store.pendingItems(space: library.space.id, field: .image, limit: 9) == [id])
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 9000])
  func `all known files stream by, ordered by bytes`(count: Int) throws {
    let library = try TestLibrary()
    try library.store.write { transaction in
      for index in 0..<count {
        _ = try transaction.insertItem(
          library.file("\(index % 7)/é\(index).jpg"), TestLibrary.picture)
      }
    }
    var seen: [String] = []
    try library.store.forEachKnownFile(root: library.root) { seen.append($0.file.path.string) }
    #expect(seen.count == count)
    let expected = (0..<count).map { "\($0 % 7)/é\($0).jpg" }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    #expect(seen == expected)
  }

  @Test func `known files of a folder are those below it`() throws {
    let library = try TestLibrary()
    for path in ["a/b/1.jpg", "a/b.jpg", "a/b0/2.jpg", "a/b/c/3.jpg", "a/bb/4.jpg", "a/b-/5.jpg"] {
      try library.add(path)
    }
    var seen: [String] = []
    try library.store.forEachKnownFile(root: library.root, under: "a/b") { seen.append($0.file.path.string) }
    #expect(seen == ["a/b/1.jpg", "a/b/c/3.jpg"])
  }

  @Test func `roots, skips and settings`() throws {
    let library = try TestLibrary()
    try library.add("a.jpg")
    let skip = Skip(
      root: library.root, path: "bad\0name", reason: "truncated", message: "ends early", size: 3)
    try library.store.write { transaction in
      #expect(try transaction.addRoot("/photos", device: 7) == library.root)
      try transaction.recordSkip(skip)
      try transaction.recordSkip(skip)
      try transaction.set("viewing", "library")
    }
    #expect(try library.store.skips().map(\.path) == ["bad name"])
    #expect(try library.store.skipCount() == 1)
    #expect(try library.store.setting("viewing") == "library")
    #expect(try library.store.itemCount(root: library.root) == 1)
    let other = Root(id: library.root, path: "/elsewhere", device: 8, lastSeen: 1234)
    try library.store.write { transaction in
      try transaction.updateRoot(other)
      try transaction.removeSkip(root: library.root, path: "bad\0name")
    }
    #expect(try library.store.roots() == [other])
    #expect(try library.store.skips().isEmpty && library.store.skipCount() == 0)
    try library.store.write { try $0.removeRoot(library.root) }
    #expect(try library.store.itemCount() == 0)
    #expect(try library.store.verify().isEmpty)
  }
}
