// SPDX-License-Identifier: Apache-2.0
internal import CBLAS
internal import CKernels
internal import Compute

extension ScanKernels {
  private static let pinnedBLAS: Void = BLASThreads.pinToCaller()

  /// `products[q * rowCount + r]` = query q · row r as one matrix product, on the calling thread, by the engine that
  /// ``GEMM`` prefers.
  ///
  /// The fastest way for many queries, but the order of summation is the engine's own: a product differs from ``score``
  /// by up to ``productError(dimension:)`` times the two lengths.
  ///
  /// - Parameters:
  ///   - queries: `[queryCount, dimension]`.
  ///   - rows: `[rowCount, dimension]`.
  package func multiply(
    queries: UnsafePointer<Float>, queryCount: Int, rows: UnsafePointer<Float>, rowCount: Int, dimension: Int,
    into products: UnsafeMutablePointer<Float>
  ) {
    guard queryCount > 0, rowCount > 0 else { return }
    switch GEMM.engine(rows: queryCount) {
    case .kernels:
      TransformerKernels.current.gemm(
        queries, dimension, queryCount, rows, dimension, rowCount, dimension, products, rowCount, 0)
    case .blas:
      _ = Self.pinnedBLAS
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(queryCount), Int32(rowCount), Int32(dimension), 1,
        queries, Int32(dimension), rows, Int32(dimension), 0, products, Int32(rowCount))
    }
  }

  /// How far two float32 sums of the same `dimension` products, in any two orders, fused or not, can lie apart, for
  /// vectors of length 1: twice γ(n) = n·u / (1 - n·u) with u = 2^-24, by Cauchy-Schwarz, and some units for the rounding of thresholds (Higham, "Accuracy and
  /// Stability of Numerical Algorithms", 3.1).
  package static func productError(dimension: Int) -> Float {
    let units = Float(dimension + 8) * 0x1p-24
    return 2 * units / (1 - units) + 1e-30
  }
}
