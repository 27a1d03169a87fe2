// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Foundation

/// What scores look like when query and item have nothing to do with each other.
///
/// Scores are cosines, which end at 1. Between texts the nulls of some models reach 0.9: there a straight scale has no room
/// left in which the very caption that was asked for could stand out, and a null that is moved along it passes the
/// end. So everything below, ``z(_:)`` too, is measured on the scale ``position(_:)``, Fisher's transformation `artanh` (1915),
/// on which 1 lies infinitely far away and noise is equally wide everywhere. Near 0 the two scales are the same.
///
/// The body is empirical: at most ``knotLimit`` quantiles, with straight lines between them. The tail cannot be, since a
/// library of N items asks for probabilities near 1/N where the null holds no score at all. Beyond the `threshold` (the
/// 0.1 % quantile, or the 30th largest score of a small null) it is exponential,
///
///     p(position) = p(threshold) · exp(−(position − threshold) / scale),
///
/// the generalised Pareto tail of shape 0 (Pickands 1975). Positions of unrelated pairs fall off faster than that, like a
/// Gaussian, so the error is on the side of showing less: 5.5 standard deviations instead of 5.1 at a
/// million items. The scale is the *median* excess over ln 2, since a few of the "unrelated" texts always do describe
/// some of the pictures, and a mean would follow them.
package struct NullDistribution: Sendable, Equatable {
  /// How many scores it was made from.
  package let count: Int
  /// Of the positions.
  package let mean: Float
  package let standardDeviation: Float
  /// Positions at evenly spaced ranks, ascending, from the smallest to the largest.
  package let knots: [Float]
  /// Where the exponential tail takes over.
  package let threshold: Float
  /// The share of the null above the threshold.
  package let thresholdProbability: Double
  /// The tail's scale, in units of position.
  package let scale: Double
  /// Where unrelated queries' own scores sit (their lower quartiles' median), and how far these lie apart from query
  /// to query; nil when there were too few to tell. See ``adjusted(to:)``.
  package let center: RowCenter?
  /// The position that the best score of nine in ten unrelated queries stays below, in a field of the sample's size;
  /// nil when there were too few queries to tell. See ``isBeyondUsualBest(_:among:)``.
  package let usualBest: UsualBest?

  /// Fewer scores than this tell nothing.
  package static let smallestCount = 8
  package static let knotLimit = 1_025

  /// Where a cosine lies on Fisher's scale. Two equal vectors, whose cosine is 1 but for rounding and half precision, lie at 5.
  package static func position(_ score: Float) -> Float {
    let end: Float = 0.999_9
    return score.isNaN ? score : atanh(min(max(score, -end), end))
  }

  /// Condenses scores, in any order; nil when there are too few, or when one is not a number.
  ///
  /// - Complexity: O(n log n).
  package init?(scores: [Float]) {
    self.init(positions: scores.map(NullDistribution.position), center: nil, usualBest: nil)
  }

  /// The same for scores that were read off Fisher's scale already.
  init?(positions: [Float], center: RowCenter?, usualBest: UsualBest?) {
    guard positions.count >= NullDistribution.smallestCount, positions.allSatisfy(\.isFinite) else {
      return nil
    }
    let sorted = positions.sorted()
    count = sorted.count
    self.center = center
    self.usualBest = usualBest
    var sum = 0.0
    for position in sorted { sum += Double(position) }
    let mean = sum / Double(sorted.count)
    var squares = 0.0
    for position in sorted { squares += (Double(position) - mean) * (Double(position) - mean) }
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
  package func z(_ score: Float) -> Float { (NullDistribution.position(score) - mean) / standardDeviation }

  /// The score in the middle of unrelated ones, to be shown.
  package var typicalScore: Float { tanh(mean) }

  /// Whether a score is better than what nine in ten unrelated queries find best among so many vectors. The best of
  /// more are better, by the tail's scale times the logarithm of how many times more.
  package func isBeyondUsualBest(_ score: Float, among population: Int) -> Bool {
    guard let usualBest else { return true }
    let growth = log(max(Double(population) / Double(max(usualBest.count, 1)), 1))
    return Double(NullDistribution.position(score) - usualBest.position) > scale * growth
  }

  /// The probability that an unrelated pair scores this high or higher.
  ///
  /// - Complexity: O(log knots).
  package func tailProbability(_ score: Float) -> Double {
    let position = NullDistribution.position(score)
    guard position < threshold else {
      return thresholdProbability * exp(-Double(position - threshold) / scale)
    }
    guard let first = knots.first, position > first else { return 1 }
    // The last knot below: knots[low] < position ≤ knots[low + 1].
    var low = 0
    var high = knots.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if knots[middle] < position { low = middle } else { high = middle }
    }
    let span = knots[high] - knots[low]
    let fraction = span > 0 ? Double((position - knots[low]) / span) : 1
    let below = (Double(low) + fraction) / Double(knots.count - 1)
    return max(1 - below, thresholdProbability)
  }
}

extension NullDistribution {
  /// The first of the numbers that are kept; layout 1 held cosines.
  private static let layout: Float = 2

  /// As the catalog keeps it. The quantiles are led by what the tail and the rows need: `[layout, items, threshold, its
  /// probability, scale, row center, row spread, row slope, usual best, its count]`, the last five 0 where there is none.
  ///
  /// - Parameter items: how large the field was, to notice when it has grown out of its calibration.
  package func calibration(field: VectorField, kind: QueryKind, items: Int) -> Calibration {
    let lead: [Float] = [
      NullDistribution.layout, Float(items), threshold, Float(thresholdProbability), Float(scale),
      center?.position ?? 0, center?.spread ?? 0, center?.slope ?? 0,
      usualBest?.position ?? 0, Float(usualBest?.count ?? 0),
    ]
    return Calibration(
      field: field, kind: kind.rawValue, mean: Double(mean), deviation: Double(standardDeviation),
      sampleCount: count, quantiles: lead + knots)
  }

  /// Reads a kept calibration; nil for anything odd: a damaged one is computed anew, and is no error.
  package init?(_ stored: Calibration) {
    let values = stored.quantiles
    guard values.count >= 12, values[0] == NullDistribution.layout,
      stored.sampleCount >= NullDistribution.smallestCount, values[5...9].allSatisfy(\.isFinite),
      values[6] >= 0
    else { return nil }
    count = stored.sampleCount
    mean = Float(stored.mean)
    standardDeviation = Float(stored.deviation)
    threshold = values[2]
    thresholdProbability = Double(values[3])
    scale = Double(values[4])
    center = values[6] > 0 ? RowCenter(position: values[5], spread: values[6], slope: values[7]) : nil
    let bestCount = Int(exactly: values[9].rounded()) ?? 0
    usualBest = bestCount > 0 ? UsualBest(position: values[8], count: bestCount) : nil
    knots = Array(values[10...])
    guard knots.count <= NullDistribution.knotLimit, knots.allSatisfy(\.isFinite),
      zip(knots, knots.dropFirst()).allSatisfy({ $0 <= $1 }),
      mean.isFinite, standardDeviation.isFinite, standardDeviation > 0, threshold.isFinite,
      thresholdProbability > 0, thresholdProbability <= 1, scale.isFinite, scale > 0
    else { return nil }
  }

  /// How large the field was when a calibration was made; nil when it does not say.
  static func itemCount(of stored: Calibration) -> Int? {
    guard stored.quantiles.count >= 12, stored.quantiles[0] == layout else { return nil }
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
    usualBest = other.usualBest.map { UsualBest(position: $0.position + shift, count: $0.count) }
  }

  /// The null of one query, by where its own scores sit.
  ///
  /// Some queries score higher than others with everything. Among the background texts that spread is as wide as the
  /// spread from item to item, so a null that ignores it lets half the library pass for one nonsense query in fifty and
  /// hides true hits of the next. The lower quartile of a query's scores tells: it is unrelated to the query in any
  /// library of which the query describes less than three quarters. When it describes more, the quartile lies far
  /// beyond what queries do by themselves, and only ``RowCenter/reach`` spreads of that are taken off. How far a query's
  /// best scores follow its quartile was measured, see ``RowCenter/slope``.
  ///
  /// - Parameter scores: of the query against a sample of the whole field, in any order.
  package func adjusted(to scores: [Float]) -> NullDistribution {
    guard let center, scores.count >= RowCenter.smallestRow else { return self }
    let shift = NullDistribution.position(scores.sorted()[scores.count / 4]) - center.position
    let reach = RowCenter.reach * center.spread
    return NullDistribution(self, shiftedBy: center.slope * min(max(shift, -reach), reach))
  }
}

/// What most unrelated queries find best.
package struct UsualBest: Sendable, Equatable {
  /// On the scale of ``NullDistribution/position(_:)``.
  package let position: Float
  /// Among so many vectors.
  package let count: Int

  /// So large a share of unrelated queries stays below.
  package static let share = 0.9
}

/// Where the scores of single unrelated queries sit, on the scale of ``NullDistribution/position(_:)``.
package struct RowCenter: Sendable, Equatable {
  /// The median of the queries' lower quartiles.
  package let position: Float
  /// Their robust standard deviation, above 0.
  package let spread: Float
  /// By how much a query's best scores are higher when its lower quartile is higher by 1, in 0...1. Between texts and
  /// pictures the one follows the other; between texts it often does not, since what is less like most of a library is
  /// more like a corner of it, and a null that was moved by the whole way would be wider than one that stays.
  package let slope: Float

  /// Beyond so many spreads a query's quartile is not the query's doing.
  package static let reach: Float = 3
  /// Fewer scores have no quartile to speak of.
  package static let smallestRow = 20
  /// Fewer queries show no spread.
  package static let smallestRowCount = 16
}
