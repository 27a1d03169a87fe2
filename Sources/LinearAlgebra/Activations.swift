// SPDX-License-Identifier: Apache-2.0
import CKernels

/// What goes into linear layers: a matrix `[m, k]`, and, for packed weights, its rows rounded to their precision.
///
/// Rounded once with ``round(to:)``, it can be multiplied with the weights of several layers. The memory is kept for the
/// next layer, like that of a ``Matrix``.
package struct Activations: ~Copyable {
  /// The numbers. Changing them outdates what was rounded.
  package var matrix = Matrix()

  /// What the rows were last rounded to.
  private(set) var precision = Precision.float32
  /// Words, row after row.
  private var words = Matrix()
  /// Bytes only: row 0 holds each row's scale, row 1 its smallest number.
  private var scales = Matrix()

  /// An empty matrix.
  package init() {}

  /// Rounds the rows, on all threads: bfloat16 to the nearest, bytes in 255 steps between a row's smallest and largest
  /// number. For single precision nothing happens. O(m · k).
  package mutating func round(to precision: Precision) {
    self.precision = precision
    guard precision != .float32 else { return }
    let (rows, columns) = (matrix.rows, matrix.columns)
    guard columns > 0 else { return }
    words.resize(rows: rows, columns: PackedMatrix.words(columns, precision))
    scales.resize(rows: 2, columns: rows)
    let (from, to, ranges) = (matrix.input, words.output, scales.output)
    let kernels = PackedKernels.current
    forEachRowBlock(rows) { range in
      let first = range.lowerBound
      let target = UnsafeMutableRawPointer(to.at(row: first)).assumingMemoryBound(to: UInt32.self)
      if precision == .bfloat16 {
        kernels.round_bf16(from.at(row: first), from.stride, range.count, columns, target, to.stride)
      } else {
        kernels.quantize(
          from.at(row: first), from.stride, range.count, columns, target, to.stride,
          ranges.at(row: 0, column: first), ranges.at(row: 1, column: first))
      }
    }
  }

  /// Whether what was rounded has the shape that the matrix has now.
  var isRounded: Bool {
    matrix.columns > 0 && words.rows == matrix.rows
      && words.columns == PackedMatrix.words(matrix.columns, precision)
  }

  /// The rounded rows and their scales.
  var rounded: (words: SharedInput, scales: SharedInput) { (words.input, scales.input) }
}
