// SPDX-License-Identifier: Apache-2.0

/// Where a list of hits ends.
package enum Cut: Sendable, Equatable {
  /// Nowhere: the best k, however bad.
  case off
  /// Where more than ``falseShare`` of the hits would be there by chance.
  case auto
  /// Below this many standard deviations above unrelated.
  case z(Float)

  /// The share of false hits that ``auto`` allows.
  package static let falseShare = 0.2

  /// Parses `off`, `auto`, `z:2.5`.
  package init(parsing text: String) throws(SearchError) {
    switch text {
    case "off": self = .off
    case "auto": self = .auto
    default:
      guard text.hasPrefix("z:"), let value = Float(text.dropFirst(2)), value.isFinite else {
        throw SearchError(.invalidRequest, "--cut \(text): the choices are off, auto and z:NUMBER (z:2.5)")
      }
      self = .z(value)
    }
  }

  /// How many of the best scores stand.
  ///
  /// `auto` is the step-up rule of Benjamini and Hochberg (1995): the longest prefix whose expected number of chance
  /// hits is at most a fifth of it, `population · p(score_r) / r ≤ 0.2`. So a rare concept must stand out by far (r is
  /// small), while one that fills the library need only be likelier than not (r is near the population).
  ///
  /// - Parameters:
  ///   - scores: the best ones, descending; all of the population's, or its head.
  ///   - population: items that could have been hits: those that the filter allows.
  ///   - null: nil keeps everything, since nothing is known.
  ///   - falseHitsComeTogether: between texts the scores of one unrelated query spread twice as wide as another's, and
  ///     captions that differ in a word are near each other: a query has no false hit, or dozens. Their number is no
  ///     evidence then, so with `auto` the best must first be better than the best of nine in ten unrelated queries.
  /// - Returns: a count in `0...scores.count`. When the scores are only the population's head, and the whole head
  ///   stands, more may follow.
  package func passing(
    _ scores: [Float], population: Int, null: NullDistribution?, falseHitsComeTogether: Bool = false
  ) -> Int {
    guard let null else { return scores.count }
    switch self {
    case .off: return scores.count
    case .z(let least): return scores.prefix { null.z($0) >= least }.count
    case .auto:
      if falseHitsComeTogether, let best = scores.first, !null.isBeyondUsualBest(best, among: population) {
        return 0
      }
      var rank = scores.count
      while rank > 0 {
        let expected = Double(population) * null.tailProbability(scores[rank - 1])
        if expected <= Cut.falseShare * Double(rank) { return rank }
        rank -= 1
      }
      return 0
    }
  }
}

extension Cut: CustomStringConvertible {
  package var description: String {
    switch self {
    case .off: "off"
    case .auto: "auto"
    case .z(let value): "z:\(value)"
    }
  }
}
