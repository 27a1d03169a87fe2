// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

@Suite struct SegmentFormatTests {
  let folder: TemporaryDirectory
  /// A small sound segment.
  let sound: [UInt8]

  init() throws {
    folder = try TemporaryDirectory()
    var random = SeededRandom(seed: 21)
    let set = VectorSet.lattice(items: 0..<20, dimension: 19, ordinalsUpTo: 2, random: &random)
    let segment = try set.segment(.float16, in: folder)
    sound = [UInt8](try Data(contentsOf: URL(filePath: segment.path.string)))
  }

  func open(_ bytes: [UInt8]) throws(IndexError) -> Segment {
    let path = folder.path("changed.duetvec")
    do { try folder.write(bytes, to: "changed.duetvec") } catch { Issue.record(error) }
    return try Segment(FilePath(path))
  }

  /// Replaces bytes of the header and makes its checksum right again, as a hostile writer would.
  func forged(_ offset: Int, _ values: [UInt8]) -> [UInt8] {
    var bytes = sound
    bytes.replaceSubrange(offset..<(offset + values.count), with: values)
    let headerSize = SegmentHeader.size(sectionCount: 3, alignment: 64)
    for index in 124..<128 { bytes[index] = 0 }
    let checksum = CRC32C.checksum(Array(bytes[..<headerSize]))
    for index in 0..<4 { bytes[124 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
    return bytes
  }

  @Test("What was written is read back", arguments: RowStorage.floats)
  func roundTrip(storage: RowStorage) throws {
    var random = SeededRandom(seed: 22)
    // The larger one is beyond 1 MiB, so that its sections are aligned to pages.
    for (count, dimension) in [(0, 1), (1, 16), (33, 21), (9000, 67)] {
      let set =
        dimension < 16
        ? VectorSet(dimension: dimension)
        : VectorSet.lattice(items: 5..<Int64(5 + count), dimension: dimension, random: &random)
      let segment = try set.segment(storage, in: folder, id: 1 << 60)
      #expect(segment.count == count && segment.dimension == dimension && segment.storage == storage)
      #expect(segment.id == 1 << 60 && segment.fingerprint == [UInt8](0..<32))
      #expect(segment.formatVersion == (count < SegmentStructure.codesMinimum ? 1 : 2))
      try segment.verify()
      for slot in 0..<count {
        #expect(segment.key(slot) == set.keys[slot])
        #expect(segment.vector(slot) == set.row(slot))
      }
    }
  }

  @Test("Every changed byte of the header is noticed at opening")
  func headerFlips() throws {
    let headerSize = SegmentHeader.size(sectionCount: 3, alignment: 64)
    #expect(throws: Never.self) { try open(sound) }
    for offset in 0..<headerSize {
      for flip: UInt8 in [1, 0x80, 0xFF] {
        var bytes = sound
        bytes[offset] ^= flip
        let error = #expect(throws: IndexError.self, "byte \(offset)") { try open(bytes) }
        #expect(error?.message.contains("changed.duetvec") == true)
      }
    }
  }

  @Test("Every shortened or extended file is refused at opening")
  func truncations() throws {
    for length in 0..<sound.count {
      #expect(throws: IndexError.self, "\(length) bytes") { try open(Array(sound[..<length])) }
    }
    #expect(throws: IndexError.self) { try open(sound + [0]) }
  }

  @Test("Every changed byte after the header is found by verify, and no search crashes on it")
  func contentFlips() throws {
    let headerSize = SegmentHeader.size(sectionCount: 3, alignment: 64)
    let query = [Float](repeating: 1, count: 19)
    for offset in headerSize..<sound.count {
      var bytes = sound
      bytes[offset] ^= 0xFF
      let segment = try open(bytes)
      let error = #expect(throws: IndexError.self, "byte \(offset)") { try segment.verify() }
      #expect(error?.code == .damaged)
      let search = try VectorSearch(dimension: 19, sources: [VectorSource(segment, tombstones: [3])])
      _ = try search.neighbors(of: query, k: 5, filter: search.prepare(IDFilter(items: [1, 4, 9])))
      _ = try search.neighbors(
        ofEach: Array([[Float]](repeating: query, count: 30).joined()), count: 30, k: 5)
      _ = try search.scores(of: query, items: [1, 2, 3])
      _ = search.sample(atMost: 3)
    }
  }

  @Test("A file from the future is told from a damaged one")
  func newerVersion() throws {
    let error = #expect(throws: IndexError.self) { try open(forged(8, [9, 0, 0, 0, 4, 0, 0, 0])) }
    #expect(error?.code == .newerVersion)
    #expect(error?.message.contains("written by a newer Duet") == true)
    // A newer file that says version 1 readers can use it is opened.
    #expect(try open(forged(8, [9, 0, 0, 0, 1, 0, 0, 0])).formatVersion == 9)
    let notOurs = #expect(throws: IndexError.self) {
      try open([UInt8]("PNG\r\n and so on, long enough".utf8))
    }
    #expect(notOurs?.code == .notASegment)
    let missing = #expect(throws: IndexError.self) { try Segment(FilePath(folder.path("no.duetvec"))) }
    #expect(missing?.code == .file && missing?.cause?.code == .notFound)
  }

  @Test(
    "Impossible numbers under a right checksum are refused",
    arguments: [
      (12, [0, 0, 0, 0]), (12, [5, 0, 0, 0]), (16, [0, 0, 0, 0]), (16, [255, 255, 255, 255]),
      (20, [0, 0, 0, 0]),
      (20, [255, 255, 255, 255]), (20, [2, 0, 0, 0]), (24, [1]), (31, [255]), (32, [255, 255, 255, 255]),
      (39, [255]), (32, [1]), (48, [0]), (48, [20]), (51, [255]), (52, [1]), (52, [0, 16]), (56, [0]),
      (56, [1]),
      (56, [3]), (56, [4]), (60, [2]), (100, [1]), (128, [7]), (128, [2]), (132, [1]), (136, [0, 0]),
      (136, [1]),
      (143, [127]), (144, [1]), (151, [255]), (168, [0, 1]), (175, [255]), (188, [1]), (230, [1]),
    ] as [(Int, [UInt8])])
  func forgedHeaders(offset: Int, values: [UInt8]) throws {
    let error = #expect(throws: IndexError.self) { try open(forged(offset, values)) }
    #expect(error?.code == .damaged)
  }

  @Test("The writer refuses what it may not store, and leaves no file")
  func writerRefuses() throws {
    let good = VectorSet.unit([1, 2, 3])
    let path = FilePath(folder.path("refused.duetvec"))
    func write(_ vectors: [(VectorKey, [Float])], count: Int? = nil, fingerprint: Int = 32) throws {
      let writer = try SegmentWriter(
        to: path, id: 1, fingerprint: [UInt8](repeating: 0, count: fingerprint), dimension: 3,
        count: count ?? vectors.count, storage: .float32)
      for (key, vector) in vectors { try writer.append(key, vector) }
      try writer.finish()
    }
    let cases: [(IndexError.Code, [(VectorKey, [Float])], Int?)] = [
      (.invalidVector, [(VectorKey(item: 4), [.nan, 0, 1])], nil),
      (.invalidVector, [(VectorKey(item: 4), [.infinity, 0, 1])], nil),
      (.invalidVector, [(VectorKey(item: 4), [0, 0, 0])], nil),
      (.invalidVector, [(VectorKey(item: 4), [1, 1, 1])], nil),
      (.invalidVector, [(VectorKey(item: 4), [3e38, 3e38, 3e38])], nil),
      (.wrongDimension, [(VectorKey(item: 4), [1, 0])], nil),
      (.wrongKeys, [(VectorKey(item: 4), good), (VectorKey(item: 4), good)], nil),
      (.wrongKeys, [(VectorKey(item: 4, ordinal: 1), good), (VectorKey(item: 4), good)], nil),
      (.wrongKeys, [(VectorKey(item: 4), good)], 2),
      (.wrongKeys, [(VectorKey(item: 4), good)], 0),
    ]
    for (code, vectors, count) in cases {
      let error = #expect(throws: IndexError.self) { try write(vectors, count: count) }
      #expect(error?.code == code)
      #expect(error?.message.contains("refused.duetvec") == true)
    }
    #expect(throws: IndexError.self) { try write([(VectorKey(item: 4), good)], fingerprint: 31) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["1.duetvec"])
    try write([(VectorKey(item: 4), good), (VectorKey(item: 4, ordinal: 1), good)])
    try Segment(path).verify()
    #expect(throws: IndexError.self) {
      try FreshVectors(
        dimension: 3, storage: .float32, keys: [VectorKey(item: 1), VectorKey(item: 1)], rows: good + good)
    }
    #expect(throws: IndexError.self) {
      try FreshVectors(dimension: 3, storage: .float32, keys: [VectorKey(item: 1)], rows: [.nan, 0, 1])
    }
    #expect(throws: IndexError.self) {
      try FreshVectors(dimension: 3, storage: .float32, keys: [VectorKey(item: 1)], rows: good + good)
    }
  }
}
