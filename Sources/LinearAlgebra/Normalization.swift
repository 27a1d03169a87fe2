// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Layer normalisation over the last axis with biased variance: (x - mean) / sqrt(variance + epsilon) · gain
/// + bias.
package struct LayerNorm: Sendable {
  /// The factor of each column.
  package let gain: WeightVector
  /// The term of each column.
  package let bias: WeightVector
  /// What keeps the root from zero.
  package let epsilon: Float

  /// A norm over `gain.count` columns.
  package init(gain: WeightVector, bias: WeightVector, epsilon: Float) {
    precondition(gain.count == bias.count, "gain and bias differ in length")
    self.gain = gain
    self.bias = bias
    self.epsilon = epsilon
  }

  /// `y` becomes the normalised rows of `x`.
  package func apply(_ x: borrowing Matrix, into y: inout Matrix) {
    y.resize(rows: x.rows, columns: x.columns)
    apply(x.input, y.output, rows: x.rows, columns: x.columns)
  }

  /// Normalises the rows of `x` in place.
  package func apply(to x: inout Matrix) {
    apply(x.input, x.output, rows: x.rows, columns: x.columns)
  }

  private func apply(_ x: SharedInput, _ y: SharedOutput, rows: Int, columns: Int) {
    precondition(columns == gain.count, "the norm has another width")
    forEachRowBlock(rows) { range in
      TransformerKernels.current.layer_norm(
        x.at(row: range.lowerBound), x.stride, y.at(row: range.lowerBound), y.stride, range.count, columns,
        gain.storage.base, bias.storage.base, epsilon)
    }
  }
}

extension Matrix {
  /// Replaces every row by its softmax, taken after subtracting the row's maximum.
  package mutating func applySoftmax() {
    let target = output
    let columns = columns
    guard columns > 0 else { return }
    forEachRowBlock(rows) { range in
      TransformerKernels.current.softmax(
        target.at(row: range.lowerBound), target.stride, range.count, columns)
    }
  }

  /// Divides every row by its length, or by 1e-12 when it is shorter than that.
  package mutating func normalizeRows() {
    let target = output
    let columns = columns
    forEachRowBlock(rows) { range in
      TransformerKernels.current.normalize(
        target.at(row: range.lowerBound), target.stride, range.count, columns)
    }
  }
}

/// Products of single vectors.
package enum VectorMath {
  /// The sum of products of two vectors of the same length.
  package static func dot(_ x: Span<Float>, _ y: Span<Float>) -> Float {
    precondition(x.count == y.count, "vectors differ in length")
    return x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        TransformerKernels.current.dot(x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  /// `values` divided by their length, or by 1e-12 when that is shorter.
  package static func normalized(_ values: [Float]) -> [Float] {
    var result = values
    result.withUnsafeMutableBufferPointer { row in
      if let base = row.baseAddress { TransformerKernels.current.normalize(base, row.count, 1, row.count) }
    }
    return result
  }
}
