// SPDX-License-Identifier: Apache-2.0

extension NullDistribution {
  /// The null of supposedly unrelated queries, a row of scores each, without what turns out to be related.
  ///
  /// Among two hundred texts about everyday things some do describe a part of any library. Left in, four of them that
  /// match one item in twenty put a thousandth of the null where true hits are, and a rare concept could never stand
  /// out. So a score leaves that stands ``outlier`` robust deviations above its own row (3 in a million do by chance), and
  /// a row leaves whose lower quartile stands as far above the other rows' (a text that fits everything here). What
  /// stays of each row is moved towards where rows usually sit, see ``adjusted(to:)``.
  ///
  /// - Parameter rows: scores of one query against the sample, each.
  /// - Complexity: O(n log n) for n scores.
  package init?(rows: [[Float]]) {
    let sorted = rows.filter { !$0.isEmpty }.map { $0.map(NullDistribution.position).sorted() }
    let length = sorted.map(\.count).min() ?? 0
    let quartiles = sorted.map { $0[$0.count / 4] }
    let rowSpread = RobustSpread(quartiles)
    // Fewer rows do not show which of them is odd.
    let rowLimit = sorted.count >= RowCenter.smallestRowCount ? rowSpread.limit : .infinity
    let kept = zip(sorted, quartiles).filter { $1 <= rowLimit }.map { row, quartile in
      let limit = row.count >= RowCenter.smallestRow ? RobustSpread(sorted: row).limit : .infinity
      return (quartile: quartile, row: row.prefix { $0 <= limit })
    }
    var center: RowCenter?
    if sorted.count >= RowCenter.smallestRowCount, length >= RowCenter.smallestRow, rowSpread.deviation > 0 {
      let slope = NullDistribution.slope(kept.map { ($0.quartile, $0.row[$0.row.count * 99 / 100]) })
      center = RowCenter(position: rowSpread.median, spread: rowSpread.deviation, slope: slope)
    }
    let moved = kept.map { quartile, row in
      let shift = center.map { $0.slope * (quartile - $0.position) } ?? 0
      return row.map { $0 - shift }
    }
    let bests = moved.compactMap(\.last).sorted()
    let usualBest =
      bests.count >= RowCenter.smallestRowCount
      ? UsualBest(position: bests[Int(UsualBest.share * Double(bests.count))], count: length) : nil
    self.init(positions: moved.flatMap(\.self), center: center, usualBest: usualBest)
  }

  /// The slope of the least-squares line through some points, in 0...1.
  private static func slope(_ points: [(x: Float, y: Float)]) -> Float {
    let x = points.reduce(0) { $0 + $1.x } / Float(points.count)
    let y = points.reduce(0) { $0 + $1.y } / Float(points.count)
    let both = points.reduce(0) { $0 + ($1.x - x) * ($1.y - y) }
    let square = points.reduce(0) { $0 + ($1.x - x) * ($1.x - x) }
    return square > 0 ? min(max(both / square, 0), 1) : 0
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
