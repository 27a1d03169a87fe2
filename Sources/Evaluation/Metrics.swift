// SPDX-License-Identifier: Apache-2.0

/// What became of one query: where the answers came out. Ranks count from 1.
package struct Outcome: Sendable, Equatable {
  /// The ranks of the relevant items that were found, rising.
  package let ranks: [Int]
  /// How many relevant items there are, found or not.
  package let relevantCount: Int
  /// The rank that recall and median go by: the target's where the benchmark names one, else the best of ``ranks``;
  /// nil when it was not found.
  package let firstRank: Int?
  /// The target's rank among the query's subset.
  package var subsetRank: Int?

  /// - Parameter targetRank: nil where any relevant item counts, `.some(nil)` for a target that was not found.
  package init(ranks: [Int], relevantCount: Int, targetRank: Int?? = nil, subsetRank: Int? = nil) {
    self.ranks = ranks
    self.relevantCount = relevantCount
    firstRank = targetRank ?? ranks.first
    self.subsetRank = subsetRank
  }

  /// The outcome of a ranking.
  ///
  /// - Complexity: O(n).
  package init<Item: Hashable>(of relevant: Set<Item>, target: Item? = nil, in ranking: some Sequence<Item>) {
    var ranks: [Int] = []
    var targetRank: Int?
    for (index, item) in ranking.enumerated() where relevant.contains(item) {
      ranks.append(index + 1)
      if item == target { targetRank = index + 1 }
    }
    self.init(
      ranks: ranks, relevantCount: relevant.count, targetRank: target == nil ? nil : .some(targetRank))
  }

  /// Whether recall counts this query at a depth.
  package func isHit(at depth: Int) -> Bool { firstRank.map { $0 <= depth } ?? false }

  /// `AP@K = Σ_{i ≤ K} rel(i) · P(i) / min(|GT|, K)`, with `P(i)` the share of relevant items among the first i.
  package func averagePrecision(at depth: Int) -> Double {
    guard relevantCount > 0, depth > 0 else { return 0 }
    var sum = 0.0
    for (found, rank) in ranks.enumerated() where rank <= depth {
      sum += Double(found + 1) / Double(rank)
    }
    return sum / Double(min(relevantCount, depth))
  }
}

/// A number at a depth: recall@10, mAP@50.
package struct AtDepth: Sendable, Equatable {
  package let depth: Int
  /// In 0...1.
  package let value: Double
}

/// The means over some queries.
package struct Measures: Sendable, Equatable {
  /// mAP is reported at these.
  package static let precisionDepths = [5, 10, 25, 50]

  /// How many queries with known answers they are over.
  package let queryCount: Int
  /// The share of queries with a hit among the first K.
  package let recall: [AtDepth]
  /// The mean of ``Outcome/averagePrecision(at:)``.
  package let precision: [AtDepth]
  /// The share of queries whose target is among the first K of its subset.
  package let subsetRecall: [AtDepth]
  /// The middle one of the first ranks, infinite when it was not found; nil for a mean of means.
  package let medianRank: Double?

  private init(
    queryCount: Int, recall: [AtDepth], precision: [AtDepth], subsetRecall: [AtDepth], medianRank: Double?
  ) {
    self.queryCount = queryCount
    self.recall = recall
    self.precision = precision
    self.subsetRecall = subsetRecall
    self.medianRank = medianRank
  }

  /// Measures outcomes; nil when there are none.
  package init?(_ outcomes: [Outcome], recallDepths: [Int], subsetDepths: [Int] = []) {
    guard !outcomes.isEmpty else { return nil }
    func mean(_ depths: [Int], _ value: (Outcome, Int) -> Double) -> [AtDepth] {
      depths.map { depth in
        AtDepth(
          depth: depth, value: outcomes.reduce(0) { $0 + value($1, depth) } / Double(outcomes.count))
      }
    }
    self.init(
      queryCount: outcomes.count,
      recall: mean(recallDepths) { $0.isHit(at: $1) ? 1 : 0 },
      precision: mean(Self.precisionDepths) { $0.averagePrecision(at: $1) },
      subsetRecall: mean(subsetDepths) { outcome, depth in
        outcome.subsetRank.map { $0 <= depth } ?? false ? 1 : 0
      },
      medianRank: Statistics.median(outcomes.map { $0.firstRank.map(Double.init) ?? .infinity }))
  }

  /// The mean of several, each counting alike.
  package static func mean(_ all: [Measures]) -> Measures? {
    guard let first = all.first else { return nil }
    func mean(_ field: (Measures) -> [AtDepth]) -> [AtDepth] {
      field(first).indices.map { index in
        AtDepth(
          depth: field(first)[index].depth,
          value: all.reduce(0) { $0 + field($1)[index].value } / Double(all.count))
      }
    }
    return Measures(
      queryCount: all.reduce(0) { $0 + $1.queryCount }, recall: mean(\.recall), precision: mean(\.precision),
      subsetRecall: mean(\.subsetRecall), medianRank: nil)
  }

  /// CIRR's summary, (R@5 + Rs@1) / 2; nil where there are no subsets.
  package var cirrAverage: Double? {
    guard let whole = recall.first(where: { $0.depth == 5 }),
      let subset = subsetRecall.first(where: { $0.depth == 1 })
    else { return nil }
    return (whole.value + subset.value) / 2
  }
}

/// Order statistics.
package enum Statistics {
  /// The middle value, or the mean of the two middle ones; nil of nothing.
  package static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// The smallest value that at least a share of all values does not exceed (nearest rank); nil of nothing.
  package static func percentile(_ share: Double, of values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let rank = Int((share * Double(values.count)).rounded(.up))
    return values.sorted()[min(max(rank, 1), values.count) - 1]
  }
}
