// SPDX-License-Identifier: Apache-2.0

/// When an excluded term takes a hit away.
///
/// Raw cosines to the query and to the excluded term cannot be compared (a picture is always nearer to pictures than to
/// texts), calibrated ones can. A hit goes when it is clearly about the excluded thing *and* about as much so as it is
/// about what was asked for.
package enum Exclusion {
  /// Below this many standard deviations a hit has nothing to do with the excluded term.
  package static let leastZ: Float = 2
  /// How far the excluded term may stay behind the query and still win.
  package static let margin: Float = 1

  /// Whether the hit is dropped.
  ///
  /// - Parameters:
  ///   - excluded: the hit's score for the excluded term.
  ///   - query: the hit's score for the query.
  ///     Nil when only words were asked for.
  ///   - excludedNull, queryNull: their nulls. Without both there is nothing to compare with but the raw scores.
  package static func drops(
    excluded: Float, query: Float?, excludedNull: NullDistribution?, queryNull: NullDistribution?
  ) -> Bool {
    guard let query else { return excludedNull.map { $0.z(excluded) >= leastZ } ?? false }
    guard let excludedNull, let queryNull else { return excluded >= query }
    let z = excludedNull.z(excluded)
    return z >= leastZ && z >= queryNull.z(query) - margin
  }
}
