// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// How much of a segment's lists a query looks at.
struct ListEffort: Hashable, Sendable {
  /// Lists that are scanned.
  var nprobe: Int
  /// Entries whose codes are scored after the scan; a vector may stand for two of them.
  var candidateCount: Int
  /// Vectors that are scored exactly at the end.
  var rescoredCount: Int
}

/// One query on its way through the inverted lists of one segment.
///
/// Three looks, each at fewer vectors and each closer: one bit a dimension (what the scan of the nearest lists leaves),
/// one byte (codes), and the rows themselves by the scan kernels. So scores are those of exact search; only which
/// vectors are looked at is a guess.
struct ListSearch {
  private let table: VectorTable
  private let codes: CodeTable
  private let lists: InvertedLists
  private let quantized: QuantizedQueries
  private let query: Int
  private let lookup: LookupTable
  private let kernels = CodeKernels.current

  /// Prepares query `query` of `quantized` for `table`; nil when the table has no lists.
  init?(_ quantized: QuantizedQueries, query: Int, lookup: LookupTable, table: VectorTable) {
    guard let codes = table.codes, let lists = table.lists else { return nil }
    self.table = table
    self.codes = codes
    self.lists = lists
    self.quantized = quantized
    self.query = query
    self.lookup = lookup
  }

  /// The best `k` items, best first. Looks at more lists than `effort` says when those hold fewer items than `k`.
  ///
  /// - Parameters:
  ///   - original: the query itself, `[dimension]`.
  ///   - allowed: the slots that may be returned; nil when all may.
  func neighbors(
    of original: UnsafePointer<Float>, k: Int, atLeast effort: ListEffort, allowed: SlotBitmap?
  ) -> [Neighbor] {
    var effort = effort
    while true {
      let found = neighbors(of: original, k: k, exactly: effort, allowed: allowed)
      guard found.count < k, effort.nprobe < lists.count || effort.rescoredCount < table.count else {
        return found
      }
      effort.nprobe = min(lists.count, 4 * effort.nprobe)
      effort.candidateCount *= 2
      effort.rescoredCount *= 2
    }
  }

  /// The same, with this very effort.
  func neighbors(
    of original: UnsafePointer<Float>, k: Int, exactly effort: ListEffort, allowed: SlotBitmap?
  ) -> [Neighbor] {
    var candidates = CandidateBuffer(keeping: effort.candidateCount)
    let nearest = nearestLists(effort.nprobe)
    SlotBitmap.withWords(of: allowed) { words in
      for (index, list) in nearest.enumerated() {
        if index + 1 < nearest.count { prefetch(Int(nearest[index + 1].id)) }
        let range = lists.blocks(of: Int(list.id))
        lookup.scan(
          lists.blocks + range.lowerBound * lists.blockSize, count: range.count, base: list.score,
          allowed: words,
          idCount: table.count, into: &candidates)
      }
    }
    let slots = candidates.withBest { nearestByCode($0, effort.rescoredCount) }
    return rescored(slots, of: original, k: k)
  }

  /// Asks for the first blocks of a list: those that follow the scan asks for itself.
  private func prefetch(_ list: Int) {
    let range = lists.blocks(of: list)
    CodeKernels.prefetch(
      lists.blocks + range.lowerBound * lists.blockSize, byteCount: min(2, range.count) * lists.blockSize)
  }

  /// The lists whose centroids are nearest, nearest first, with the centroids' scores.
  private func nearestLists(_ nprobe: Int) -> [Candidate] {
    var candidates = CandidateBuffer(keeping: min(lists.count, 2 * nprobe + 24))
    lookup.scan(
      lists.centroidBlocks, count: (lists.count + 31) / 32, base: quantized.product(query, lists.mean),
      allowed: nil,
      idCount: lists.count, into: &candidates)
    return candidates.withBest { best in
      var best = best
      quantized.withCode(query) { code, scale in
        kernels.score(
          best, query: code, scale: scale, codes: lists.centroids, codeScales: lists.centroidScales,
          count: lists.count, dimension: lists.codeDimension)
      }
      best.sort { $0.precedes($1) }
      return Array(best.prefix(nprobe))
    }
  }

  /// The slots of the best `count` candidates by their codes, each once.
  private func nearestByCode(_ candidates: UnsafeMutableBufferPointer<Candidate>, _ count: Int) -> [UInt32] {
    quantized.withCode(query) { kernels.score(candidates, query: $0, scale: $1, codes: codes) }
    // A vector may come from both of its lists.
    var best = UnsafeMutableBufferPointer(rebasing: candidates[..<min(2 * count, candidates.count)])
    if best.count < candidates.count { candidates.partition(best: best.count) }
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
    slots.withUnsafeBufferPointer {
      ScanKernels.current.score(query: original, rows: table.rows, slots: $0, into: &scores)
    }
    let neighbors = zip(slots, scores).map { Neighbor(key: table.key(Int($0)), score: $1) }
    return TopK.merge([neighbors, []], k: k)
  }
}
