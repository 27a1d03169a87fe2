// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute

/// Floats that never change, and whatever keeps their memory alive.
///
/// `@unchecked Sendable` because the memory is only ever read once the value exists.
struct WeightStorage: @unchecked Sendable {
  let base: UnsafePointer<Float>
  let count: Int
  let owner: any AnyObject & Sendable

  /// Memory of its own for `count` floats that `fill` writes.
  init(count: Int, fill: (UnsafeMutablePointer<Float>) -> Void) {
    let memory = OwnedMemory(count: count)
    fill(memory.base)
    base = UnsafePointer(memory.base)
    self.count = count
    owner = memory
  }

  /// `count` elements at `start`: used in place when they are aligned floats, else converted into memory of
  /// its own.
  init(mapped start: UnsafeRawPointer, type: ElementType, count: Int, owner: any AnyObject & Sendable) {
    if type == .float32, Int(bitPattern: start) % 4 == 0 {
      self.init(base: start.assumingMemoryBound(to: Float.self), count: count, owner: owner)
    } else {
      self.init(count: count) { target in
        let source = SharedBytes(base: start)
        let output = SharedOutput(base: target, stride: 1)
        let block = 1 << 18
        ComputePool.shared.forEach((count + block - 1) / block) { index in
          let first = index * block
          HalfPrecision.widen(
            source.base + first * type.size, type, count: min(block, count - first), to: output.at(row: first)
          )
        }
      }
      withExtendedLifetime(owner) {}
    }
  }

  private init(base: UnsafePointer<Float>, count: Int, owner: any AnyObject & Sendable) {
    self.base = base
    self.count = count
    self.owner = owner
  }

  func slice(_ range: Range<Int>) -> WeightStorage {
    WeightStorage(base: base + range.lowerBound, count: range.count, owner: owner)
  }
}

/// The bytes of a file that several threads read. `@unchecked Sendable`: nobody writes them.
struct SharedBytes: @unchecked Sendable {
  let base: UnsafeRawPointer
}

/// Memory freed with its last reference. `@unchecked Sendable`: written only before it is shared.
private final class OwnedMemory: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>

  init(count: Int) {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
    base = bytes.bindMemory(to: Float.self, capacity: max(16, count))
  }

  deinit { base.deallocate() }
}

/// A constant vector of a model: a bias, a gain, a class embedding.
package struct WeightVector: Sendable {
  let storage: WeightStorage

  /// The number of elements.
  package var count: Int { storage.count }

  /// A copy of `values`.
  package init(_ values: [Float]) {
    storage = WeightStorage(count: values.count) { target in
      for (index, value) in values.enumerated() { (target + index).initialize(to: value) }
    }
  }

  /// `count` elements of `type`, `byteOffset` bytes into memory that `owner` keeps alive and nobody changes.
  /// The caller has checked that they lie inside it.
  package init(
    mapped base: UnsafeRawPointer, byteOffset: Int, count: Int, type: ElementType,
    owner: any AnyObject & Sendable
  ) {
    storage = WeightStorage(mapped: base + byteOffset, type: type, count: count, owner: owner)
  }

  init(storage: WeightStorage) { self.storage = storage }

  /// A copy of vectors, one after the other.
  package init(joining parts: [WeightVector]) {
    storage = WeightStorage(count: parts.reduce(0) { $0 + $1.count }) { target in
      var next = target
      for part in parts {
        next.update(from: part.storage.base, count: part.count)
        next += part.count
      }
    }
  }

  /// One element.
  package subscript(index: Int) -> Float {
    precondition(index >= 0 && index < count, "element outside the vector")
    return storage.base[index]
  }

  /// The elements.
  package var span: Span<Float> {
    @_lifetime(borrow self)
    get { _overrideLifetime(Span(_unsafeStart: storage.base, count: count), borrowing: self) }
  }
}

/// A constant row-major matrix of a model or of an index, `[rows, columns]`: a linear layer is stored `[out,
/// in]`.
///
/// Floats in a map are used where they lie, so that processes share them; half precision is converted once.
package struct WeightMatrix: Sendable {
  /// The number of rows: a linear layer's outputs.
  package let rows: Int
  /// The number of columns: a linear layer's inputs.
  package let columns: Int

  let storage: WeightStorage

  /// A copy of `values`, row after row.
  package init(rows: Int, columns: Int, values: [Float]) {
    precondition(rows >= 0 && columns >= 0 && values.count == rows * columns, "values do not fill the matrix")
    self.init(rows: rows, columns: columns, storage: WeightVector(values).storage)
  }

  /// `rows · columns` elements of `type`, `byteOffset` bytes into memory that `owner` keeps alive and nobody
  /// changes. The caller has checked that they lie inside it.
  package init(
    mapped base: UnsafeRawPointer, byteOffset: Int, rows: Int, columns: Int, type: ElementType,
    owner: any AnyObject & Sendable
  ) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    precondition(rows >= 0 && columns >= 0 && !overflow, "the matrix is larger than memory")
    self.init(
      rows: rows, columns: columns,
      storage: WeightStorage(mapped: base + byteOffset, type: type, count: count, owner: owner))
  }

  init(rows: Int, columns: Int, storage: WeightStorage) {
    self.rows = rows
    self.columns = columns
    self.storage = storage
  }

  /// A copy of matrices of one width, stacked upon each other.
  package init(stacking parts: [WeightMatrix]) {
    let columns = parts.first?.columns ?? 0
    precondition(parts.allSatisfy { $0.columns == columns }, "stacked matrices have one width")
    let rows = parts.reduce(0) { $0 + $1.rows }
    let joined = WeightVector(joining: parts.map { WeightVector(storage: $0.storage) })
    self.init(rows: rows, columns: columns, storage: joined.storage)
  }

  /// Row `row`, `columns` floats.
  @_lifetime(borrow self)
  package func row(_ row: Int) -> Span<Float> {
    precondition(row >= 0 && row < rows, "row outside the matrix")
    return _overrideLifetime(
      Span(_unsafeStart: storage.base + row * columns, count: columns), borrowing: self)
  }

  /// The rows of `range` as a matrix on the same memory.
  package func rows(_ range: Range<Int>) -> WeightMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the matrix")
    return WeightMatrix(
      rows: range.count, columns: columns,
      storage: storage.slice(range.lowerBound * columns..<range.upperBound * columns))
  }

  /// The transposed matrix `[columns, rows]`, a copy: for checkpoints that store projections as `[in, out]`.
  package func transposed() -> WeightMatrix {
    let source = storage.base
    return WeightMatrix(
      rows: columns, columns: rows,
      storage: WeightStorage(count: rows * columns) { target in
        for row in 0..<rows {
          for column in 0..<columns { target[column * rows + row] = source[row * columns + column] }
        }
      })
  }

  var input: SharedInput { SharedInput(base: storage.base, stride: columns) }
}

/// A table of rows looked up by number, `[rows, columns]`: token and position embeddings.
///
/// It stays in the file's own element type and converts the rows that are asked for: a vocabulary is large, a
/// text is short.
package struct EmbeddingTable: Sendable {
  /// The number of rows.
  package let rows: Int
  /// The number of columns.
  package let columns: Int
  private let type: ElementType
  private let bytes: SharedBytes
  private let owner: any AnyObject & Sendable

  /// `rows · columns` elements of `type`, `byteOffset` bytes into memory that `owner` keeps alive and nobody
  /// changes. The caller has checked that they lie inside it.
  package init(
    mapped base: UnsafeRawPointer, byteOffset: Int, rows: Int, columns: Int, type: ElementType,
    owner: any AnyObject & Sendable
  ) {
    precondition(rows >= 0 && columns >= 0, "a table has no negative size")
    self.rows = rows
    self.columns = columns
    self.type = type
    bytes = SharedBytes(base: base + byteOffset)
    self.owner = owner
  }

  /// The table of a matrix in memory.
  package init(_ matrix: WeightMatrix) {
    self.init(
      mapped: UnsafeRawPointer(matrix.storage.base), byteOffset: 0, rows: matrix.rows,
      columns: matrix.columns,
      type: .float32, owner: matrix.storage.owner)
  }

  /// Writes row `index` of the table to row `row` of `matrix`, which has as many columns.
  package func copyRow(_ index: Int, to matrix: inout Matrix, row: Int) {
    precondition(index >= 0 && index < rows, "row outside the table")
    precondition(row >= 0 && row < matrix.rows && matrix.columns == columns, "the row does not fit")
    HalfPrecision.widen(
      bytes.base + index * columns * type.size, type, count: columns, to: matrix.output.at(row: row))
  }
}
