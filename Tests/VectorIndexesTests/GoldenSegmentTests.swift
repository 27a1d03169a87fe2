// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

/// `Index/v1-*.duetvec` and the answers were made by `Index/make_golden.py`, another implementation of the format.
@Suite struct GoldenSegmentTests {
  struct Answer: Decodable {
    let item: Int64
    let ordinal: UInt32
    let score: Double
  }

  static let index = Fixture.repository.appending(path: "Index")
  static let files: [(name: String, storage: RowStorage)] = [("f32", .float32), ("f16", .float16)]

  /// The vectors that the script makes from the same seed.
  static func vectors() -> (set: VectorSet, queries: [[Float]]) {
    var random = SeededRandom(seed: 2026)
    func unit() -> [Float] {
      var numbers = (0..<40).map { _ in Int(random.next() >> 60) - 8 }
      numbers[0] += 17
      let length = Double(numbers.reduce(0) { $0 + $1 * $1 }).squareRoot()
      return numbers.map { Float(Double($0) / length) }
    }
    var set = VectorSet(dimension: 40)
    set.keys = [
      (-7, 0), (1, 0), (2, 0), (2, 1), (2, 5), (40, 0), (41, 0), (41, 1), (99, 3), (5_000_000_000, 0),
      (5_000_000_001, 0), (.max, 0),
    ].map { VectorKey(item: $0.0, ordinal: $0.1) }
    var rows = set.keys.map { _ in unit() }
    rows[6] = rows[5]
    set.rows = Array(rows.joined())
    return (set, (0..<3).map { _ in unit() } + [rows[5]])
  }

  @Test("A golden segment opens and gives the answers of the script", arguments: files)
  func answers(name: String, storage: RowStorage) throws {
    let path = FilePath(Self.index.appending(path: "v1-\(name).duetvec").path(percentEncoded: false))
    let segment = try Segment(path)
    try segment.verify()
    #expect(segment.id == 0x0123_4567_89AB_CDEF && segment.fingerprint == [UInt8](100..<132))
    #expect(segment.storage == storage)
    let json = try Data(contentsOf: Self.index.appending(path: "v1-answers.json"))
    let answers = try #require(JSONDecoder().decode([String: [[Answer]]].self, from: json)[name])
    let search = try VectorSearch(dimension: 40, sources: [VectorSource(segment)])
    for (query, expected) in zip(Self.vectors().queries, answers) {
      let found = try search.neighbors(of: query, k: 5)
      #expect(found.map(\.key) == expected.map { VectorKey(item: $0.item, ordinal: $0.ordinal) })
      for (one, other) in zip(found, expected) { #expect(abs(Double(one.score) - other.score) < 1e-6) }
    }
  }

  @Test("The writer reproduces a golden segment byte for byte", arguments: files)
  func writes(name: String, storage: RowStorage) throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("again.duetvec")
    let set = Self.vectors().set
    let writer = try SegmentWriter(
      to: FilePath(path), id: 0x0123_4567_89AB_CDEF, fingerprint: [UInt8](100..<132), dimension: 40,
      count: set.keys.count, storage: storage)
    for (index, key) in set.keys.enumerated() { try writer.append(key, set.row(index)) }
    try writer.finish()
    let golden = try Data(contentsOf: Self.index.appending(path: "v1-\(name).duetvec"))
    #expect(try Data(contentsOf: URL(filePath: path)) == golden)
  }

  /// Written by Duet itself: which centroids a writer chooses is its own affair. With DUET_WRITE_GOLDEN=v2 the file is
  /// written first, once for a format version.
  @Test("A golden segment with codes and lists opens, is sound, and gives the answers of the script")
  func answersFromLists() throws {
    let golden = Self.index.appending(path: "v2-lists.duetvec")
    if ProcessInfo.processInfo.environment["DUET_WRITE_GOLDEN"] == "v2" {
      let folder = try TemporaryDirectory()
      let written = try Self.vectors().set.segment(.float32, in: folder, structure: .lists)
      try Data(contentsOf: URL(filePath: written.path.string)).write(to: golden)
    }
    let segment = try Segment(FilePath(golden.path(percentEncoded: false)))
    try segment.verify()
    #expect(segment.formatVersion == 2)
    let json = try Data(contentsOf: Self.index.appending(path: "v1-answers.json"))
    let answers = try #require(JSONDecoder().decode([String: [[Answer]]].self, from: json)["f32"])
    let search = try VectorSearch(dimension: 40, sources: [VectorSource(segment)])
    for (query, expected) in zip(Self.vectors().queries, answers) {
      let found = try search.neighbors(of: query, k: 5)
      #expect(found.map(\.key) == expected.map { VectorKey(item: $0.item, ordinal: $0.ordinal) })
    }
  }

  /// Written by Duet from the vectors of the script: every reader and writer of version 3 must agree on its codes.
  @Test(
    "A golden segment of int8 rows opens, is sound, holds the vectors of the script, and is what the writer makes"
  )
  func int8Rows() throws {
    let golden = Self.index.appending(path: "v3-int8.duetvec")
    let folder = try TemporaryDirectory()
    let (set, queries) = Self.vectors()
    let written = try Data(contentsOf: URL(filePath: set.segment(.int8, in: folder).path.string))
    if ProcessInfo.processInfo.environment["DUET_WRITE_GOLDEN"] == "v3" { try written.write(to: golden) }
    #expect(try Data(contentsOf: golden) == written)
    let segment = try Segment(FilePath(golden.path(percentEncoded: false)))
    try segment.verify()
    #expect(segment.formatVersion == 3 && segment.storage == .int8)
    for slot in 0..<segment.count {
      #expect(segment.key(slot) == set.keys[slot])
      for (one, other) in zip(segment.vector(slot), set.row(slot)) { #expect(abs(one - other) < 0.004) }
    }
    let search = try VectorSearch(dimension: 40, sources: [VectorSource(segment)])
    for query in queries {
      let (found, truth) = (try search.neighbors(of: query, k: 1)[0], set.neighbors(of: query, k: 1)[0])
      #expect(found.item == truth.item && abs(found.score - truth.score) < 0.01)
    }
  }
}
