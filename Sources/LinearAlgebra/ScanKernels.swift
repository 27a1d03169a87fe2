// SPDX-License-Identifier: Apache-2.0
package import CKernels

/// How the numbers of stored rows are kept.
package enum RowStorage: UInt32, Sendable, CaseIterable {
  /// IEEE binary32.
  case float32 = 1
  /// IEEE binary16: half the bytes; a unit vector loses about 0.0003 of its length's precision.
  case float16 = 2
  /// Signed bytes, in steps of a scale that each row has of its own: a quarter of the bytes.
  case int8 = 3

  /// Those whose rows are the vectors themselves.
  package static let floats: [RowStorage] = [.float32, .float16]

  /// Bytes of one number.
  package var scalarSize: Int {
    switch self {
    case .float32: 4
    case .float16: 2
    case .int8: 1
    }
  }
}

/// Rows of `dimension` numbers that lie one after another, without padding.
///
/// Points into memory that somebody else owns and keeps: a mapped file or an array that does not move.
package struct StoredRows: @unchecked Sendable {
  // Unchecked: stored rows are only read, by any number of threads, until their owner goes.

  /// The first row, aligned to its element.
  package let base: UnsafeRawPointer
  /// How many rows there are.
  package let count: Int
  /// Numbers in a row.
  package let dimension: Int
  /// How a number is kept.
  package let storage: RowStorage
  /// The step of each row's numbers, for ``RowStorage/int8``.
  package let scales: UnsafePointer<Float>?

  /// Describes `count` rows at `base`.
  ///
  /// - Parameter scales: `[count]`, for int8 rows.
  package init(
    base: UnsafeRawPointer, count: Int, dimension: Int, storage: RowStorage,
    scales: UnsafePointer<Float>? = nil
  ) {
    precondition((storage == .int8) == (scales != nil), "int8 rows have scales, others have none")
    self.scales = scales
    self.base = base
    self.count = count
    self.dimension = dimension
    self.storage = storage
  }

  /// The address of row `index`.
  @inline(__always)
  package func row(_ index: Int) -> UnsafeRawPointer { base + index * dimension * storage.scalarSize }
}

/// Dot products of queries with stored rows, by the best kernels of this CPU.
///
/// The score of a row and a query has the same bits on every CPU level and in every call shape; see `scan.h` for the
/// order of summation. Take ``current`` once, outside the loop.
package struct ScanKernels: Sendable {
  /// The most queries of one call.
  package static let maximumQueryCount = Int(DUET_SCAN_MAX_QUERIES)

  /// The kernels that `DUET_CPU` or this CPU's best level names.
  package static let current = ScanKernels(level: duet_cpu_current()) ?? ScanKernels(DUET_CPU_SCALAR)

  /// The CPU level of these kernels.
  package let level: duet_cpu_level
  private let table: duet_scan_kernels

  /// The kernels of `level`; nil when this CPU or this build lacks it.
  package init?(level: duet_cpu_level) {
    guard duet_cpu_supports(level) != 0, let table = duet_scan_kernels_at(level) else { return nil }
    self.level = level
    self.table = table.pointee
  }

  /// The scalar kernels, which every build has.
  private init(_ scalar: duet_cpu_level) {
    guard let table = duet_scan_kernels_at(scalar) else { preconditionFailure("no scalar scan kernels") }
    self.level = scalar
    self.table = table.pointee
  }

  /// `scores[q * stride + i]` = query q · row `range.lowerBound + i`.
  ///
  /// - Parameters:
  ///   - queries: `[queryCount, dimension]`, at most ``maximumQueryCount`` of them.
  ///   - scores: room for `(queryCount - 1) * stride + range.count`.
  @inline(__always)
  package func score(
    queries: UnsafePointer<Float>, queryCount: Int, rows: StoredRows, range: Range<Int>,
    into scores: UnsafeMutablePointer<Float>, stride: Int
  ) {
    assert(range.lowerBound >= 0 && range.upperBound <= rows.count && queryCount <= Self.maximumQueryCount)
    let first = rows.row(range.lowerBound)
    switch rows.storage {
    case .float32:
      table.dots_f32(
        queries, queryCount, first.assumingMemoryBound(to: Float.self), range.count, rows.dimension, scores,
        stride)
    case .float16:
      table.dots_f16(
        queries, queryCount, first.assumingMemoryBound(to: UInt16.self), range.count, rows.dimension, scores,
        stride)
    case .int8:
      withWidened(rows, range) {
        table.dots_f32(queries, queryCount, $0, range.count, rows.dimension, scores, stride)
      }
    }
  }

  /// `scores[i]` = query · row `slots[i]`. Every slot is below `rows.count`: the caller has checked.
  @inline(__always)
  package func score(
    query: UnsafePointer<Float>, rows: StoredRows, slots: UnsafeBufferPointer<UInt32>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    switch rows.storage {
    case .float32:
      table.dots_at_f32(
        query, rows.base.assumingMemoryBound(to: Float.self), slots.baseAddress, slots.count, rows.dimension,
        scores)
    case .float16:
      table.dots_at_f16(
        query, rows.base.assumingMemoryBound(to: UInt16.self), slots.baseAddress, slots.count, rows.dimension,
        scores)
    case .int8:
      for index in 0..<slots.count {
        let slot = Int(slots[index])
        withWidened(rows, slot..<(slot + 1)) {
          table.dots_f32(query, 1, $0, 1, rows.dimension, scores + index, 1)
        }
      }
    }
  }

  /// Writes the indices of the scores that are at least `threshold`, rising, and returns how many.
  /// `indices` has room for `count`. NaN is never chosen.
  @inline(__always)
  package func select(
    _ scores: UnsafePointer<Float>, count: Int, atLeast threshold: Float,
    into indices: UnsafeMutablePointer<UInt32>
  ) -> Int {
    table.at_least(scores, count, threshold, indices)
  }

  /// Copies the rows `range` as float32 into `output`, `[range.count, dimension]`.
  package func widen(_ rows: StoredRows, range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    assert(range.lowerBound >= 0 && range.upperBound <= rows.count)
    let count = range.count * rows.dimension
    let first = rows.row(range.lowerBound)
    switch rows.storage {
    case .float32:
      UnsafeMutableRawPointer(output).copyMemory(from: first, byteCount: count * 4)
    case .float16:
      table.widen_f16(first.assumingMemoryBound(to: UInt16.self), count, output)
    case .int8:
      guard let scales = rows.scales else { return }
      let steps = first.assumingMemoryBound(to: Int8.self)
      for row in 0..<range.count {
        let scale = scales[range.lowerBound + row]
        let start = row * rows.dimension
        for index in start..<(start + rows.dimension) { output[index] = Float(steps[index]) * scale }
      }
    }
  }

  /// Calls `body` with the rows `range` as float32.
  @inline(__always)
  private func withWidened(_ rows: StoredRows, _ range: Range<Int>, _ body: (UnsafePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count * rows.dimension) { copies in
      guard let copies = copies.baseAddress else { return }
      widen(rows, range: range, into: copies)
      body(copies)
    }
  }

  /// Rounds `count` numbers to binary16, to nearest, ties to even.
  package func narrow(_ from: UnsafePointer<Float>, count: Int, into output: UnsafeMutablePointer<UInt16>) {
    table.narrow_f16(from, count, output)
  }
}
