// SPDX-License-Identifier: Apache-2.0
import Compute
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

/// Approximate search, with exact search as the judge.
@Suite struct ListsTests {
  /// Vectors in clusters, as embeddings are.
  static func clustered(
    _ count: Int, dimension: Int, clusters: Int = 60, ordinals: Int = 1, random: inout SeededRandom
  ) -> VectorSet {
    let centers = (0..<clusters).map { _ in (0..<dimension).map { _ in random.normal() } }
    var set = VectorSet(dimension: dimension)
    for index in 0..<count {
      let center = centers[Int.random(in: 0..<clusters, using: &random)]
      set.keys.append(VectorKey(item: Int64(index / ordinals), ordinal: UInt32(index % ordinals)))
      set.rows += VectorSet.unit(center.map { $0 + 0.7 * random.normal() })
    }
    return set
  }

  /// The share of the true neighbours that are found.
  func recall(_ search: VectorSearch, _ queries: [[Float]], _ wanted: Recall, filter: PreparedFilter? = nil)
    throws
    -> Double
  {
    var found = 0
    var expected = 0
    for query in queries {
      let truth = try search.neighbors(of: query, k: 10, filter: filter)
      let answer = try search.neighbors(of: query, k: 10, filter: filter, recall: wanted)
      #expect(answer.count == truth.count && Set(answer.map(\.item)).count == answer.count)
      let all = Set(truth)
      expected += truth.count
      // Scores are those of exact search, bit for bit.
      found += answer.count { all.contains($0) }
    }
    return Double(found) / Double(expected)
  }

  @Test(
    "Approximate search finds what was asked for, in and out of distribution", arguments: RowStorage.floats)
  func finds(storage: RowStorage) throws {
    var random = SeededRandom(seed: 51)
    let folder = try TemporaryDirectory()
    let set = Self.clustered(30_000, dimension: 96, random: &random)
    let segment = try set.segment(storage, in: folder, structure: .lists)
    try segment.verify()
    #expect(segment.formatVersion == 2)
    let search = try VectorSearch(dimension: 96, sources: [VectorSource(segment)])
    let near = (0..<100).map { index in set.row(index * 290).map { $0 + 0.06 * random.normal() } }
    let far = (0..<100).map { index in set.row(index * 290 + 7).map { $0 + 0.1 * random.normal() } }
    for queries in [near, far] {
      #expect(try recall(search, queries, .atLeast(0.98)) >= 0.97)
      #expect(try recall(search, queries, .atLeast(0.9)) >= 0.88)
      #expect(try recall(search, queries, .atLeast(0.999)) >= 0.995)
      #expect(try recall(search, queries, .exact) == 1)
    }
    let plan = search.plans(nil, k: 10, recall: .atLeast(0.98))
    guard case .probe = plan[0] else { return #expect(Bool(false), "\(plan) probes nothing") }
  }

  @Test("A query that is near to no list is answered exactly")
  func unlike() throws {
    var random = SeededRandom(seed: 57)
    let folder = try TemporaryDirectory()
    let set = Self.clustered(30_000, dimension: 96, random: &random)
    let segment = try set.segment(.float32, in: folder, structure: .lists)
    let search = try VectorSearch(dimension: 96, sources: [VectorSource(segment)])
    let noise = (0..<40).map { _ in (0..<96).map { _ in 7 * random.normal() } }
    #expect(try recall(search, noise, .atLeast(0.9)) >= 0.98)
    // The lists by themselves would not have found them.
    guard case .probe(let effort) = search.plans(nil, k: 10, recall: .atLeast(0.9))[0] else {
      return #expect(Bool(false), "nothing is probed")
    }
    let quantized = QuantizedQueries(
      Array(noise.joined()), count: 40, rotation: Rotation(dimension: 96), pool: .shared)
    var found = 0
    for (index, query) in noise.enumerated() {
      let lookup = LookupTable(quantized, query: index)
      let lists = try #require(
        ListSearch(quantized, query: index, lookup: lookup, table: segment.table, pool: .shared))
      let answer = query.withUnsafeBufferPointer { query in
        query.baseAddress.flatMap { lists.neighbors(of: $0, k: 10, effort: effort, allowed: .all) }
      }
      let truth = Set(try search.neighbors(of: query, k: 10))
      found += answer?.count { truth.contains($0) } ?? 0
    }
    #expect(found < 360)
  }

  @Test("Several vectors an item, tombstones and filters: k items, none that may not be there")
  func filters() throws {
    var random = SeededRandom(seed: 52)
    let folder = try TemporaryDirectory()
    let set = Self.clustered(30_000, dimension: 64, ordinals: 3, random: &random)
    let segment = try set.segment(.float32, in: folder, structure: .lists)
    let dead = (0..<10_000).filter { $0 % 7 == 3 }.map { Int64($0) }
    let search = try VectorSearch(dimension: 64, sources: [VectorSource(segment, tombstones: dead)])
    let queries = (0..<40).map { index in set.row(index * 740).map { $0 + 0.06 * random.normal() } }
    #expect(try recall(search, queries, .atLeast(0.98)) >= 0.97)
    for share in [0.001, 0.01, 0.1, 0.5, 1] {
      let allowed = (0..<10_000).filter { _ in Double.random(in: 0..<1, using: &random) < share }.map {
        Int64($0)
      }
      let filter = search.prepare(IDFilter(items: allowed))
      #expect(try recall(search, queries, .atLeast(0.98), filter: filter) >= 0.95, "\(share)")
      let wanted = Set(allowed).subtracting(dead)
      for query in queries.prefix(5) {
        let found = try search.neighbors(of: query, k: 10, filter: filter, recall: .atLeast(0.98))
        #expect(found.allSatisfy { wanted.contains($0.item) })
      }
    }
    // All that is allowed lies in one corner, the query in another.
    let corner = try search.neighbors(of: set.row(0), k: 6_000, recall: .exact).map(\.item)
    let filter = search.prepare(IDFilter(items: corner))
    let away = set.row(0).map { -$0 }
    #expect(try recall(search, [away], .atLeast(0.98), filter: filter) >= 0.5)
    #expect(try search.neighbors(of: away, k: 10, filter: filter, recall: .atLeast(0.98)).count == 10)
  }

  @Test("The file and the answers are the same on any number of threads")
  func deterministic() throws {
    var random = SeededRandom(seed: 53)
    let set = Self.clustered(6_000, dimension: 40, random: &random)
    let queries = (0..<(50 * 40)).map { _ in random.normal() }
    var files: [Data] = []
    var answers: [[[Neighbor]]] = []
    for threads in [1, 2, 5] {
      let folder = try TemporaryDirectory()
      let pool = ComputePool(threadCount: threads)
      let segment = try set.segment(.float16, in: folder, structure: .lists, pool: pool)
      files.append(try Data(contentsOf: URL(filePath: segment.path.string)))
      let search = try VectorSearch(dimension: 40, sources: [VectorSource(segment)], pool: pool)
      answers.append(try search.neighbors(ofEach: queries, count: 50, k: 10, recall: .atLeast(0.9)))
      for query in 0..<50 {
        let own = Array(queries[(query * 40)..<((query + 1) * 40)])
        #expect(try search.neighbors(of: own, k: 10, recall: .atLeast(0.9)) == answers[0][query])
      }
    }
    #expect(files.allSatisfy { $0 == files[0] })
    #expect(answers.allSatisfy { $0 == answers[0] })
  }

  @Test("Every vector stands in two lists, also where all are equal or few")
  func degenerate() throws {
    let folder = try TemporaryDirectory()
    for count in [1, 5, 33, 700] {
      var set = VectorSet(dimension: 8)
      for item in 0..<count {
        set.keys.append(VectorKey(item: Int64(item)))
        set.rows += VectorSet.unit([1, 2, 3, 4, 5, 6, 7, 8])
      }
      let segment = try set.segment(.float32, in: folder, id: UInt64(count), structure: .lists)
      try segment.verify()
      let search = try VectorSearch(dimension: 8, sources: [VectorSource(segment)])
      let found = try search.neighbors(of: set.row(0), k: 10, recall: .atLeast(0.98))
      #expect(found.map(\.item) == Array(0..<Int64(min(10, count))))
    }
  }

  @Test("A writer that is told to stop leaves no file")
  func cancels() throws {
    var random = SeededRandom(seed: 54)
    let set = Self.clustered(3_000, dimension: 32, random: &random)
    let folder = try TemporaryDirectory()
    let path = folder.path("cancelled.duetvec")
    let writer = try SegmentWriter(
      to: FilePath(path), id: 1, fingerprint: [UInt8](0..<32), dimension: 32, count: set.keys.count,
      storage: .float32, structure: .lists)
    for (index, key) in set.keys.enumerated() { try writer.append(key, set.row(index)) }
    #expect(throws: CancellationError.self) { try writer.finish { _ in throw CancellationError() } }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test("Whatever the bytes of the sections, a search stays inside the file, and verify finds the damage")
  func damaged() throws {
    var random = SeededRandom(seed: 55)
    let set = Self.clustered(2_500, dimension: 32, random: &random)
    let folder = try TemporaryDirectory()
    let sound = try [UInt8](
      Data(contentsOf: URL(filePath: set.segment(.float16, in: folder, structure: .lists).path.string)))
    let header = try SegmentHeader(Array(sound.prefix(4096)), actualSize: sound.count, name: "sound")
    let query = set.row(7)
    for section in header.sections where section.kind >= SectionKind.codes.rawValue {
      for round in 0..<24 {
        var bytes = sound
        // One byte, a run of noise, or a run of ones.
        let start = section.offset + Int.random(in: 0..<section.length, using: &random)
        let end = round % 3 == 0 ? start + 1 : min(section.offset + section.length, start + 4096)
        for index in start..<end {
          bytes[index] = round % 3 == 1 ? .random(in: 0...255, using: &random) : ~bytes[index]
        }
        guard bytes != sound else { continue }
        try folder.write(bytes, to: "damaged.duetvec")
        let segment = try Segment(FilePath(folder.path("damaged.duetvec")))
        let error = #expect(throws: IndexError.self) { try segment.verify() }
        #expect(error?.code == .damaged)
        let search = try VectorSearch(dimension: 32, sources: [VectorSource(segment, tombstones: [3])])
        let filter = search.prepare(IDFilter(items: Array(stride(from: 0, to: 2_500, by: 2))))
        for recall in [Recall.exact, .atLeast(0.98), .atLeast(0.9)] {
          _ = try search.neighbors(of: query, k: 5, recall: recall)
          _ = try search.neighbors(of: query, k: 2_000, filter: filter, recall: recall)
        }
      }
    }
  }
}
