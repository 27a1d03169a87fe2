// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import Glibc
internal import LinearAlgebra
internal import Synchronization

/// How much of a segment's lists a query looks at.
struct ListEffort: Hashable, Sendable {
  /// Under a filter at most so many times as many lists are scanned as without.
  static let largestSpread = 16.0
  /// Less than this share of what a filter allows on average is allowed in the lists near a query, and the neighbours that
  /// are left lie elsewhere: nothing is known of how to find those.
  static let leastDensity = 0.7

  /// Lists that are scanned; with a filter, the fewest.
  var nprobe: Int
  /// Entries whose codes are scored after the scan; a vector may stand for two of them.
  var candidateCount: Int
  /// Vectors that are scored exactly at the end.
  var rescoredCount: Int
  /// With a filter, the most lists that are scanned.
  var nprobeLimit: Int
  /// The cosine with the nearest centroid above which lists are of use: see ``ListReach``.
  var reach = -Float.infinity
  /// Entries in ``nprobe`` lists, where a filter decides how many more are scanned; 0 without one.
  var entryCount = 0.0

  init(nprobe: Int, candidateCount: Int, rescoredCount: Int) {
    self.nprobe = nprobe
    self.candidateCount = candidateCount
    self.rescoredCount = rescoredCount
    nprobeLimit = nprobe
  }

  /// Whether it is meant for a filter whose ``ListOccupancy`` is known.
  var isFiltered: Bool { entryCount > 0 }

  /// How many times as many lists hold the neighbours when of each list only the share `density` is allowed. Those that
  /// are left are as far away as `1 / density` times as many would be without a filter. The exponent was chosen for a
  /// recall of 0.98 at densities of 0.02 to 0.5 (`duet-bench filters`).
  static func spread(density: Double) -> Double { min(pow(density, -0.7), largestSpread) }

  /// Lists are scanned until they have held so many allowed entries.
  func allowedEntries(density: Double) -> Int {
    Int(entryCount * density * Self.spread(density: density))
  }
}

/// What a search through lists may return.
struct AllowedSlots {
  /// nil stands for all.
  let slots: SlotBitmap?
  /// How many of the table's slots that is, as a share.
  var selectivity = 1.0
  /// Where they lie; nil when that was not counted.
  var occupancy: ListOccupancy?

  static let all = AllowedSlots(slots: nil)
}

/// One query on its way through the inverted lists of one segment.
///
/// Three looks, each at fewer vectors and each closer: one bit a dimension (what the scan of the nearest lists leaves),
/// one byte (codes), and the rows themselves by the scan kernels. So scores are those of exact search; only which
/// vectors are looked at is a guess.
struct ListSearch: Sendable {
  private let table: VectorTable
  private let codes: CodeTable
  private let lists: InvertedLists
  private let quantized: QuantizedQueries
  private let query: Int
  private let lookup: LookupTable
  private let pool: ComputePool
  private let kernels = CodeKernels.current

  /// Prepares query `query` of `quantized` for `table`; nil when the table has no lists.
  init?(
    _ quantized: QuantizedQueries, query: Int, lookup: LookupTable, table: VectorTable, pool: ComputePool
  ) {
    guard let codes = table.codes, let lists = table.lists else { return nil }
    self.table = table
    self.codes = codes
    self.lists = lists
    self.quantized = quantized
    self.query = query
    self.lookup = lookup
    self.pool = pool
  }

  /// The best `k` items, best first; nil when the query is near to no list, or what is allowed lies so that the lists do not
  /// find it.
  ///
  /// - Parameter original: the query itself, `[dimension]`.
  func neighbors(
    of original: UnsafePointer<Float>, k: Int, effort: ListEffort, allowed: AllowedSlots
  ) -> [Neighbor]? {
    guard let nearest = lists(effort, allowed) else { return nil }
    let slots = withCandidates(nearest, keeping: effort.candidateCount, allowed.slots) {
      nearestByCode($0, effort.rescoredCount)
    }
    return rescored(slots, of: original, k: k)
  }

  /// The lists to scan, nearest first; nil when none is near, or a filter leaves too little in those that are.
  private func lists(_ effort: ListEffort, _ allowed: AllowedSlots) -> [Candidate]? {
    let nearest = nearestLists(effort.nprobeLimit)
    guard let best = nearest.first, best.score > effort.reach * quantized.length(query) else { return nil }
    guard effort.isFiltered, let occupancy = allowed.occupancy else { return nearest }
    let density = occupancy.density(in: nearest.prefix(effort.nprobe))
    // The very nearest lists alone, too: what is near in those behind them may be another cluster's.
    let core = occupancy.density(in: nearest.prefix(max(3, effort.nprobe / 4)))
    guard min(density, 1.5 * core) >= allowed.selectivity * ListEffort.leastDensity else { return nil }
    let wanted = effort.allowedEntries(density: min(density, allowed.selectivity))
    if let enough = occupancy.prefix(of: nearest, atLeast: effort.nprobe, holding: wanted) { return enough }
    let occupied = nearestLists(effort.nprobeLimit, among: occupancy.occupied)
    return occupancy.prefix(of: occupied, atLeast: effort.nprobe, holding: wanted) ?? occupied
  }

  /// The cosine with the nearest centroid.
  var nearestCosine: Float {
    nearestLists(1).first.map { $0.score / max(quantized.length(query), .leastNormalMagnitude) } ?? -1
  }

  // MARK: - Scan

  /// Entries that are worth a piece of work of their own.
  private static let partEntries = 1 << 16

  /// Scans `nearest` and calls `body` with the best `wanted` entries, by score and then by slot.
  ///
  /// Many lists are dealt out to several buffers, for several threads. How many there are depends on the lists alone, so
  /// that the answer does not depend on the number of threads.
  private func withCandidates<Result>(
    _ nearest: [Candidate], keeping wanted: Int, _ allowed: SlotBitmap?,
    _ body: (UnsafeMutableBufferPointer<Candidate>) -> Result
  ) -> Result {
    let entryCount = nearest.reduce(0) { $0 + lists.blocks(of: Int($1.id)).count } * CodeKernels.blockCapacity
    let partCount = min(8, max(1, entryCount / Self.partEntries))
    guard partCount > 1 else {
      var candidates = CandidateBuffer(keeping: wanted)
      scan(nearest, allowed, into: &candidates)
      return candidates.withBest(body)
    }
    let parts = Mutex([[Candidate]](repeating: [], count: partCount))
    pool.forEach(partCount) { part in
      // Every part has near lists and far ones.
      let own = stride(from: part, to: nearest.count, by: partCount).map { nearest[$0] }
      var candidates = CandidateBuffer(keeping: wanted)
      scan(own, allowed, into: &candidates)
      let best = candidates.withBest { Array($0) }
      parts.withLock { $0[part] = best }
    }
    var all = Array(parts.withLock { $0 }.joined())
    return all.withUnsafeMutableBufferPointer { all in
      guard all.count > wanted else { return body(all) }
      kernels.keepBest(all, wanted)
      return body(UnsafeMutableBufferPointer(rebasing: all[..<wanted]))
    }
  }

  private func scan(_ nearest: [Candidate], _ allowed: SlotBitmap?, into candidates: inout CandidateBuffer) {
    SlotBitmap.withWords(of: allowed) { words in
      for (index, list) in nearest.enumerated() {
        if index + 1 < nearest.count { prefetch(Int(nearest[index + 1].id)) }
        let range = lists.blocks(of: Int(list.id))
        lookup.scan(
          lists.blocks + range.lowerBound * lists.blockSize, count: range.count, base: list.score,
          allowed: words, idCount: table.count, into: &candidates)
      }
    }
  }

  /// Asks for the first blocks of a list: those that follow the scan asks for itself.
  private func prefetch(_ list: Int) {
    let range = lists.blocks(of: list)
    CodeKernels.prefetch(
      lists.blocks + range.lowerBound * lists.blockSize, byteCount: min(4, range.count) * lists.blockSize)
  }

  /// The lists whose centroids are nearest, nearest first, with the centroids' scores.
  private func nearestLists(_ nprobe: Int, among wanted: SlotBitmap? = nil) -> [Candidate] {
    var candidates = CandidateBuffer(keeping: min(lists.count, 2 * nprobe + 24))
    SlotBitmap.withWords(of: wanted) { words in
      lookup.scan(
        lists.centroidBlocks, count: (lists.count + 31) / 32, base: quantized.product(query, lists.mean),
        allowed: words, idCount: lists.count, into: &candidates)
    }
    return candidates.withBest { best in
      var best = best
      quantized.withCode(query) { code, scale in
        kernels.score(
          best, query: code, scale: scale, codes: lists.centroids, codeScales: lists.centroidScales,
          count: lists.count, dimension: lists.codeDimension)
      }
      if best.count > nprobe {
        kernels.keepBest(best, nprobe)
        best = UnsafeMutableBufferPointer(rebasing: best[..<nprobe])
      }
      best.sort { $0.precedes($1) }
      return Array(best)
    }
  }

  /// The slots of the best `count` candidates by their codes, each once.
  private func nearestByCode(_ candidates: UnsafeMutableBufferPointer<Candidate>, _ count: Int) -> [UInt32] {
    quantized.withCode(query) { kernels.score(candidates, query: $0, scale: $1, codes: codes) }
    // A vector may come from both of its lists.
    var best = UnsafeMutableBufferPointer(rebasing: candidates[..<min(2 * count, candidates.count)])
    if best.count < candidates.count { kernels.keepBest(candidates, best.count) }
    best.sort { $0.precedes($1) }
    var slots: [UInt32] = []
    slots.reserveCapacity(count)
    for index in best.indices
    where slots.count < count && (index == 0 || best[index - 1].id != best[index].id) {
      slots.append(best[index].id)
    }
    return slots
  }

  private func rescored(_ slots: [UInt32], of original: UnsafePointer<Float>, k: Int) -> [Neighbor] {
    var scores = [Float](repeating: 0, count: slots.count)
    slots.withUnsafeBufferPointer { slots in
      let kernels = ScanKernels.current
      if table.isRotated {
        quantized.withRotated(query) {
          kernels.score(query: $0, rows: table.rows, slots: slots, into: &scores)
        }
      } else {
        kernels.score(query: original, rows: table.rows, slots: slots, into: &scores)
      }
    }
    let neighbors = zip(slots, scores).map { Neighbor(key: table.key(Int($0)), score: $1) }
    return TopK.merge([neighbors, []], k: k)
  }
}
