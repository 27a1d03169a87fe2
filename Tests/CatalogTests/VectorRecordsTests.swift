// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

@Suite struct VectorRecordsTests {
  private func segment(_ library: TestLibrary, _ items: ClosedRange<ItemID>, field: VectorField = .image)
    -> NewSegment
  {
    NewSegment(
      space: library.space.id, field: field, file: SegmentFileName.make(), count: items.count, bytes: 64,
      items: items)
  }

  @Test func `fresh vectors come back bit by bit, in order of key`() throws {
    let library = try TestLibrary()
    let ids = try (0..<3).map { try library.add("\($0).jpg", captions: ["x", "y"]) }
    let special: [Float] = [-0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3]
    try library.addVectors([ids[2], ids[0]])
    try library.store.write { transaction in
      try transaction.addVectors(
        space: library.space.id, field: .caption,
        keys: [FreshVectorKey(item: ids[1], ordinal: 1), FreshVectorKey(item: ids[1], ordinal: 0)],
        vectors: [1, 2, 3, 4] + special)
    }
    let snapshot = try library.store.snapshot()
    let images = try #require(snapshot.fresh[.image])
    #expect(images.keys.map(\.item) == [ids[0], ids[2]])
    #expect(images.vectors.count == 8 && images.vectors[4] == Float(ids[2]))
    let captions = try #require(snapshot.fresh[.caption])
    #expect(captions.keys.map(\.ordinal) == [0, 1])
    #expect(captions.vectors.prefix(4).map(\.bitPattern) == special.map(\.bitPattern))
    #expect(try library.store.freshCount(space: library.space.id, field: .caption) == 2)
    #expect(try library.store.snapshot(unlessNewerThan: snapshot).generation == snapshot.generation)
  }

  @Test func `vectors of a wrong shape, space or item are refused`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg")
    func code(_ space: SpaceID, _ item: ItemID, _ values: [Float]) throws -> CatalogError.Code? {
      try .of {
        try library.store.write {
          try $0.addVectors(space: space, field: .image, keys: [FreshVectorKey(item: item)], vectors: values)
        }
      }
    }
    #expect(try code(library.space.id, id, [1, 2, 3]) == .invalidRequest)
    #expect(try code(77, id, [1, 2, 3, 4]) == .notFound)
    #expect(try code(library.space.id, 77, [1, 2, 3, 4]) == .constraint)
  }

  @Test func `items are pending until their vectors come`() throws {
    let library = try TestLibrary()
    let space = library.space.id
    let plain = try library.add("a.jpg")
    let captioned = try library.add("b.jpg", captions: ["x"])
    try library.store.write { transaction in
      try transaction.replaceCaptions(
        of: plain, with: [Caption("OLYMPUS", source: .embedded, isBoilerplate: true)])
    }
    #expect(try library.store.pendingItems(space: space, field: .image, limit: 10) == [plain, captioned])
    #expect(
      try library.store.pendingItems(space: space, field: .image, after: plain, limit: 10) == [captioned])
    #expect(try library.store.pendingItems(space: space, field: .caption, limit: 10) == [captioned])
    try library.addVectors([plain, captioned])
    try library.addVectors([captioned], field: .caption)
    #expect(try library.store.pendingCount(space: space, field: .image) == 0)
    #expect(try library.store.pendingCount(space: space, field: .caption) == 0)
    // The same captions again need no embedding; other ones do.
    let same = [Caption("x", source: .user)]
    #expect(try library.store.write { try $0.replaceCaptions(of: captioned, with: same) } == false)
    #expect(try library.store.snapshot().fresh[.caption]?.count == 1)
    #expect(try library.store.write { try $0.replaceCaptions(of: captioned, with: same + same) } == true)
    #expect(try library.store.snapshot().fresh[.caption]?.count == 0)
    #expect(try library.store.pendingItems(space: space, field: .caption, limit: 10) == [captioned])
    #expect(try library.store.write { try $0.replaceCaptions(of: captioned, with: []) } == false)
    #expect(try library.store.pendingCount(space: space, field: .caption) == 0)
  }

  @Test func `a segment takes the place of fresh vectors in one commit`() throws {
    let library = try TestLibrary()
    let ids = try (0..<4).map { try library.add("\($0).jpg") }
    try library.addVectors(ids)
    let before = try library.store.snapshot()
    // While the segment is written, one item goes, one changes and gets a new vector.
    try library.store.write { try $0.removeItems([ids[0]]) }
    try library.store.write { transaction in
      try transaction.updateItem(ids[1], library.file("1.jpg", content: "new"), TestLibrary.picture)
    }
    try library.addVectors([ids[1]])
    let id = try #require(
      try library.store.write { transaction in
        try transaction.publishSegment(
          segment(library, ids[0]...ids[3]), fresh: before.fresh[.image], readAt: before.generation)
      })
    let after = try library.store.snapshot()
    #expect(after.segments.map(\.id) == [id])
    #expect(after.tombstones[id] == [ids[0], ids[1]])
    #expect(after.fresh[.image]?.keys.map(\.item) == [ids[1]])
    // Later changes bury what they void.
    try library.store.write { try $0.removeItems([ids[2]]) }
    try library.store.write { try $0.invalidateVectors(of: ids[3], field: .image) }
    #expect(try library.store.snapshot().tombstones[id] == ids)
    #expect(try library.store.pendingItems(space: library.space.id, field: .image, limit: 9) == [ids[3]])
  }

  @Test func `a merge carries over what was buried while it ran, and nothing else`() throws {
    let library = try TestLibrary()
    let ids = try (0..<4).map { try library.add("\($0).jpg") }
    let (first, second) = try library.store.write { transaction in
      (
        try #require(try transaction.publishSegment(segment(library, ids[0]...ids[3]), readAt: 0)),
        try #require(try transaction.publishSegment(segment(library, ids[0]...ids[3]), readAt: 0))
      )
    }
    try library.store.write { try $0.invalidateVectors(of: ids[0], field: .image) }
    let read = try library.store.snapshot()
    try library.store.write { try $0.removeItems([ids[1]]) }
    let merged = try #require(
      try library.store.write { transaction in
        try transaction.publishSegment(
          segment(library, ids[0]...ids[3]), replacing: [first, second], readAt: read.generation)
      })
    let after = try library.store.snapshot()
    #expect(after.segments.map(\.id) == [merged])
    #expect(after.tombstones == [merged: [ids[1]]])
    // The former segments are kept by name until a later commit.
    let files = Set(read.segments.map(\.file))
    #expect(try library.store.retiredSegments(before: after.generation).isEmpty)
    #expect(try library.store.namedSegmentFiles().isSuperset(of: files))
    try library.add("later.jpg")
    let retired = try library.store.retiredSegments(before: try library.store.generation())
    #expect(Set(retired.map(\.file)) == files)
    try library.store.write { try $0.forgetRetired(retired.map(\.id) + [merged]) }
    #expect(try library.store.liveSegments().map(\.id) == [merged])
    #expect(try library.store.namedSegmentFiles() == Set(after.segments.map(\.file)))
  }

  @Test func `a merge of segments that are gone is a conflict and changes nothing`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg")
    let first = try #require(
      try library.store.write { try $0.publishSegment(segment(library, id...id), readAt: 0) })
    let captions = try #require(
      try library.store.write { try $0.publishSegment(segment(library, id...id, field: .caption), readAt: 0) }
    )
    try library.store.write { try $0.publishSegment(nil, replacing: [first], readAt: 0) }
    let before = try library.store.generation()
    for replaced in [[first], [captions], [99], [captions, first]] {
      let code = try CatalogError.Code.of {
        _ = try library.store.write {
          try $0.publishSegment(segment(library, id...id), replacing: replaced, readAt: 0)
        }
      }
      #expect(code == .conflict)
    }
    #expect(try library.store.generation() == before)
    #expect(try library.store.liveSegments().map(\.id) == [captions])
  }

  @Test func `segment names do not repeat, also when the catalog forgets`() {
    let names = Set((0..<1000).map { _ in SegmentFileName.make() })
    #expect(names.count == 1000)
    #expect(names.allSatisfy { $0.hasSuffix(".duetvec") && $0.utf8.count == 40 })
  }

  @Test func `another model is built beside the active one and switched to in one commit`() throws {
    let library = try TestLibrary()
    let ids = try (0..<3).map { try library.add("\($0).jpg", captions: ["c\($0)"]) }
    try library.addVectors([ids[0]])
    try library.store.write { transaction in
      _ = try transaction.publishSegment(segment(library, ids[1]...ids[2]), readAt: 0)
      try transaction.storeCalibration(
        Calibration(
          field: .image, kind: "text", mean: 0.1, deviation: 0.02, sampleCount: 9, quantiles: [0, 0.5]),
        space: library.space.id)
    }
    #expect(try library.store.snapshot().calibration(of: .image, kind: "text")?.quantiles == [0, 0.5])
    var other = TestLibrary.identity
    other.model = "other"
    other.dimension = 2
    let space = try library.store.write { try $0.space(for: other) }
    #expect(space.state == .building)
    #expect(try library.store.write { try $0.space(for: other) } == space)
    #expect(try library.store.snapshot().space == library.space)
    #expect(try library.store.pendingItems(space: space.id, field: .image, limit: 9) == ids)
    #expect(try library.store.pendingCount(space: space.id, field: .caption) == 3)
    // A picture added meanwhile is wanted in both.
    let late = try library.add("late.jpg")
    #expect(try library.store.pendingCount(space: space.id, field: .image) == 4)
    #expect(
      try CatalogError.Code.of { try library.store.write { try $0.activateSpace(space.id) } } == .conflict)
    try library.store.write { transaction in
      for (field, items) in [(VectorField.image, ids + [late]), (.caption, ids)] {
        try transaction.addVectors(
          space: space.id, field: field, keys: items.map { FreshVectorKey(item: $0) },
          vectors: items.flatMap { [Float($0), 1] })
      }
    }
    try library.store.write { try $0.activateSpace(space.id) }
    let after = try library.store.snapshot()
    #expect(after.space?.identity == other)
    #expect(after.fresh[.image]?.count == 4 && after.fresh[.image]?.dimension == 2)
    #expect(after.segments.isEmpty && after.calibrations.isEmpty)
    let retired = try library.store.retiredSegments(before: .max)
    #expect(retired.count == 1)
    #expect(try library.store.spaces().map(\.state) == [.retired, .active])
    try library.store.write { try $0.forgetRetired(retired.map(\.id)) }
    #expect(try library.store.spaces().map(\.state) == [.active])
    #expect(try library.store.verify().isEmpty)
  }

  @Test func `a model under another name fills the same space`() throws {
    let library = try TestLibrary()
    var copy = TestLibrary.identity
    copy.model = "a copy in another folder"
    #expect(try library.store.write { try $0.space(for: copy) } == library.space)
    copy.preprocessing += " otherwise"
    #expect(try library.store.write { try $0.space(for: copy) }.state == .building)
  }

  @Test func `a half-built space gives way to another, and can be abandoned`() throws {
    let library = try TestLibrary()
    try library.add("a.jpg")
    var identity = TestLibrary.identity
    for model in ["second", "third"] {
      (identity.model, identity.weightsHash) = (model, model)
      try library.store.write { try $0.space(for: identity) }
    }
    #expect(try library.store.spaces().map(\.identity.model) == ["tiny", "third"])
    try library.store.write { try $0.abandonBuildingSpace() }
    #expect(try library.store.spaces().map(\.state) == [.active])
    #expect(try CatalogError.Code.of { try library.store.write { try $0.activateSpace(1) } } == .notFound)
  }

  @Test func `captions keep their sources, and their files are watched`() throws {
    let library = try TestLibrary()
    let id = try library.add("a.jpg")
    let file = library.file("captions.csv", content: "v1")
    let (fileID, captions) = try library.store.write { transaction in
      let fileID = try transaction.recordCaptionFile(file)
      let captions = [
        Caption("from a file", source: .file, sourceFile: fileID),
        Caption("OLYMPUS", source: .embedded, isBoilerplate: true),
        Caption("nul\0here", source: .user),
      ]
      try transaction.replaceCaptions(of: id, with: captions)
      return (fileID, captions)
    }
    var expected = captions
    expected[2].text = "nul here"
    #expect(try library.store.captions(of: [id, 99]) == [id: expected])
    #expect(try library.store.items(captionedBy: fileID) == [id])
    #expect(try library.store.itemCounts(ofCaptions: ["OLYMPUS", "olympus", "nul\0here"]) == [1, 0, 1])
    #expect(try library.store.captionCount() == 3)
    let changed = library.file("captions.csv", content: "v2", modified: 2)
    #expect(try library.store.write { try $0.recordCaptionFile(changed) } == fileID)
    let stored = try #require(try library.store.captionFiles(root: library.root).first)
    #expect(stored.file.hash == changed.hash && stored.file.modified == 2)
    try library.store.write { try $0.removeCaptionFile(fileID) }
    #expect(try library.store.captions(of: [id])[id]?.first?.sourceFile == nil)
  }

  @Test func `a vector of a wrong length in the file is an error, not a crash`() throws {
    let library = try TestLibrary()
    try library.addVectors([try library.add("a.jpg")])
    try library.store.onWriter { try $0.execute(sql: "UPDATE freshVector SET vector = x'00000000'") }
    #expect(try CatalogError.Code.of { _ = try library.store.snapshot() } == .corrupted)
    #expect(try library.store.verify().count == 1)
  }
}
