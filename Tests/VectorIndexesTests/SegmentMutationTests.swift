// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

/// Sound files of every kind, damaged at random: each must be refused, or found damaged by `verify`, or give the right
/// answers; and whatever it is, no search may crash or hang. `DUET_SOAK` makes it go on for longer, from other seeds.
@Suite struct SegmentMutationTests {
  enum Kind: CaseIterable {
    case rows, codes, lists, int8Lists

    func segment(in folder: TemporaryDirectory, _ random: inout SeededRandom) throws -> Segment {
      let count = self == .rows ? 60 : 700
      let set = ListsTests.clustered(count, dimension: 24, ordinals: 2, random: &random)
      return switch self {
      case .rows: try set.segment(.float16, in: folder, structure: .rows)
      case .codes: try set.segment(.float32, in: folder, structure: .codes)
      case .lists: try set.segment(.float16, in: folder, structure: .lists)
      case .int8Lists: try set.segment(.int8, in: folder, structure: .lists)
      }
    }
  }

  /// A file, and what searches in it must find.
  private struct Sound {
    let bytes: [UInt8]
    let header: SegmentHeader
    let query: [Float]
    let answer: [Neighbor]

    init(_ segment: Segment) throws {
      bytes = [UInt8](try Data(contentsOf: URL(filePath: segment.path.string)))
      header = segment.header
      query = segment.vector(7)
      answer = try VectorSearch(dimension: 24, sources: [VectorSource(segment)]).neighbors(of: query, k: 20)
    }
  }

  @Test("A damaged file is refused, found damaged, or gives the right answers", arguments: Kind.allCases)
  func damage(kind: Kind) throws {
    var random = SeededRandom(seed: Soak.seed(95))
    let folder = try TemporaryDirectory(inMemory: true)
    let sound = try Sound(try kind.segment(in: folder, &random))
    for round in 0..<Soak.count(150) {
      var bytes = sound.bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) { Self.damage(&bytes, &random) }
      try Self.expectHarmless(bytes, sound, in: folder, "\(kind), round \(round)")
    }
  }

  @Test("Hostile numbers under right checksums are refused, or harm nobody", arguments: Kind.allCases)
  func hostile(kind: Kind) throws {
    var random = SeededRandom(seed: Soak.seed(96))
    let folder = try TemporaryDirectory(inMemory: true)
    let sound = try Sound(try kind.segment(in: folder, &random))
    for round in 0..<Soak.count(150) {
      var bytes = sound.bytes
      Self.forgeNumbers(&bytes, sectionCount: sound.header.sections.count, &random)
      Self.repairChecksums(&bytes, sound.header, sections: false)
      try Self.expectHarmless(bytes, sound, in: folder, "\(kind), round \(round)")
    }
    // The same for what sections hold: any numbers where searches look for slots, starts, scales and efforts.
    for _ in 0..<Soak.count(100) {
      var bytes = sound.bytes
      let section = sound.header.sections.randomElement(using: &random) ?? sound.header.sections[0]
      for _ in 0..<Int.random(in: 1...40, using: &random) where section.length >= 4 {
        let offset = section.offset + Int.random(in: 0...((section.length - 4) / 4), using: &random) * 4
        Self.store(Self.number(&random), 4, at: offset, &bytes)
      }
      Self.repairChecksums(&bytes, sound.header, sections: true)
      try folder.write(bytes, to: "hostile.duetvec")
      if let segment = try? Segment(FilePath(folder.path("hostile.duetvec"))) { try Self.exercise(segment) }
    }
  }

  // MARK: - Judging

  private static func expectHarmless(
    _ bytes: [UInt8], _ sound: Sound, in folder: TemporaryDirectory, _ comment: Comment
  ) throws {
    try folder.write(bytes, to: "changed.duetvec")
    let segment: Segment
    do throws(IndexError) {
      segment = try Segment(FilePath(folder.path("changed.duetvec")))
    } catch { return }
    try exercise(segment)
    // A forged dimension makes another file, which may be a sound one: int8 rows of any from 24 to 64 are as long.
    guard (try? segment.verify()) != nil, segment.dimension == 24 else { return }
    #expect(segment.count == sound.header.count, comment)
    let search = try VectorSearch(dimension: segment.dimension, sources: [VectorSource(segment)])
    #expect(try search.neighbors(of: sound.query, k: 20) == sound.answer, comment)
  }

  /// Reads a file in every way there is.
  private static func exercise(_ segment: Segment) throws {
    let query = (0..<segment.dimension).map { Float($0 % 5) - 2 }
    let search = try VectorSearch(
      dimension: segment.dimension, sources: [VectorSource(segment, tombstones: [3])])
    let filter = search.prepare(IDFilter(items: (0..<300).map { $0 * 2 }))
    for recall in [Recall.exact, .standard, .atLeast(0.6)] {
      _ = try search.neighbors(of: query, k: 5, recall: recall)
      _ = try search.neighbors(of: query, k: 400, filter: filter, recall: recall)
    }
    _ = try search.scores(of: query, items: [1, 2, 3])
    _ = search.sample(atMost: 10)
    _ = search.vectors(ofItem: 4)
    search.forEachVector { (_, _) throws(Never) in }
  }

  // MARK: - Damage

  private static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard bytes.count > 8 else { return }
    let start = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(bytes.count, start + Int.random(in: 1...4096, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: for index in start..<end { bytes[index] = .random(in: 0...255, using: &random) }
    case 2: for index in start..<end { bytes[index] = 0 }
    case 3: for index in start..<end { bytes[index] = 255 }
    case 4: bytes.removeSubrange(start...)
    case 5: bytes.removeSubrange(start..<end)
    default: bytes.insert(contentsOf: [UInt8](repeating: 7, count: end - start), at: start)
    }
  }

  /// Numbers at which counts and offsets go wrong.
  private static func number(_ random: inout SeededRandom) -> UInt64 {
    let special: [UInt64] = [
      0, 1, 31, 32, 63, 64, 255, 4095, 4096, 1 << 16, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32,
      1 << 55, 1 << 56, 1 << 62, 1 << 63, .max, 0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x7F7F_FFFF,
    ]
    return Bool.random(using: &random) ? random.next() : special.randomElement(using: &random) ?? 0
  }

  private static func store(_ value: UInt64, _ width: Int, at offset: Int, _ bytes: inout [UInt8]) {
    for index in 0..<width { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }

  /// Puts wrong numbers into fields of the header and of its table; now and then only a little wrong.
  private static func forgeNumbers(
    _ bytes: inout [UInt8], sectionCount: Int, _ random: inout SeededRandom
  ) {
    let fixed = [(8, 4), (12, 4), (16, 4), (20, 4), (24, 8), (32, 8), (48, 4), (52, 4), (56, 4), (60, 4)]
    let table = (0..<sectionCount).flatMap { section in
      [(0, 4), (8, 8), (16, 8)].map { (128 + 32 * section + $0.0, $0.1) }
    }
    let fields = fixed + [(96, 4), (100, 4), (104, 4)] + table
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let (offset, width) = fields.randomElement(using: &random) ?? (8, 4)
      if Bool.random(using: &random) {
        bytes[offset] &+= UInt8.random(in: 1...255, using: &random)
      } else {
        store(number(&random), width, at: offset, &bytes)
      }
    }
  }

  private static func repairChecksums(_ bytes: inout [UInt8], _ header: SegmentHeader, sections: Bool) {
    if sections {
      for (index, section) in header.sections.enumerated() {
        let content = Array(bytes[section.offset..<(section.offset + section.length)])
        store(UInt64(CRC32C.checksum(content)), 4, at: 128 + 32 * index + 24, &bytes)
      }
    }
    store(0, 4, at: SegmentHeader.checksumOffset, &bytes)
    store(
      UInt64(CRC32C.checksum(Array(bytes[..<header.size]))), 4, at: SegmentHeader.checksumOffset, &bytes)
  }
}
