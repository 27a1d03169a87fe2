// SPDX-License-Identifier: Apache-2.0

extension NullDistribution {
  /// The null of supposedly unrelated queries, a row of scores each, without what turns out to be related.
  ///
  /// Among two hundred texts about everyday things some do describe a part of any library. Left in, four of them that
  /// match one item in twenty put a thousandth of the null where true hits are, and a rare concept could never stand
  /// out. So a score leaves that stands ``outlier`` robust deviations above its own row (3 in a million do by chance), and
  /// a row leaves whose lower quartile stands as far above the other rows' (a text that fits everything here). What
  /// stays of each row is moved to where rows usually sit, see ``adjusted(to:)``.
  ///
  /// - Parameter rows: scores of one query against the sample, each.
  /// - Complexity: O(n log n) for n scores.
  package init?(rows: [[Float]]) {
    let sorted = rows.filter { !$0.isEmpty }.map { $0.sorted() }
    let length = sorted.map(\.count).min() ?? 0
    let quartiles = sorted.map { $0[$0.count / 4] }
    let rowSpread = RobustSpread(quartiles)
    var center: RowCenter?
    if sorted.count >= RowCenter.smallestRowCount, length >= RowCenter.smallestRow, rowSpread.deviation > 0 {
      center = RowCenter(position: rowSpread.median, spread: rowSpread.deviation)
    }
    // Fewer rows do not show which of them is odd.
    let rowLimit = sorted.count >= RowCenter.smallestRowCount ? rowSpread.limit : .infinity
    var kept: [Float] = []
    kept.reserveCapacity(sorted.reduce(0) { $0 + $1.count })
    for (row, quartile) in zip(sorted, quartiles) where quartile <= rowLimit {
      let limit = row.count >= RowCenter.smallestRow ? RobustSpread(sorted: row).limit : .infinity
      let shift = center.map { quartile - $0.position } ?? 0
      for score in row where score <= limit { kept.append(score - shift) }
    }
    self.init(scores: kept, center: center)
  }

  /// How many deviations above its like a score is no noise any more.
  static let outlier: Float = 4.5
}

/// A middle and a width that a few outliers do not move.
private struct RobustSpread {
  let median: Float
  /// The median absolute deviation, scaled to a Gaussian's standard deviation.
  let deviation: Float
  /// Above this stand outliers; nothing does where all values are the same.
  var limit: Float { deviation > 0 ? median + NullDistribution.outlier * deviation : .infinity }

  init(_ values: [Float]) {
    self.init(sorted: values.sorted())
  }

  init(sorted: [Float]) {
    guard !sorted.isEmpty else {
      (median, deviation) = (0, 0)
      return
    }
    let median = sorted[sorted.count / 2]
    self.median = median
    deviation = 1.4826 * sorted.map { abs($0 - median) }.sorted()[sorted.count / 2]
  }
}
