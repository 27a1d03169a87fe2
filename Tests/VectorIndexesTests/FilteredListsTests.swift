// SPDX-License-Identifier: Apache-2.0
import Compute
import LinearAlgebra
import TestSupport
import Testing

@testable import VectorIndexes

/// What lists find where a filter leaves a part of the vectors, with exact search as the judge.
@Suite struct FilteredListsTests {
  /// Which part.
  enum Kind: CaseIterable {
    /// Any vectors.
    case random
    /// The nearest to the queries.
    case near
    /// Whole clusters, those of the queries among them or not.
    case clusters, otherClusters
    /// The furthest from the queries.
    case far
  }

  static let (count, dimension, clusters) = (24_000, 64, 60)

  /// The scene of all tests, made once.
  static let scene = Result { try Scene() }

  /// Vectors in clusters that follow one another, and the queries: somewhere near the first ones.
  struct Scene {
    let folder: TemporaryDirectory
    let search: VectorSearch
    let set: VectorSet
    let queries: [[Float]]
    /// All items, the nearest to the first query first.
    let ranking: [Int64]

    init() throws {
      var random = SeededRandom(seed: 71)
      folder = try TemporaryDirectory()
      var set = VectorSet(dimension: dimension)
      let centers = (0..<clusters).map { _ in (0..<dimension).map { _ in random.normal() } }
      for item in 0..<count {
        set.keys.append(VectorKey(item: Int64(item)))
        set.rows += VectorSet.unit(centers[item % clusters].map { $0 + 0.8 * random.normal() })
      }
      self.set = set
      let segment = try set.segment(.float32, in: folder)
      search = try VectorSearch(
        dimension: dimension, sources: [VectorSource(segment)])
      let queries = (0..<20).map { index in
        zip(set.row(index * clusters), centers[0]).map { $0 + 0.1 * $1 + 0.05 * random.normal() }
      }
      ranking = try search.neighbors(of: queries[0], k: count).map(\.item)
      self.queries = queries
    }

    /// The items that a filter of a kind allows.
    func items(_ kind: Kind, share: Double, random: inout SeededRandom) -> [Int64] {
      let wanted = max(10, Int(share * Double(count)))
      switch kind {
      case .random: return Array((0..<Int64(count)).shuffled(using: &random).prefix(wanted))
      case .near: return Array(ranking.prefix(wanted))
      case .far: return Array(ranking.suffix(wanted))
      case .clusters, .otherClusters:
        // Item i belongs to cluster i mod 60; the queries to cluster 0.
        let first = kind == .clusters ? 0 : 1
        let chosen = first..<(first + max(1, min(clusters - first, Int(share * Double(clusters)))))
        return (0..<Int64(count)).filter { chosen.contains(Int($0) % clusters) }
      }
    }
  }

  @Test("k items and recall 0.95 at defaults, whatever share a filter leaves, near the query or away from it")
  func recall() throws {
    let scene = try Self.scene.get()
    var random = SeededRandom(seed: 72)
    for kind in Kind.allCases {
      for share in [0.0005, 0.003, 0.01, 0.05, 0.2, 0.5, 0.9, 1] {
        let allowed = scene.items(kind, share: share, random: &random)
        let filter = scene.search.prepare(IDFilter(items: allowed))
        var (found, expected) = (0, 0)
        for query in scene.queries {
          let truth = try scene.search.neighbors(of: query, k: 10, filter: filter)
          let answer = try scene.search.neighbors(of: query, k: 10, filter: filter, recall: .standard)
          #expect(answer.count == min(10, allowed.count))
          expected += truth.count
          found += Set(answer).intersection(truth).count
        }
        #expect(Double(found) >= 0.95 * Double(expected), "\(kind) \(share): \(found) of \(expected)")
      }
    }
  }

  @Test("What is counted of each list is what stands in it")
  func occupancy() throws {
    let scene = try Self.scene.get()
    let table = scene.search.sources[0].table
    let lists = try #require(table.lists)
    let allowed = table.bitmap(of: (0..<Int64(Self.count)).filter { $0 % 5 == 2 && $0 < 10_000 })
    let occupancy = ListOccupancy(lists, allowed, pool: .shared)
    for list in 0..<lists.count {
      let slots = lists.blocks(of: list).flatMap(lists.entries)
      #expect(occupancy.entryCounts[list] == slots.count)
      #expect(occupancy.counts[list] == slots.count { allowed.contains(Int($0)) })
      #expect(occupancy.occupied.contains(list) == (occupancy.counts[list] > 0))
    }
    #expect(occupancy.entryCounts.reduce(0, +) == 2 * Self.count)
  }

  @Test("Few neighbours are looked for in lists, in what a small filter leaves without them")
  func plans() throws {
    let search = try Self.scene.get().search
    func plan(_ items: some Sequence<Int64>, k: Int = 10) -> SourcePlan {
      search.plans(search.prepare(IDFilter(items: Array(items))), k: k, recall: .standard)[0]
    }
    func probes(_ plan: SourcePlan) -> Bool { if case .probe = plan { true } else { false } }
    let all = 0..<Int64(Self.count)
    #expect(probes(search.plans(nil, k: 10, recall: .standard)[0]))
    #expect(probes(plan(all)) && probes(plan(all.filter { $0 % 2 == 0 })))
    #expect(plan(all.prefix(40)) == .scan(.fewAllowed))
    #expect(plan(all.filter { $0 % 150 == 0 }) == .scan(.fewAllowed))
    #expect(plan([]) == .skip)
    #expect(search.plans(nil, k: 20_000, recall: .standard)[0] == .scan(.manyWanted))
    #expect(search.plans(nil, k: 10, recall: .exact)[0] == .scan(.wantedExact))
  }

  @Test("Queries that lie apart from all vectors, as texts do, find 0.98 of their neighbours at defaults")
  func outOfDistribution() throws {
    let scene = try Self.scene.get()
    let search = scene.search
    var random = SeededRandom(seed: 73)
    let offset = VectorSet.unit((0..<Self.dimension).map { _ in random.normal() })
    var (found, expected) = (0, 0)
    for index in 0..<100 {
      // What leads away from all vectors is nearly as long as what is shared with one; and some noise.
      let query = zip(scene.set.row(index * 230), offset).map { $0 + 0.8 * $1 + 0.04 * random.normal() }
      let truth = try search.neighbors(of: query, k: 10)
      found += Set(try search.neighbors(of: query, k: 10, recall: .standard)).intersection(truth).count
      expected += truth.count
    }
    #expect(Double(found) >= 0.975 * Double(expected), "\(found) of \(expected)")
  }

  @Test("A search through many lists is shared by threads, and has the same answer on any number of them")
  func splits() throws {
    var random = SeededRandom(seed: 74)
    let folder = try TemporaryDirectory()
    let set = ListsTests.clustered(66_000, dimension: 16, random: &random)
    let table = try set.segment(.float32, in: folder).table
    let query = set.row(5).map { $0 + 0.1 * random.normal() }
    let quantized = QuantizedQueries(query, count: 1, rotation: Rotation(dimension: 16), pool: .shared)
    let lists = try #require(table.lists)
    let effort = ListEffort(nprobe: lists.count, candidateCount: 4_000, rescoredCount: 2_000)
    let truth = try VectorSearch(dimension: 16, sources: [VectorSource(table: table, live: nil, name: "all")])
      .neighbors(of: query, k: 1_000)
    var answers: [[Neighbor]] = []
    for threads in [1, 2, 7] {
      let search = try #require(
        ListSearch(
          quantized, query: 0, lookup: LookupTable(quantized, query: 0), table: table,
          pool: ComputePool(threadCount: threads)))
      answers.append(try #require(search.neighbors(of: query, k: 1_000, effort: effort, allowed: .all)))
    }
    #expect(answers[0] == answers[1] && answers[0] == answers[2])
    #expect(Set(answers[0]).intersection(truth).count > 900)
  }
}
