// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra
internal import Synchronization

extension VectorSearch {
  /// Looks at the nearest lists of the sources that are planned to be probed; one query is one piece of work. Queries
  /// that the lists cannot answer, because they are near to none, or what is allowed is far from them or is not enough, are
  /// answered by a scan.
  func probe(
    _ queries: [Float], _ quantized: QuantizedQueries, k: Int, _ filter: PreparedFilter?,
    _ plans: [SourcePlan], into answers: inout [[[Neighbor]]]
  ) {
    let allowed = slots(filter)
    for source in plans.indices {
      guard case .probe(var effort) = plans[source], let lists = sources[source].table.lists else { continue }
      effort.reach = lists.reach.cosine(sources[source].table, rotation: quantized.rotation, pool: pool)
      let known = filter?.counts[source] ?? liveCounts[source]
      let reachable = AllowedSlots(
        slots: allowed[source], selectivity: Double(known) / Double(max(1, sources[source].table.count)),
        occupancy: filter?.occupancies[source]?.value)
      let found = probe(queries, quantized, k: k, source, effort, reachable)
      for query in answers.indices { if let answer = found[query] { answers[query].append(answer) } }
      let unanswered = found.indices.filter { found[$0] == nil }
      guard !unanswered.isEmpty else { continue }
      let rows = Array(
        unanswered.map { queries[($0 * dimension)..<(($0 + 1) * dimension)] }.joined())
      let scans = sources.indices.map { $0 == source ? SourcePlan.scan(.far) : .skip }
      let again = QuantizedQueries(rows, count: unanswered.count, rotation: quantized.rotation, pool: pool)
      let scanned = scan(rows, unanswered.count, k: k, again, allowed, scans)
      for (query, answer) in zip(unanswered, scanned) { answers[query] += answer }
    }
  }

  /// What the lists of one source know of each query; nil where that is not enough.
  private func probe(
    _ queries: [Float], _ quantized: QuantizedQueries, k: Int, _ source: Int, _ effort: ListEffort,
    _ allowed: AllowedSlots
  ) -> [[Neighbor]?] {
    let table = sources[source].table
    let answers = Mutex([[Neighbor]?](repeating: nil, count: quantized.count))
    pool.forEach(quantized.count) { query in
      let lookup = LookupTable(quantized, query: query)
      guard
        let search = ListSearch(quantized, query: query, lookup: lookup, table: table, pool: pool)
      else { return }
      let found = queries.withUnsafeBufferPointer { queries -> [Neighbor]? in
        guard let original = queries.baseAddress.map({ $0 + query * dimension }) else { return nil }
        return search.neighbors(of: original, k: k, effort: effort, allowed: allowed)
      }
      guard let found, found.count == k else { return }
      answers.withLock { $0[query] = found }
    }
    return answers.withLock { $0 }
  }
}
