// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute

extension GEMM {
  /// Sets columns `column ..< column + weights.rows` of `c` to `activation(a · weightsᵀ + bias)`, or adds the product and
  /// the bias to what is there. Bias, activation and sum are done while a tile is in registers.
  ///
  /// - Parameters:
  ///   - a: `[m, k]`, rounded to the precision of `weights`.
  ///   - weights: `[n, k]`, not in single precision.
  ///   - bias: `[n]`
  ///   - activation: Not together with `accumulates`.
  ///   - accumulates: Adds to `c`: the residual connection of a transformer block.
  ///   - c: `[m, ≥ column + n]`; the caller has given it its size.
  package static func multiply(
    _ a: borrowing Activations, _ weights: PackedMatrix, bias: WeightVector? = nil,
    activation: Activation? = nil, accumulates: Bool = false, into c: inout Matrix, column: Int = 0
  ) {
    let (m, n) = (a.matrix.rows, weights.rows)
    precondition(a.matrix.columns == weights.columns, "inner dimensions differ")
    precondition(
      a.precision == weights.precision && a.precision != .float32 && a.isRounded,
      "the rows were rounded otherwise")
    precondition(c.rows == m && column >= 0 && column + n <= c.columns, "the result does not fit")
    precondition(bias.map { $0.count == n } ?? true, "the bias has another length")
    precondition(activation == nil || !accumulates, "an activation cannot be accumulated")
    guard m > 0, n > 0 else { return }
    let isInteger = a.precision == .int8
    let (words, scales) = a.rounded
    let result = c.output
    let kernels = PackedKernels.current
    let size = PieceSize(packed: m, depth: weights.columns)
    ComputePool.shared.forEach(size.count(m, n)) { index in
      let (rows, columns) = size.piece(index, m, n)
      var product = duet_packed_product()
      product.a = UnsafeRawPointer(words.at(row: rows.lowerBound)).assumingMemoryBound(to: UInt32.self)
      product.a_stride = words.stride
      product.m = rows.count
      product.b = weights.panels(from: columns.lowerBound)
      product.n = columns.count
      product.words = words.stride
      product.bias = bias.map { $0.storage.base + columns.lowerBound }
      product.activation = activation?.code ?? DUET_ACTIVATION_NONE
      product.accumulates = accumulates ? 1 : 0
      product.c = result.at(row: rows.lowerBound, column: column + columns.lowerBound)
      product.c_stride = result.stride
      guard isInteger else { return kernels.multiply_bf16(&product) }
      (product.b_scale, product.b_sum) = weights.scales(from: columns.lowerBound)
      product.a_scale = scales.at(row: 0, column: rows.lowerBound)
      product.a_low = scales.at(row: 1, column: rows.lowerBound)
      kernels.multiply_int8(&product)
    }
  }
}
