// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

/// Segments whose stored vectors are their codes.
@Suite struct Int8SegmentTests {
  /// What the stored vectors are, decoded: the judge of searches among them.
  static func decoded(_ segment: Segment) -> VectorSet {
    var set = VectorSet(dimension: segment.dimension)
    for slot in 0..<segment.count {
      set.keys.append(segment.key(slot))
      set.rows += segment.vector(slot)
    }
    return set
  }

  @Test("A vector comes back within its rounding, at any number and dimension")
  func roundTrip() throws {
    var random = SeededRandom(seed: 81)
    let folder = try TemporaryDirectory()
    for (count, dimension) in [(0, 7), (1, 1), (33, 21), (130, 64), (2_100, 100)] {
      let set = VectorSet.gaussian(items: 3..<Int64(3 + count), dimension: dimension, random: &random)
      let segment = try set.segment(.int8, in: folder, id: UInt64(dimension))
      try segment.verify()
      #expect(segment.storage == .int8 && segment.formatVersion == 3 && segment.count == count)
      for slot in 0..<count {
        #expect(segment.key(slot) == set.keys[slot])
        let distance = zip(segment.vector(slot), set.row(slot)).reduce(0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
        #expect(distance.squareRoot() < 0.012)
      }
      #expect(segment.size < 4096 * 8 + count * (dimension.roundedUp(toMultipleOf: 64) + 24))
    }
  }

  @Test(
    "Exact search finds the nearest of what is stored, alone, in batches, filtered, and by item",
    arguments: [SegmentStructure.rows, .codes, .lists])
  func searches(structure: SegmentStructure) throws {
    var random = SeededRandom(seed: 82)
    let folder = try TemporaryDirectory()
    let set = VectorSet.gaussian(items: 0..<3_000, dimension: 70, random: &random)
    let segment = try set.segment(.int8, in: folder, structure: structure)
    let stored = Self.decoded(segment)
    let search = try VectorSearch(dimension: 70, sources: [VectorSource(segment, tombstones: [5, 6])])
    let queries = (0..<(30 * 70)).map { _ in random.normal() }
    let all = try search.neighbors(ofEach: queries, count: 30, k: 10)
    let odd = search.prepare(IDFilter(items: (0..<3_000).filter { $0 % 2 == 1 }))
    for query in 0..<30 {
      let own = Array(queries[(query * 70)..<((query + 1) * 70)])
      let truth = stored.neighbors(of: own, k: 10) { $0 != 5 && $0 != 6 }
      expectEqual(all[query], truth)
      #expect(try search.neighbors(of: own, k: 10) == all[query])
      expectEqual(
        try search.neighbors(of: own, k: 10, filter: odd),
        stored.neighbors(of: own, k: 10) { $0 % 2 == 1 && $0 != 5 })
      #expect(
        try search.scores(of: own, items: all[query].map(\.item)).map { $0?.score } == all[query].map(\.score)
      )
    }
  }

  /// The same neighbours, up to such as lie closer together than float sums tell.
  private func expectEqual(_ found: [Neighbor], _ truth: [Neighbor]) {
    #expect(found.count == truth.count)
    for (one, other) in zip(found, truth) {
      #expect(
        abs(one.score - other.score) < 2e-5 && (one.key == other.key || abs(one.score - other.score) < 1e-5))
    }
  }

  @Test("Lists of int8 rows find what was asked for, and the scores are those of exact search")
  func lists() throws {
    var random = SeededRandom(seed: 83)
    let folder = try TemporaryDirectory()
    let set = ListsTests.clustered(20_000, dimension: 48, random: &random)
    let segment = try set.segment(.int8, in: folder)
    try segment.verify()
    let search = try VectorSearch(dimension: 48, sources: [VectorSource(segment)])
    guard case .probe = search.plans(nil, k: 10, recall: .standard)[0] else {
      Issue.record("lists are not asked")
      return
    }
    var found = 0
    for index in 0..<100 {
      let query = set.row(index * 190).map { $0 + 0.05 * random.normal() }
      let truth = try search.neighbors(of: query, k: 10)
      found += Set(try search.neighbors(of: query, k: 10, recall: .standard)).intersection(truth).count
    }
    #expect(found >= 970)
  }

  @Test("A merge copies codes, and codes what others store as floats")
  func merges() throws {
    var random = SeededRandom(seed: 84)
    let folder = try TemporaryDirectory()
    let set = VectorSet.gaussian(items: 0..<400, dimension: 40, random: &random)
    let whole = try set.segment(.int8, in: folder, id: 1)
    let halves = try [0, 1].map { half in
      try set.filtered { $0 % 2 == half }.segment(
        half == 0 ? .int8 : .float32, in: folder, id: UInt64(2 + half))
    }
    let path = FilePath(folder.path("merged.duetvec"))
    let writer = try SegmentWriter(
      to: path, id: 1, fingerprint: [UInt8](0..<32), dimension: 40, count: 400, storage: .int8)
    for slot in 0..<400 { try writer.append(slot: slot / 2, of: halves[slot % 2]) }
    try writer.finish()
    let merged = try [path, whole.path].map { try Data(contentsOf: URL(filePath: $0.string)) }
    #expect(merged[0] == merged[1])
    let back = FilePath(folder.path("back.duetvec"))
    let floats = try SegmentWriter(
      to: back, id: 1, fingerprint: [UInt8](0..<32), dimension: 40, count: 400, storage: .float32)
    for slot in 0..<400 { try floats.append(slot: slot, of: whole) }
    try floats.finish()
    #expect(try Segment(back).vector(7) == whole.vector(7))
  }

  @Test("int8 rows without scales, or in a version that knows none, are refused")
  func forged() throws {
    var random = SeededRandom(seed: 85)
    let folder = try TemporaryDirectory()
    let segment = try VectorSet.gaussian(items: 0..<100, dimension: 64, random: &random).segment(
      .int8, in: folder)
    let sound = try [UInt8](Data(contentsOf: URL(filePath: segment.path.string)))
    for (offset, value) in [(8, UInt8(2)), (56, 1), (56, 2), (96, 0), (96, 128)] {
      var bytes = sound
      bytes[offset] = value
      // The version may not be below the one that it says readers need.
      if offset == 8 { bytes[12] = 2 }
      for index in 124..<128 { bytes[index] = 0 }
      let checksum = CRC32C.checksum(Array(bytes[..<4096]))
      for index in 0..<4 { bytes[124 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
      try folder.write(bytes, to: "forged.duetvec")
      #expect(throws: IndexError.self, "byte \(offset)") {
        try Segment(FilePath(folder.path("forged.duetvec")))
      }
    }
  }
}
