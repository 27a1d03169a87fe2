// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// A linear layer, `y = x · Wᵀ + b`; how its weights are stored is its own business.
struct Linear: Sendable {
  private enum Weights: Sendable {
    /// `[outputs, inputs]` in single precision, one matrix upon the other: they lie apart in the checkpoint.
    case floats([(weight: WeightMatrix, bias: WeightVector?)])
    /// `[outputs, inputs]`, rounded and laid out for the kernels.
    case packed(PackedMatrix, bias: WeightVector?)
  }

  private let weights: Weights

  /// Layers of single precision side by side: their outputs lie one after the other.
  init(floats parts: [(weight: WeightMatrix, bias: WeightVector?)]) { weights = .floats(parts) }

  /// A layer of packed weights.
  init(packed matrix: PackedMatrix, bias: WeightVector?) {
    weights =
      matrix.precision == .float32
      ? .floats([(matrix.floats, bias)]) : .packed(matrix, bias: bias)
  }

  /// Rounds `x` to what the weights are stored in. Layers of the same inputs share the result.
  func prepare(_ x: inout Activations) {
    if case .packed(let matrix, _) = weights { x.round(to: matrix.precision) }
  }

  /// Columns `column ..< column + outputs` of `y` become `activation(x · Wᵀ + b)`; `y` has its size already, and `x` was
  /// prepared.
  func apply(
    _ x: borrowing Activations, activation: Activation? = nil, into y: inout Matrix, column: Int = 0
  ) {
    multiply(x, activation: activation, accumulates: false, into: &y, column: column)
  }

  /// `y += x · Wᵀ + b`: a residual connection. `x` was prepared.
  func add(_ x: borrowing Activations, to y: inout Matrix) {
    multiply(x, activation: nil, accumulates: true, into: &y, column: 0)
  }

  private func multiply(
    _ x: borrowing Activations, activation: Activation?, accumulates: Bool, into y: inout Matrix, column: Int
  ) {
    switch weights {
    case .floats(let parts):
      var next = column
      for part in parts {
        GEMM.multiply(
          x.matrix, part.weight, bias: part.bias, activation: activation, accumulates: accumulates, into: &y,
          column: next)
        next += part.weight.rows
      }
    case .packed(let matrix, let bias):
      GEMM.multiply(
        x, matrix, bias: bias, activation: activation, accumulates: accumulates, into: &y, column: column)
    }
  }
}
