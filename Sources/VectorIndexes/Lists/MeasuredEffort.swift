// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra

/// What an effort finds in one segment, measured when it was written: how many lists it takes depends on the vectors.
struct MeasuredEffort: Hashable, BitwiseCopyable {
  /// The share of the ten true neighbours that were found.
  var recall: Float
  /// Lists that were scanned.
  var nprobe: UInt32
  /// Entries that were looked at again.
  var candidateCount: UInt32

  /// Efforts that a segment keeps, the last one repeated where there are fewer.
  static let count = 32
  static let k = 10
}

/// Measures efforts on a segment whose lists are ready.
struct EffortMeasurement {
  /// Trial queries of each kind.
  static let queryCount = 128
  /// The lengths of the noise that leads queries away from rows of length 1. A text may be as far from the pictures that
  /// it fits as from any other.
  private static let noises: [Float] = [0.6, 1]
  private static let totalCount = (1 + noises.count) * queryCount
  /// Scanning an entry and looking at a candidate again, in nanoseconds or so: only their ratio counts.
  private static let cost = (entry: 2.5, candidate: 40.0)

  private let table: VectorTable
  private let pool: ComputePool
  private let queries: SharedRows
  private let quantized: QuantizedQueries
  private let truth: [Set<VectorKey>]

  /// Makes trial queries for `table` and finds their true neighbours.
  init(_ table: VectorTable, rotation: Rotation, pool: ComputePool) throws {
    self.table = table
    self.pool = pool
    let queries = Self.queries(table)
    self.queries = SharedRows(queries, dimension: rotation.dimension)
    quantized = QuantizedQueries(queries, count: Self.totalCount, rotation: rotation, pool: pool)
    let exact = try VectorSearch(
      dimension: rotation.dimension, sources: [VectorSource(table: table, live: nil, name: "trial")],
      pool: pool)
    truth = try exact.neighbors(ofEach: queries, count: Self.totalCount, k: MeasuredEffort.k).map {
      Set($0.map(\.key))
    }
  }

  /// Queries that are no rows, as users' are none: on the way from one row to another, and away from a row in no
  /// direction that rows lie in.
  private static func queries(_ table: VectorTable) -> [Float] {
    var random = SplitMix64(state: 2)
    let dimension = table.dimension
    func anyRow() -> [Float] { table.vector(Int(random.next() % UInt64(table.count))) }
    var queries: [Float] = []
    queries.reserveCapacity(totalCount * dimension)
    for _ in 0..<queryCount { queries += zip(anyRow(), anyRow()).map { $0 + 0.4 * $1 } }
    for noise in noises {
      let scale = noise * (3 / Float(dimension)).squareRoot()
      for _ in 0..<queryCount { queries += anyRow().map { $0 + scale * random.uniform() } }
    }
    return queries
  }

  /// The efforts worth their cost, the recall rising.
  func efforts() -> [MeasuredEffort] {
    guard let lists = table.lists else { return [] }
    let entriesInList = 32 * Double(lists.blockCount) / Double(lists.count)
    var tried: [(effort: MeasuredEffort, cost: Double)] = []
    for candidateCount in [40, 80, 160, 320, 640, 1280] {
      var last: Float = 0
      for nprobe in Self.steps(upTo: lists.count) {
        let recall = recall(ListEffort(nprobe: nprobe, candidateCount: candidateCount, rescoredCount: 16))
        let cost =
          Double(nprobe) * entriesInList * Self.cost.entry + Double(candidateCount) * Self.cost.candidate
        tried.append(
          (
            MeasuredEffort(
              recall: recall, nprobe: UInt32(nprobe), candidateCount: UInt32(candidateCount)), cost
          ))
        // More lists bring no more: more candidates may.
        if recall == 1 || (nprobe >= 8 && recall - last < 0.0005) { break }
        last = recall
      }
    }
    return Self.best(tried)
  }

  /// 2, 3, 4, 6, 8, 12, … and all.
  private static func steps(upTo count: Int) -> [Int] {
    var steps: [Int] = []
    var step = 2
    while step < count {
      steps.append(step)
      if step + step / 2 < count { steps.append(step + step / 2) }
      step *= 2
    }
    return steps + [count]
  }

  /// The share of the true neighbours that an effort finds, of the kind of query that it finds fewer of.
  private func recall(_ effort: ListEffort) -> Float {
    let found = SharedArray<Int32>(count: quantized.count)
    pool.forEach(quantized.count) { query in
      let lookup = LookupTable(quantized, query: query)
      guard let search = ListSearch(quantized, query: query, lookup: lookup, table: table, pool: pool) else {
        return
      }
      let original = queries.rows.row(query).assumingMemoryBound(to: Float.self)
      let answer = search.neighbors(of: original, k: MeasuredEffort.k, effort: effort, allowed: .all)
      found.base[query] = Int32(answer?.count { truth[query].contains($0.key) } ?? 0)
    }
    let shares = stride(from: 0, to: Self.totalCount, by: Self.queryCount).map { first in
      let kind = first..<(first + Self.queryCount)
      let (hits, all) = (
        kind.reduce(0) { $0 + Int(found.base[$1]) }, kind.reduce(0) { $0 + truth[$1].count }
      )
      return Float(hits) / Float(max(1, all))
    }
    return shares.min() ?? 0
  }

  /// Those that no cheaper one beats, as many as a segment keeps.
  private static func best(_ tried: [(effort: MeasuredEffort, cost: Double)]) -> [MeasuredEffort] {
    var best: [MeasuredEffort] = []
    for (effort, _) in tried.sorted(by: { ($0.cost, $1.effort.recall) < ($1.cost, $0.effort.recall) })
    where effort.recall > best.last?.recall ?? 0 {
      best.append(effort)
    }
    // The lowest are the least wanted.
    best = best.suffix(MeasuredEffort.count)
    guard let last = best.last else { return [] }
    return best + [MeasuredEffort](repeating: last, count: MeasuredEffort.count - best.count)
  }
}
