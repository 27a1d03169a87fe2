// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute

/// A row-major matrix of floats `[rows, columns]` in memory of its own, aligned to 64 bytes.
///
/// It has one owner, so handing it to another thread is sound, and writing to it needs exclusive access,
/// which the compiler checks. Operations split themselves over ``ComputePool``. A matrix keeps its memory
/// when it is resized to something that fits: a layer's scratch matrices are made once and used again by the
/// next layer.
package struct Matrix: ~Copyable, @unchecked Sendable {  // Sendable: the memory has this one owner
  /// The number of rows.
  package private(set) var rows: Int
  /// The number of columns.
  package private(set) var columns: Int

  private(set) var base: UnsafeMutablePointer<Float>
  private var capacity: Int

  /// Makes a matrix of zeros.
  package init(rows: Int = 0, columns: Int = 0) {
    let count = Matrix.count(rows, columns)
    self.rows = rows
    self.columns = columns
    capacity = count
    base = Matrix.allocate(count)
  }

  /// Makes a matrix of `values`, row after row.
  package init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == Matrix.count(rows, columns), "values do not fill the matrix")
    self.init(rows: rows, columns: columns)
    values.withUnsafeBufferPointer { source in
      if let from = source.baseAddress { base.update(from: from, count: source.count) }
    }
  }

  deinit { base.deallocate() }

  /// Changes the shape. What the elements hold afterwards is unspecified; memory is allocated only when the
  /// new shape is the largest so far.
  package mutating func resize(rows: Int, columns: Int) {
    let count = Matrix.count(rows, columns)
    if count > capacity {
      base.deallocate()
      base = Matrix.allocate(count)
      capacity = count
    }
    self.rows = rows
    self.columns = columns
  }

  /// One element.
  package subscript(row: Int, column: Int) -> Float {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element outside the matrix")
      return base[row * columns + column]
    }
    set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element outside the matrix")
      base[row * columns + column] = newValue
    }
  }

  /// Row `row`, `columns` floats.
  @_lifetime(borrow self)
  package func row(_ row: Int) -> Span<Float> {
    precondition(row >= 0 && row < rows, "row outside the matrix")
    let span = Span(_unsafeStart: UnsafePointer(base + row * columns), count: columns)
    return _overrideLifetime(span, borrowing: self)
  }

  /// Row `row` for writing, `columns` floats.
  @_lifetime(&self)
  package mutating func mutableRow(_ row: Int) -> MutableSpan<Float> {
    precondition(row >= 0 && row < rows, "row outside the matrix")
    let span = MutableSpan(_unsafeStart: base + row * columns, count: columns)
    return _overrideLifetime(span, mutating: &self)
  }

  /// All elements, row after row.
  package var span: Span<Float> {
    @_lifetime(borrow self)
    get {
      let span = Span(_unsafeStart: UnsafePointer(base), count: rows * columns)
      return _overrideLifetime(span, borrowing: self)
    }
  }

  /// All elements for writing, row after row.
  package var mutableSpan: MutableSpan<Float> {
    @_lifetime(&self)
    mutating get {
      let span = MutableSpan(_unsafeStart: base, count: rows * columns)
      return _overrideLifetime(span, mutating: &self)
    }
  }

  /// A copy of row `row`.
  package func rowArray(_ row: Int) -> [Float] {
    precondition(row >= 0 && row < rows, "row outside the matrix")
    return Array(UnsafeBufferPointer(start: base + row * columns, count: columns))
  }

  /// A copy of all elements, row after row.
  package func array() -> [Float] { Array(UnsafeBufferPointer(start: base, count: rows * columns)) }

  /// Sets every element.
  package mutating func fill(_ value: Float) { base.update(repeating: value, count: rows * columns) }

  var input: SharedInput { SharedInput(base: UnsafePointer(base), stride: columns) }
  var output: SharedOutput { mutating get { SharedOutput(base: base, stride: columns) } }

  private static func count(_ rows: Int, _ columns: Int) -> Int {
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative size")
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    precondition(!overflow && count <= Int.max / 8, "the matrix is larger than memory")
    return count
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
    let floats = bytes.bindMemory(to: Float.self, capacity: max(16, count))
    floats.initialize(repeating: 0, count: max(16, count))
    return floats
  }
}

// MARK: - Rows

extension Matrix {
  /// Copies `values` to row `row`.
  package mutating func setRow(_ row: Int, to values: Span<Float>) {
    precondition(row >= 0 && row < rows && values.count == columns, "the row does not fit")
    values.withUnsafeBufferPointer { source in
      if let from = source.baseAddress { base.advanced(by: row * columns).update(from: from, count: columns) }
    }
  }

  /// Adds `values` to row `row`.
  package mutating func addToRow(_ row: Int, _ values: Span<Float>) {
    precondition(row >= 0 && row < rows && values.count == columns, "the row does not fit")
    values.withUnsafeBufferPointer { source in
      TransformerKernels.current.add(base + row * columns, source.baseAddress, columns)
    }
  }

  /// Becomes the rows `indices` of `other`, in that order: `[indices.count, other.columns]`.
  package mutating func gather(_ indices: [Int], from other: borrowing Matrix) {
    resize(rows: indices.count, columns: other.columns)
    for (row, index) in indices.enumerated() {
      precondition(index >= 0 && index < other.rows, "row outside the matrix")
      (base + row * columns).update(from: other.base + index * columns, count: columns)
    }
  }

  /// Adds `other`, a matrix of the same shape, element by element.
  package mutating func add(_ other: borrowing Matrix) {
    precondition(other.rows == rows && other.columns == columns, "shapes differ")
    let target = output
    let source = other.input
    forEachRowBlock(rows) { range in
      TransformerKernels.current.add(
        target.at(row: range.lowerBound), source.at(row: range.lowerBound), range.count * target.stride)
    }
  }
}

/// Calls `body` for consecutive ranges of at most 64 rows, in parallel.
func forEachRowBlock(_ rows: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let block = 64
  ComputePool.shared.forEach((rows + block - 1) / block) { index in
    body(index * block..<min(rows, (index + 1) * block))
  }
}
