// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// An array whose elements the pieces of one parallel operation write, each its own.
final class SharedArray<Element>: @unchecked Sendable
where Element: BitwiseCopyable & ExpressibleByIntegerLiteral {
  // Unchecked: every piece writes other elements, and nobody reads before all are done.
  let base: UnsafeMutablePointer<Element>
  let count: Int

  /// Zeros.
  init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    base.initialize(repeating: 0, count: count)
  }

  convenience init(copying elements: [Element]) {
    self.init(count: elements.count)
    elements.withUnsafeBufferPointer {
      if let from = $0.baseAddress { base.update(from: from, count: count) }
    }
  }

  deinit { base.deallocate() }

  var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }
}

/// Float rows where they do not move, for pieces of parallel operations to read.
final class SharedRows: @unchecked Sendable {
  // Unchecked: written before anybody else sees it, never after.
  private let base: UnsafeMutablePointer<Float>
  let rows: StoredRows

  /// - Parameter values: `[n, dimension]`
  init(_ values: [Float], dimension: Int) {
    let base = UnsafeMutablePointer<Float>.allocate(capacity: max(values.count, 1))
    values.withUnsafeBufferPointer {
      if let from = $0.baseAddress { base.initialize(from: from, count: $0.count) }
    }
    self.base = base
    rows = StoredRows(base: base, count: values.count / dimension, dimension: dimension, storage: .float32)
  }

  deinit { base.deallocate() }
}
