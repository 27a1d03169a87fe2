// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra

/// Makes the quantised copies of a segment's rows, a piece at a time.
struct CodeWriter: Sendable {
  /// Rows that are made at once: a multiple of the group size.
  static let pieceRows = 8192

  let rows: StoredRows
  let rotation: Rotation
  let pool: ComputePool

  /// The sections that lie beside the codes: small, kept until the codes are written.
  struct Quality {
    /// `[count]`
    var scales: [Float] = []
    /// `[⌈count / groupSize⌉]`
    var errors: [Float] = []
  }

  /// Calls `write` with the codes of all rows, in order and in pieces.
  func write<Failure: Error>(_ write: ([Int8]) throws(Failure) -> Void) throws(Failure) -> Quality {
    var quality = Quality()
    for first in stride(from: 0, to: rows.count, by: Self.pieceRows) {
      let slots = first..<min(first + Self.pieceRows, rows.count)
      let codes = SharedArray<Int8>(count: slots.count * rotation.codeDimension)
      let scales = SharedArray<Float>(count: slots.count)
      let groups = (slots.count + CodeTable.groupSize - 1) / CodeTable.groupSize
      let errors = SharedArray<Float>(count: groups)
      pool.forEach(groups) { group in
        let start = group * CodeTable.groupSize
        let members = start..<min(start + CodeTable.groupSize, slots.count)
        errors.base[group] = quantize(members, after: first, codes.base, scales.base)
      }
      try write(codes.array)
      quality.scales += scales.array
      quality.errors += errors.array
    }
    return quality
  }

  /// Quantises the rows of one group and returns the largest error.
  private func quantize(
    _ members: Range<Int>, after first: Int, _ codes: UnsafeMutablePointer<Int8>,
    _ scales: UnsafeMutablePointer<Float>
  ) -> Float {
    var largest: Float = 0
    RotatedRow.with(rows, rotation) { row in
      for member in members {
        let code = codes + member * rotation.codeDimension
        let rotated = row.load(first + member)
        scales[member] = CodeKernels.current.quantize(rotated, count: rotation.codeDimension, into: code)
        let error = QuantizedQueries.distances(rotated, code, scales[member], rotation.codeDimension).error
        largest = max(largest, error)
      }
    }
    return largest
  }
}

/// Room for one row of a segment, rotated.
struct RotatedRow {
  private let rows: StoredRows
  private let rotation: Rotation
  private let original: UnsafeMutablePointer<Float>
  private let rotated: UnsafeMutablePointer<Float>

  /// Calls `body` with room that lasts as long as the call.
  static func with<Result>(_ rows: StoredRows, _ rotation: Rotation, _ body: (RotatedRow) -> Result) -> Result
  {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rotation.dimension + rotation.codeDimension) {
      memory in
      guard let base = memory.baseAddress else { preconditionFailure("a rotation has numbers") }
      return body(
        RotatedRow(rows: rows, rotation: rotation, original: base, rotated: base + rotation.dimension))
    }
  }

  /// Row `slot`, rotated, until the next call.
  func load(_ slot: Int) -> UnsafeMutablePointer<Float> {
    guard rows.storage != .int8 else {
      ScanKernels.current.widen(rows, range: slot..<(slot + 1), into: rotated)
      return rotated
    }
    ScanKernels.current.widen(rows, range: slot..<(slot + 1), into: original)
    rotation.apply(original, into: rotated)
    return rotated
  }
}
