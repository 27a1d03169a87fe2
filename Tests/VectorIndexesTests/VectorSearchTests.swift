// SPDX-License-Identifier: Apache-2.0
import Compute
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

@Suite struct VectorSearchTests {
  /// A library in three pieces (two segments and fresh vectors, items dealt at random), with tombstones: every item of
  /// the fresh piece also has a stale row in segment 1.
  struct Library {
    let all: VectorSet
    let search: VectorSearch
    let folder: TemporaryDirectory

    init(
      _ all: VectorSet, _ storage: RowStorage, structure: SegmentStructure? = nil,
      pool: ComputePool = .shared,
      random: inout SeededRandom
    ) throws {
      var home: [Int64: Int] = [:]
      for key in all.keys where home[key.item] == nil {
        home[key.item] = Int.random(in: 0..<3, using: &random)
      }
      let pieces = (0..<3).map { piece in all.filtered { home[all.keys[$0].item] == piece } }
      let stale = pieces[2]
      var first = VectorSet(dimension: all.dimension)
      let order = (pieces[0].keys.map { ($0, 0) } + stale.keys.map { ($0, 1) }).enumerated()
        .sorted { $0.element.0 < $1.element.0 }
      for (index, (key, piece)) in order {
        first.keys.append(key)
        // A stale row is the query's best friend: finding it would show.
        first.rows +=
          piece == 0
          ? pieces[0].row(index) : [1] + [Float](repeating: 0, count: all.dimension - 1)
      }
      folder = try TemporaryDirectory()
      self.all = all
      search = try VectorSearch(
        dimension: all.dimension,
        sources: [
          VectorSource(
            try first.segment(storage, in: folder, id: 1, structure: structure),
            tombstones: stale.keys.map(\.item)),
          VectorSource(try pieces[1].segment(storage, in: folder, id: 2, structure: structure)),
          VectorSource(try pieces[2].fresh(storage)),
        ], pool: pool)
    }
  }

  @Test(
    "Answers are those of brute force, ties and several vectors an item included",
    arguments: RowStorage.floats, [SegmentStructure.rows, .codes, .lists])
  func matchesOracle(storage: RowStorage, structure: SegmentStructure) throws {
    var random = SeededRandom(seed: 1)
    for (count, dimension, ordinals) in [(1, 16, 1), (70, 17, 3), (3000, 33, 1), (700, 64, 9)] {
      let set = VectorSet.lattice(
        items: -5..<Int64(count - 5), dimension: dimension, ordinalsUpTo: ordinals, random: &random)
      let library = try Library(set, storage, structure: structure, random: &random)
      #expect(library.search.vectorCount == set.keys.count)
      for k in [1, 2, 10, 100, count, 5000] {
        let query = wholeQueries(1, dimension: dimension, random: &random)
        #expect(try library.search.neighbors(of: query, k: k) == set.neighbors(of: query, k: k), "k=\(k)")
      }
    }
  }

  @Test(
    "A filter of any size gives exactly the allowed items",
    arguments: [0, 0.0001, 0.01, 0.1, 0.29, 0.31, 0.74, 0.76, 0.99, 1])
  func filters(share: Double) throws {
    var random = SeededRandom(seed: 2)
    let set = VectorSet.lattice(items: 0..<20_000, dimension: 16, ordinalsUpTo: 2, random: &random)
    let library = try Library(set, .float32, random: &random)
    var allowed = Set(
      (0..<20_000).filter { _ in Double.random(in: 0..<1, using: &random) < share }.map { Int64($0) })
    if share > 0 { allowed.insert(77) }
    let filter = library.search.prepare(IDFilter(items: Array(allowed) + [-3, 20_000, 1 << 40]))
    #expect(filter.vectorCount == set.keys.count { allowed.contains($0.item) })
    let queries = wholeQueries(40, dimension: 16, random: &random)
    let batch = try library.search.neighbors(ofEach: queries, count: 40, k: 10, filter: filter)
    for query in 0..<40 {
      let one = Array(queries[(query * 16)..<(query * 16 + 16)])
      let single = try library.search.neighbors(of: one, k: 10, filter: filter)
      #expect(single == batch[query])
      if query < 5 { #expect(single == set.neighbors(of: one, k: 10) { allowed.contains($0) }) }
    }
  }

  @Test(
    "One by one, in small and in large batches, on any number of threads: the same bits",
    arguments: RowStorage.floats, [SegmentStructure.rows, .codes])
  func sameAnswersEveryWay(storage: RowStorage, structure: SegmentStructure) throws {
    var random = SeededRandom(seed: 3)
    for (dimension, count) in [(3, 900), (130, 10_000)] {
      let set = VectorSet.gaussian(items: 0..<Int64(count), dimension: dimension, random: &random)
      let queries = (0..<(70 * dimension)).map { _ in 3 * random.normal() }
      var expected: [[Neighbor]] = []
      for threads in [1, 2, 5] {
        var deal = SeededRandom(seed: 30)
        let library = try Library(
          set, storage, structure: structure, pool: ComputePool(threadCount: threads), random: &deal)
        if expected.isEmpty {
          expected = try (0..<70).map {
            try library.search.neighbors(of: Array(queries[($0 * dimension)..<(($0 + 1) * dimension)]), k: 12)
          }
        }
        for size in [1, 3, 8, 9, 23, 24, 70] {
          let some = Array(queries[..<(size * dimension)])
          let answers = try library.search.neighbors(ofEach: some, count: size, k: 12)
          #expect(answers == Array(expected[..<size]), "\(threads) threads, \(size) queries")
        }
      }
      // And they are right.
      for query in 0..<5 {
        let one = Array(queries[(query * dimension)..<((query + 1) * dimension)])
        let oracle = set.neighbors(of: one, k: 12)
        let tolerance: Float = storage == .float32 ? 1e-4 : 2e-2
        for (found, exact) in zip(expected[query], oracle) {
          #expect(abs(found.score - exact.score) < tolerance)
        }
        if storage == .float32 { #expect(expected[query].map(\.item) == oracle.map(\.item)) }
      }
    }
  }

  @Test("A batch over nothing but equal vectors gives the lowest ids, though they are searched last")
  func allTies() throws {
    func piece(_ items: Range<Int64>) throws -> VectorSource {
      var set = VectorSet(dimension: 100)
      for item in items {
        set.keys.append(VectorKey(item: item))
        set.rows += VectorSet.unit((0..<100).map { Float($0 % 7) + 0.3 })
      }
      return VectorSource(try set.fresh())
    }
    // On one thread the low ids come when the threshold is their very score: what a product rounds down must be kept.
    let search = try VectorSearch(
      dimension: 100, sources: [try piece(9000..<18_000), try piece(0..<2000)],
      pool: ComputePool(threadCount: 1))
    var random = SeededRandom(seed: 4)
    let queries = (0..<(30 * 100)).map { _ in random.normal() }
    for answers in try search.neighbors(ofEach: queries, count: 30, k: 300) {
      #expect(answers.map(\.item) == Array(0..<300))
    }
  }

  @Test("An item with more vectors than k takes one place")
  func collapses() throws {
    var set = VectorSet(dimension: 16)
    var random = SeededRandom(seed: 5)
    for item in 0..<20 {
      for ordinal in 0..<(item == 3 ? 5000 : 2) {
        set.keys.append(VectorKey(item: Int64(item), ordinal: UInt32(ordinal)))
        let first: [Float] = [item == 3 ? 60 : 0]
        set.rows += VectorSet.unit(first + (0..<15).map { _ in random.normal() })
      }
    }
    let search = try VectorSearch(dimension: 16, sources: [VectorSource(try set.fresh())])
    let query: [Float] = [1] + [Float](repeating: 0.01, count: 15)
    let expected = set.neighbors(of: query, k: 6)
    let found = try search.neighbors(of: query, k: 6)
    #expect(found.map(\.key) == expected.map(\.key))
    #expect(found[0].item == 3 && Set(found.map(\.item)).count == 6)
    let batch = try search.neighbors(
      ofEach: Array([[Float]](repeating: query, count: 30).joined()), count: 30, k: 6)
    #expect(batch.allSatisfy { $0 == found })
  }

  @Test("Nothing to search, nothing wanted, nothing allowed")
  func empty() throws {
    let query = [Float](repeating: 1, count: 16)
    let nothing = try VectorSearch(dimension: 16, sources: [])
    #expect(try nothing.neighbors(of: query, k: 10).isEmpty)
    #expect(nothing.sample(atMost: 10).items.isEmpty)
    let folder = try TemporaryDirectory()
    let empty = VectorSet(dimension: 16)
    let search = try VectorSearch(
      dimension: 16,
      sources: [VectorSource(try empty.segment(.float16, in: folder)), VectorSource(try empty.fresh())])
    #expect(try search.neighbors(of: query, k: 10).isEmpty)
    #expect(try search.neighbors(ofEach: query + query, count: 2, k: 10) == [[], []])
    #expect(try search.neighbors(ofEach: [], count: 0, k: 10) == [])
    var random = SeededRandom(seed: 6)
    let some = VectorSet.lattice(items: 0..<5, dimension: 16, random: &random)
    let few = try VectorSearch(dimension: 16, sources: [VectorSource(try some.fresh())])
    #expect(try few.neighbors(of: query, k: 0).isEmpty)
    #expect(try few.neighbors(of: query, k: .max).count == 5)
    #expect(try few.neighbors(of: query, k: 3, filter: few.prepare(IDFilter(items: []))).isEmpty)
  }

  @Test("A query of the wrong size or with NaN is an error, as is a source of another dimension")
  func refusesQueries() throws {
    var random = SeededRandom(seed: 7)
    let set = VectorSet.lattice(items: 0..<5, dimension: 16, random: &random)
    let source = VectorSource(try set.fresh())
    let search = try VectorSearch(dimension: 16, sources: [source])
    #expect(throws: IndexError.self) { try search.neighbors(of: [1], k: 1) }
    var query = [Float](repeating: 1, count: 16)
    query[3] = .nan
    let error = #expect(throws: IndexError.self) { try search.neighbors(of: query, k: 1) }
    #expect(error?.code == .invalidVector)
    let mismatch = #expect(throws: IndexError.self) { try VectorSearch(dimension: 17, sources: [source]) }
    #expect(mismatch?.code == .wrongDimension)
  }
}
