// SPDX-License-Identifier: Apache-2.0

/// How a model adds terms to one query.
package enum ComposeRule: String, Sendable, Hashable, Codable {
  /// Adds the un-normalised projections, as BGE-VL was trained: the longer one counts for more.
  case rawSum
  /// Adds unit vectors: each term counts by its weight alone.
  case unitSum
}

/// From projections to unit vectors.
package enum Embedding {
  /// One term of a sum.
  package struct Term: Sendable {
    /// The un-normalised projection.
    package let projection: [Float]
    /// Its weight, negative for what should be avoided.
    package let weight: Float

    package init(_ projection: [Float], weight: Float = 1) {
      self.projection = projection
      self.weight = weight
    }
  }

  /// A composed query.
  package struct Sum: Sendable {
    /// The sum as a unit vector; zeros when the terms cancel out exactly.
    package let embedding: [Float]
    /// The length of the sum, divided by the summed lengths of its terms: 1 when all point one way, near 0 when they
    /// cancel out, and then the direction means little.
    package let relativeLength: Float
  }

  /// Sums `terms`, weighted, and normalises once: `x / max(|x|, 1e-12)`.
  ///
  /// - Precondition: at least one term, all of one dimension.
  package static func sum(_ terms: [Term], rule: ComposeRule) -> Sum {
    precondition(!terms.isEmpty, "nothing to compose")
    var total = [Double](repeating: 0, count: terms[0].projection.count)
    var lengths = 0.0
    for term in terms {
      precondition(term.projection.count == total.count, "terms of different models cannot be added")
      let length = norm(term.projection)
      let weight = Double(term.weight) * (rule == .unitSum ? 1 / max(length, 1e-12) : 1)
      lengths += abs(weight) * length
      for index in total.indices { total[index] += weight * Double(term.projection[index]) }
    }
    let length = total.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let scale = 1 / max(length, 1e-12)
    return Sum(
      embedding: rounded(total.map { Float($0 * scale) }),
      relativeLength: lengths > 0 ? Float(length / lengths) : 0)
  }

  /// A projection as an embedding: a unit vector, rounded.
  package static func unit(_ projection: [Float]) -> [Float] {
    let scale = 1 / max(norm(projection), 1e-12)
    return rounded(projection.map { Float(Double($0) * scale) })
  }

  /// Each number rounded to a multiple of 2⁻²⁰ (about 10⁻⁶).
  ///
  /// Products come out of different BLAS kernels with differences around 10⁻⁷; on this grid nearly all of them are
  /// gone, so that the same query asks for the same vector everywhere. Parity needs 10⁻⁴, neighbours far less.
  package static func rounded(_ vector: [Float]) -> [Float] {
    vector.map { ($0 * 0x1p20).rounded() * 0x1p-20 }
  }

  private static func norm(_ vector: [Float]) -> Double {
    vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
