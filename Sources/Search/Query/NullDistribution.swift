// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Foundation

/// What scores look like when query and item have nothing to do with each other.
///
/// The body is empirical: at most ``knotLimit`` quantiles, with straight lines between them. The tail cannot be, since a
/// library of N items asks for probabilities near 1/N where the null holds no score at all. Beyond the `threshold` (the
/// 0.1 % quantile, or the 30th largest score of a small null) it is exponential,
///
///     p(score) = p(threshold) · exp(−(score − threshold) / scale),
///
/// the generalised Pareto tail of shape 0 (Pickands 1975). Cosines of unrelated pairs fall off faster than that, like a
/// Gaussian or to a bound, so the error is on the side of showing less: 5.5 standard deviations instead of 5.1 at a
/// million items. The scale is the *median* excess over ln 2, since a few of the "unrelated" texts always do describe
/// some of the pictures, and a mean would follow them.
package struct NullDistribution: Sendable, Equatable {
  /// How many scores it was made from.
  package let count: Int
  package let mean: Float
  package let standardDeviation: Float
  /// Scores at evenly spaced ranks, ascending, from the smallest to the largest.
  package let knots: [Float]
  /// Where the exponential tail takes over.
  package let threshold: Float
  /// The share of the null above the threshold.
  package let thresholdProbability: Double
  /// The tail's scale, in units of score.
  package let scale: Double
  /// Where unrelated queries' own scores sit (their lower quartiles' median), and how far these lie apart from query
  /// to query; nil when there were too few to tell. See ``adjusted(to:)``.
  package let center: RowCenter?

  /// Fewer scores than this tell nothing.
  package static let smallestCount = 8
  package static let knotLimit = 1_025

  /// Condenses scores, in any order; nil when there are too few, or when one is not finite.
  ///
  /// - Complexity: O(n log n).
  package init?(scores: [Float], center: RowCenter? = nil) {
    guard scores.count >= NullDistribution.smallestCount, scores.allSatisfy(\.isFinite) else { return nil }
    let sorted = scores.sorted()
    count = sorted.count
    self.center = center
    var sum = 0.0
    for score in sorted { sum += Double(score) }
    let mean = sum / Double(sorted.count)
    var squares = 0.0
    for score in sorted { squares += (Double(score) - mean) * (Double(score) - mean) }
    let deviation = max((squares / Double(sorted.count)).squareRoot(), 1e-6)
    self.mean = Float(mean)
    standardDeviation = Float(deviation)
    let knotCount = min(sorted.count, NullDistribution.knotLimit)
    knots = (0..<knotCount).map { sorted[$0 * (sorted.count - 1) / (knotCount - 1)] }
    let tail = min(max(sorted.count / 1_000, 30), sorted.count / 2)
    threshold = sorted[sorted.count - tail]
    thresholdProbability = Double(tail) / Double(sorted.count)
    let medianExcess = Double(sorted[sorted.count - (tail + 1) / 2] - threshold)
    scale = max(medianExcess / 0.693_147_180_559_945_3, deviation * 0.05)
  }

  /// The score in standard deviations above unrelated.
  package func z(_ score: Float) -> Float { (score - mean) / standardDeviation }

  /// The probability that an unrelated pair scores this high or higher.
  ///
  /// - Complexity: O(log knots).
  package func tailProbability(_ score: Float) -> Double {
    guard score < threshold else {
      return thresholdProbability * exp(-Double(score - threshold) / scale)
    }
    guard let first = knots.first, score > first else { return 1 }
    // The last knot below the score: knots[low] < score ≤ knots[low + 1].
    var low = 0
    var high = knots.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if knots[middle] < score { low = middle } else { high = middle }
    }
    let span = knots[high] - knots[low]
    let fraction = span > 0 ? Double((score - knots[low]) / span) : 1
    let below = (Double(low) + fraction) / Double(knots.count - 1)
    return max(1 - below, thresholdProbability)
  }
}

extension NullDistribution {
  /// As the catalog keeps it. The quantiles are led by what the tail and the rows need: `[layout, items, threshold, its
  /// probability, scale, row center, row spread]`, the last two 0 where there is none.
  ///
  /// - Parameter items: how large the field was, to notice when it has grown out of its calibration.
  package func calibration(field: VectorField, kind: QueryKind, items: Int) -> Calibration {
    let lead: [Float] = [
      1, Float(items), threshold, Float(thresholdProbability), Float(scale), center?.position ?? 0,
      center?.spread ?? 0,
    ]
    return Calibration(
      field: field, kind: kind.rawValue, mean: Double(mean), deviation: Double(standardDeviation),
      sampleCount: count, quantiles: lead + knots)
  }

  /// Reads a kept calibration; nil for anything odd: a damaged one is computed anew, and is no error.
  package init?(_ stored: Calibration) {
    let values = stored.quantiles
    guard values.count >= 9, values[0] == 1, stored.sampleCount >= NullDistribution.smallestCount,
      values[5].isFinite, values[6].isFinite, values[6] >= 0
    else { return nil }
    count = stored.sampleCount
    mean = Float(stored.mean)
    standardDeviation = Float(stored.deviation)
    threshold = values[2]
    thresholdProbability = Double(values[3])
    scale = Double(values[4])
    center = values[6] > 0 ? RowCenter(position: values[5], spread: values[6]) : nil
    knots = Array(values[7...])
    guard knots.count <= NullDistribution.knotLimit, knots.allSatisfy(\.isFinite),
      zip(knots, knots.dropFirst()).allSatisfy({ $0 <= $1 }),
      mean.isFinite, standardDeviation.isFinite, standardDeviation > 0, threshold.isFinite,
      thresholdProbability > 0, thresholdProbability <= 1, scale.isFinite, scale > 0
    else { return nil }
  }

  /// How large the field was when a calibration was made; nil when it does not say.
  static func itemCount(of stored: Calibration) -> Int? {
    guard stored.quantiles.count >= 9, stored.quantiles[0] == 1 else { return nil }
    return Int(exactly: stored.quantiles[1].rounded())
  }

  private init(_ other: NullDistribution, shiftedBy shift: Float) {
    count = other.count
    mean = other.mean + shift
    standardDeviation = other.standardDeviation
    knots = other.knots.map { $0 + shift }
    threshold = other.threshold + shift
    thresholdProbability = other.thresholdProbability
    scale = other.scale
    center = other.center
  }

  /// The null of one query, by where its own scores sit.
  ///
  /// Some queries score higher than others with everything. Among the background texts that spread is as wide as the
  /// spread from item to item, so a null that ignores it lets half the library pass for one nonsense query in fifty and
  /// hides true hits of the next. The lower quartile of a query's scores tells: it is unrelated to the query in any
  /// library of which the query describes less than three quarters. When it describes more, the quartile lies far
  /// beyond what queries do by themselves, and only ``RowCenter/reach`` spreads of that are taken off.
  ///
  /// - Parameter scores: of the query against a sample of the whole field, in any order.
  package func adjusted(to scores: [Float]) -> NullDistribution {
    guard let center, scores.count >= RowCenter.smallestRow else { return self }
    let shift = scores.sorted()[scores.count / 4] - center.position
    let reach = RowCenter.reach * center.spread
    return NullDistribution(self, shiftedBy: min(max(shift, -reach), reach))
  }
}

/// Where the scores of single unrelated queries sit.
package struct RowCenter: Sendable, Equatable {
  /// The median of the queries' lower quartiles.
  package let position: Float
  /// Their robust standard deviation, above 0.
  package let spread: Float

  /// Beyond so many spreads a query's quartile is not the query's doing.
  package static let reach: Float = 3
  /// Fewer scores have no quartile to speak of.
  package static let smallestRow = 20
  /// Fewer queries show no spread.
  package static let smallestRowCount = 16
}
