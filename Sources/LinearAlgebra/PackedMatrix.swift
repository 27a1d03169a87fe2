// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute

/// The weights of a linear layer, `[rows, columns]`, rounded to a ``Precision`` and laid out as the kernels read them.
///
///     float32         the rows
///     bfloat16        panels of 16 rows, see packed.h
///     int8            such panels, then a scale and a sum for each row as float
///
/// Zeros fill the bytes up to a multiple of ``alignment``. The layout is the same on every CPU, so that a file of packed
/// weights can be mapped anywhere.
package struct PackedMatrix: Sendable {
  /// What the bytes must be aligned to, and what their number is a multiple of.
  package static let alignment = 64
  /// Changes whenever the same weights make other bytes: by another layout or by another rounding.
  package static let layoutVersion = 1

  /// The number of rows: a linear layer's outputs.
  package let rows: Int
  /// The number of columns: a linear layer's inputs.
  package let columns: Int
  /// How the numbers are stored.
  package let precision: Precision

  private let memory: SharedBytes
  private let owner: any AnyObject & Sendable

  /// How many bytes a matrix takes.
  package static func byteCount(rows: Int, columns: Int, precision: Precision) -> Int {
    let bytes =
      precision == .float32
      ? rows * columns * 4 : panelBytes(rows, columns, precision) + (precision == .int8 ? 8 * rows : 0)
    return (bytes + alignment - 1) / alignment * alignment
  }

  /// `byteCount` bytes in memory that `owner` keeps alive and nobody changes. Any content is safe to compute with; the
  /// caller has checked that there are so many.
  package init(
    mapped base: UnsafeRawPointer, byteOffset: Int, rows: Int, columns: Int, precision: Precision,
    owner: any AnyObject & Sendable
  ) {
    precondition(Int(bitPattern: base + byteOffset) % Self.alignment == 0, "packed weights are aligned")
    self.rows = rows
    self.columns = columns
    self.precision = precision
    memory = SharedBytes(base: base + byteOffset)
    self.owner = owner
  }

  /// Packs matrices of one width, stacked upon each other. O(rows · columns), on all threads.
  package init(packing parts: [WeightMatrix], precision: Precision) {
    let source = parts.count == 1 ? parts[0] : WeightMatrix(stacking: parts)
    let (rows, columns) = (source.rows, source.columns)
    let memory = PackedMemory(
      byteCount: Self.byteCount(rows: rows, columns: columns, precision: precision))
    Self.pack(source, precision, to: memory)
    self.init(
      mapped: UnsafeRawPointer(memory.base), byteOffset: 0, rows: rows, columns: columns,
      precision: precision, owner: memory)
  }

  /// The bytes, ``byteCount(rows:columns:precision:)`` of them, to be written to a file.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let count = Self.byteCount(rows: rows, columns: columns, precision: precision)
      return _overrideLifetime(RawSpan(_unsafeStart: memory.base, byteCount: count), borrowing: self)
    }
  }

  /// Single precision as a matrix on the same memory.
  package var floats: WeightMatrix {
    precondition(precision == .float32, "only single precision is stored as floats")
    return WeightMatrix(
      mapped: memory.base, byteOffset: 0, rows: rows, columns: columns, type: .float32, owner: owner)
  }

  /// The panels from row `row` on, a multiple of 16.
  func panels(from row: Int) -> UnsafePointer<UInt32> {
    (memory.base + Self.panelBytes(row, columns, precision)).assumingMemoryBound(to: UInt32.self)
  }

  /// Bytes only: each row's scale, and the sum of its weights.
  func scales(from row: Int) -> (scale: UnsafePointer<Float>, sum: UnsafePointer<Float>) {
    let scales = (memory.base + Self.panelBytes(rows, columns, precision)).assumingMemoryBound(to: Float.self)
    return (scales + row, scales + rows + row)
  }

  static func words(_ columns: Int, _ precision: Precision) -> Int {
    (columns + precision.perWord - 1) / precision.perWord
  }

  private static func panelBytes(_ rows: Int, _ columns: Int, _ precision: Precision) -> Int {
    (rows + panelRows - 1) / panelRows * panelRows * words(columns, precision) * 4
  }

  private static func pack(_ matrix: WeightMatrix, _ precision: Precision, to memory: PackedMemory) {
    let source = matrix.input
    let (rows, columns) = (matrix.rows, matrix.columns)
    guard precision != .float32 else {
      memory.base.copyMemory(from: source.base, byteCount: rows * columns * 4)
      return
    }
    let panels = SharedWords(base: memory.base.assumingMemoryBound(to: UInt32.self))
    let scales = SharedOutput(
      base: (memory.base + panelBytes(rows, columns, precision)).assumingMemoryBound(to: Float.self),
      stride: rows)
    let words = words(columns, precision)
    ComputePool.shared.forEach((rows + panelRows - 1) / panelRows) { panel in
      let target = panels.base + panel * panelRows * words
      if precision == .bfloat16 {
        duet_pack_bf16(source.base, rows, columns, panel, 1, target)
      } else {
        duet_pack_int8(source.base, rows, columns, panel, 1, target, scales.at(row: 0), scales.at(row: 1))
      }
    }
  }
}

/// The rows of a panel.
let panelRows = Int(DUET_PANEL.rawValue)

/// Words that the pieces of one parallel operation write, each its own.
struct SharedWords: @unchecked Sendable {
  let base: UnsafeMutablePointer<UInt32>
}

/// Zeroed bytes, freed with their last reference. `@unchecked Sendable`: written only before they are shared.
private final class PackedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  init(byteCount: Int) {
    base = .allocate(byteCount: max(64, byteCount), alignment: PackedMatrix.alignment)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, byteCount))
  }

  deinit { base.deallocate() }
}
