// SPDX-License-Identifier: Apache-2.0
import CBLAS
import CKernels
import Compute
import Glibc

/// Products of matrices, split over ``ComputePool``.
///
/// Two engines. Our own kernels (AVX2, AVX-512) use weights where they lie, without packing, and give every
/// element the same bits whatever else is in the batch. BLAS serves the CPUs that they were not written for,
/// unless a product has fewer than 16 rows or there is only the reference BLAS. `DUET_GEMM=blas|kernels`
/// overrides the choice, to compare them.
///
/// One thread of a Zen 5, GFLOP/s: OpenBLAS 0.3.21 with its AVX2 kernels (`OPENBLAS_CORETYPE=Haswell`), 125
/// to 130; with the AVX-512 kernels it takes by itself, 235 to 250; ours 237 to 248, at 3,072 columns 216; ours
/// with AVX2 123 to 137.
///
/// OpenBLAS rounds the rows of its edge tiles in another way, so that with it up to eight rows of a product
/// depend on how many there are.
///
/// Pieces never depend on the number of threads, so neither do the results, with either engine.
package enum GEMM {
  /// What computes a product.
  package enum Engine: Sendable {
    /// Duet's kernels.
    case kernels
    /// The system's BLAS.
    case blas
  }

  /// The engine that ``multiply(_:_:bias:activation:accumulates:into:column:engine:)`` takes for `rows` rows.
  package static func engine(rows: Int) -> Engine {
    if let wanted { return wanted }
    let level = duet_cpu_current()
    let isOurs = level == DUET_CPU_AVX512 || level == DUET_CPU_AVX2
    return isOurs || rows < 16 || BLASLibrary.isReference ? .kernels : .blas
  }

  /// What the environment asks for.
  private static let wanted: Engine? =
    switch getenv("DUET_GEMM").map({ String(cString: $0) }) {
    case "blas": .blas
    case "kernels": .kernels
    default: nil
    }

  /// Sets columns `column ..< column + weights.rows` of `c` to `activation(a · weightsᵀ + bias)`, or adds the
  /// product and the bias to what is there.
  ///
  /// - Parameters:
  ///   - a: `[m, k]`
  ///   - weights: `[n, k]`
  ///   - bias: `[n]`
  ///   - activation: Not together with `accumulates`.
  ///   - accumulates: Adds to `c`: the residual connection of a transformer block.
  ///   - c: `[m, ≥ column + n]`; the caller has given it its size.
  ///   - column: Where in `c` the result goes, so that query, key and value lie side by side.
  ///   - engine: For tests; by default the one that suits.
  package static func multiply(
    _ a: borrowing Matrix, _ weights: WeightMatrix, bias: WeightVector? = nil, activation: Activation? = nil,
    accumulates: Bool = false, into c: inout Matrix, column: Int = 0, engine: Engine? = nil
  ) {
    precondition(a.columns == weights.columns, "inner dimensions differ")
    precondition(
      c.rows == a.rows && column >= 0 && column + weights.rows <= c.columns, "the result does not fit")
    precondition(bias.map { $0.count == weights.rows } ?? true, "the bias has another length")
    precondition(activation == nil || !accumulates, "an activation cannot be accumulated")
    let product = Product(
      a: a.input, b: weights.input, c: c.output, column: column, m: a.rows, n: weights.rows, k: a.columns,
      bias: bias, activation: activation?.code ?? DUET_ACTIVATION_NONE, accumulates: accumulates)
    product.run(engine ?? GEMM.engine(rows: a.rows))
  }
}

/// One product, cut into pieces.
private struct Product: Sendable {
  let a: SharedInput, b: SharedInput, c: SharedOutput
  let column: Int
  let m: Int, n: Int, k: Int
  let bias: WeightVector?
  let activation: duet_activation
  let accumulates: Bool

  func run(_ engine: GEMM.Engine) {
    guard m > 0, n > 0 else { return }
    if engine == .blas { Product.pinned }
    let size = engine == .kernels ? PieceSize(kernels: m, n) : PieceSize(height: 512, width: 768)
    ComputePool.shared.forEach(size.count(m, n)) { index in
      let (rows, columns) = size.piece(index, m, n)
      compute(rows, columns, engine)
    }
  }

  private func compute(_ rows: Range<Int>, _ columns: Range<Int>, _ engine: GEMM.Engine) {
    let kernels = TransformerKernels.current
    let a = a.at(row: rows.lowerBound)
    let b = b.at(row: columns.lowerBound)
    let result = c.at(row: rows.lowerBound, column: column + columns.lowerBound)
    switch engine {
    case .kernels:
      kernels.gemm(
        a, self.a.stride, rows.count, b, self.b.stride, columns.count, k, result, c.stride,
        accumulates ? 1 : 0)
    case .blas:
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows.count), Int32(columns.count), Int32(k), 1,
        a, Int32(max(1, self.a.stride)), b, Int32(max(1, self.b.stride)), accumulates ? 1 : 0, result,
        Int32(c.stride))
    }
    kernels.bias_activation(
      result, c.stride, rows.count, columns.count, bias.map { $0.storage.base + columns.lowerBound },
      activation)
  }

  /// BLAS stays on the thread that calls it.
  private static let pinned: Void = BLASThreads.pinToCaller()
}

/// Rows and columns of the pieces that a product `[m, n]` is cut into.
///
/// They follow from the shape alone: large enough to use each operand often while it is in the L2 cache, small enough to
/// leave work for several threads.
struct PieceSize: Sendable {
  let height: Int
  let width: Int

  init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// For Duet's kernels: whole tiles of six rows.
  init(kernels m: Int, _ n: Int) {
    let down = Self.stripes(m)
    height = Self.height(m)
    width = m <= 64 ? 64 : down * n <= 16 * 256 ? 128 : 256
  }

  /// For packed weights: whole tiles of six rows and four panels. A piece of few rows has as many columns as are worth the
  /// tenths of a millisecond that it takes to wake a thread: a query's products stay on one.
  init(packed m: Int, depth k: Int) {
    height = Self.height(m)
    let worthwhile = (1 << 24) / max(1, m * k)
    width = m <= 64 ? max(128, (worthwhile + 63) / 64 * 64) : 256
  }

  /// Stripes of at most 192 rows.
  private static func stripes(_ m: Int) -> Int { (m + 191) / 192 }

  /// The rows of stripes of about equal height, whole tiles of six.
  private static func height(_ m: Int) -> Int {
    let down = stripes(m)
    return ((m + down - 1) / down + 5) / 6 * 6
  }

  func count(_ m: Int, _ n: Int) -> Int { ((m + height - 1) / height) * ((n + width - 1) / width) }

  /// Piece `index`: its rows and its columns.
  func piece(_ index: Int, _ m: Int, _ n: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let across = (n + width - 1) / width
    let (row, column) = (index / across * height, index % across * width)
    return (row..<min(m, row + height), column..<min(n, column + width))
  }
}
