// SPDX-License-Identifier: Apache-2.0

/// The rule for what is stored: finite numbers, length 1.
enum UnitVector {
  /// How far the length may be from 1: room for binary16 rounding and for models that normalise carelessly, far too
  /// little for a vector that was not normalised at all.
  static let tolerance: Float = 0.005

  /// Nil when `vector` may be stored, else what is wrong with it.
  static func fault(in vector: UnsafeBufferPointer<Float>) -> String? {
    var squares = (0.0, 0.0)
    var index = 0
    while index + 1 < vector.count {
      squares.0 += Double(vector[index]) * Double(vector[index])
      squares.1 += Double(vector[index + 1]) * Double(vector[index + 1])
      index += 2
    }
    if index < vector.count { squares.0 += Double(vector[index]) * Double(vector[index]) }
    let length = (squares.0 + squares.1).squareRoot()
    guard length.isFinite else { return "holds a number that is not finite" }
    guard abs(length - 1) <= Double(tolerance) else {
      return "has length \(length), not 1: normalise embeddings before storing them"
    }
    return nil
  }
}
