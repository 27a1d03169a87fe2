// SPDX-License-Identifier: Apache-2.0
package import Embedders

/// One query vector made of several, with what each of them contributes: `normalize(Σ weight · projection)`.
///
/// The sum itself is the model's business (``Embedding/sum(_:rule:)``): BGE-VL adds the *un-normalised* projections, so
/// that the modality with the larger norm counts for more; a model that was not trained that way adds unit vectors.
package struct Composition: Sendable, Equatable {
  /// A vector and how much it counts.
  package struct Part: Sendable, Equatable {
    /// `[d]`, un-normalised where its source gives that.
    package var vector: [Float]
    /// Negative for an avoid term.
    package var weight: Float
    /// How messages name it.
    package var label: String

    package init(vector: [Float], weight: Float, label: String) {
      self.vector = vector
      self.weight = weight
      self.label = label
    }
  }

  /// The unit vector to search with `[d]`, rounded so that the last bits of a projection cannot change an answer.
  package let vector: [Float]
  /// The parts' share of that vector: `vector ≈ Σ shares[i]` before rounding, each `[d]`. A hit's cosine is the sum
  /// of its products with these.
  package let shares: [[Float]]
  /// The sum's length as a fraction of its parts' lengths added up, in 0...1.
  package let coherence: Float

  /// A sum shorter than this fraction of its parts says nothing but rounding: the terms cancel out.
  package static let smallestCoherence: Float = 0.1

  /// Adds the parts up.
  ///
  /// - Throws: ``SearchError`` when lengths differ, when a part has no direction, or when the parts cancel out.
  /// - Complexity: O(parts · d).
  package init(_ parts: [Part], rule: ComposeRule) throws(SearchError) {
    guard let dimension = parts.first?.vector.count, dimension > 0 else {
      throw SearchError(.invalidRequest, "nothing to compose: the query has no wanted term")
    }
    for part in parts {
      guard part.vector.count == dimension else {
        throw SearchError(
          .invalidRequest,
          "\(part.label): a vector of \(part.vector.count) values, where the others have \(dimension)")
      }
      guard part.vector.normalized != nil else {
        throw SearchError(
          .invalidRequest, "\(part.label): its vector has no direction (length \(part.vector.length))")
      }
    }
    let sum = Embedding.sum(parts.map { Embedding.Term($0.vector, weight: $0.weight) }, rule: rule)
    coherence = sum.relativeLength
    guard coherence >= Composition.smallestCoherence else {
      let names = parts.map(\.label).joined(separator: ", ")
      throw SearchError(
        .invalidRequest,
        "these terms cancel each other out: \(names); lower the weight of what is to be avoided")
    }
    vector = sum.embedding
    let factors = parts.map { rule == .unitSum ? $0.weight / $0.vector.length : $0.weight }
    let lengths = zip(parts, factors).reduce(0) { $0 + abs($1.1) * $1.0.vector.length }
    let length = sum.relativeLength * lengths
    shares = zip(parts, factors).map { part, factor in part.vector.map { $0 * factor / length } }
  }
}

extension [Float] {
  /// The Euclidean length, accumulated in double.
  var length: Float {
    var sum = 0.0
    for value in self { sum += Double(value) * Double(value) }
    return Float(sum.squareRoot())
  }

  /// The product with a vector of equal count, accumulated in double.
  func dot(_ other: [Float]) -> Float {
    precondition(count == other.count, "vectors of different dimension")
    var sum = 0.0
    for index in indices { sum += Double(self[index]) * Double(other[index]) }
    return Float(sum)
  }

  /// The unit vector of the same direction, or nil where there is none.
  var normalized: [Float]? {
    let length = length
    guard length.isFinite, length > 1e-12 else { return nil }
    return map { $0 / length }
  }
}
