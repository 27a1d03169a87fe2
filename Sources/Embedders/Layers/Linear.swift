// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// A linear layer, `y = x · Wᵀ + b`; how its weights are stored is its own business.
struct Linear: Sendable {
  /// `[outputs, inputs]`
  let weight: WeightMatrix
  /// `[outputs]`
  let bias: WeightVector?

  /// Columns `column ..< column + outputs` of `y` become `activation(x · Wᵀ + b)`; `y` has its size already.
  func apply(
    _ x: borrowing Matrix, activation: Activation? = nil, into y: inout Matrix, column: Int = 0
  ) {
    GEMM.multiply(x, weight, bias: bias, activation: activation, into: &y, column: column)
  }

  /// `y += x · Wᵀ + b`: a residual connection.
  func add(_ x: borrowing Matrix, to y: inout Matrix) {
    GEMM.multiply(x, weight, bias: bias, accumulates: true, into: &y)
  }
}
