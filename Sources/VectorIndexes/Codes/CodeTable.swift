// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra

/// The quantised copies of a segment's rows: rotated, one signed byte a number, in steps of the row's own scale.
///
/// A quarter of the bytes of float32 rows, and a certificate: no code is further from its rotated row than the error
/// of its group, so that a score from codes tells where the true score lies (Cauchy-Schwarz).
struct CodeTable: @unchecked Sendable {
  // Unchecked: the memory is never written while the table that it is a part of exists.

  /// Slots that share one error.
  static let groupSize = 64

  /// `[count, dimension]`.
  let codes: UnsafePointer<Int8>
  /// `[count]`
  let scales: UnsafePointer<Float>
  /// `[⌈count / groupSize⌉]`
  let errors: UnsafePointer<Float>
  let count: Int
  /// Bytes of a code.
  let dimension: Int

  /// How far the codes of `slots` are from their rows at most; a multiple of the group size comes first.
  func error(of slots: Range<Int>) -> Float {
    var largest: Float = 0
    for group
      in (slots.lowerBound / Self.groupSize)..<((slots.upperBound + Self.groupSize - 1) / Self.groupSize)
    {
      // A damaged file may hold anything; NaN must not pass for small.
      let error = errors[group]
      largest = error >= 0 ? max(largest, error) : .infinity
    }
    return largest
  }
}

/// One query, or several, in the space of the codes.
struct QuantizedQueries: Sendable {
  let rotation: Rotation
  let count: Int
  /// `[count, codeDimension]`, rotated.
  private let rotated: SharedArray<Float>
  /// `[count, codeDimension]`
  private let codes: SharedArray<Int8>
  /// `[count]`
  private let scales: SharedArray<Float>
  /// The length of each query.
  private let lengths: SharedArray<Float>
  /// How far the code of each query is from its rotated self.
  private let errors: SharedArray<Float>

  /// Queries that are made ready as one piece of work.
  private static let batch = 16

  /// Rotates and quantises `queries`, `[count, rotation.dimension]`, each finite.
  init(_ queries: [Float], count: Int, rotation: Rotation, pool: ComputePool) {
    self.rotation = rotation
    self.count = count
    rotated = SharedArray(count: count * rotation.codeDimension)
    codes = SharedArray(count: count * rotation.codeDimension)
    scales = SharedArray(count: count)
    lengths = SharedArray(count: count)
    errors = SharedArray(count: count)
    let batches = (count + Self.batch - 1) / Self.batch
    pool.forEach(batches) { [self] batch in
      queries.withUnsafeBufferPointer { queries in
        guard let queries = queries.baseAddress else { return }
        for query in (batch * Self.batch)..<min(batch * Self.batch + Self.batch, count) {
          prepare(queries + query * rotation.dimension, query)
        }
      }
    }
  }

  private func prepare(_ vector: UnsafePointer<Float>, _ query: Int) {
    let (own, code) = (rotated.base + query * width, codes.base + query * width)
    rotation.apply(vector, into: own)
    let scale = CodeKernels.current.quantize(own, count: width, into: code)
    scales.base[query] = scale
    (lengths.base[query], errors.base[query]) = Self.distances(own, code, scale, width)
  }

  private var width: Int { rotation.codeDimension }

  /// The length of a query, rounded up.
  func length(_ query: Int) -> Float { lengths.base[query] }

  /// Calls `body` with the codes of a query and those that follow it, and their scales.
  @inline(__always)
  func withCodes<Result>(
    from query: Int, _ body: (_ codes: UnsafePointer<Int8>, _ scales: UnsafePointer<Float>) -> Result
  ) -> Result {
    withExtendedLifetime((codes, scales)) { body(codes.base + query * width, scales.base + query) }
  }

  /// Calls `body` with the code of a query and its scale.
  @inline(__always)
  func withCode<Result>(_ query: Int, _ body: (UnsafePointer<Int8>, Float) -> Result) -> Result {
    withCodes(from: query) { body($0, $1[0]) }
  }

  /// Calls `body` with a query, rotated.
  @inline(__always)
  func withRotated<Result>(_ query: Int, _ body: (UnsafePointer<Float>) -> Result) -> Result {
    withExtendedLifetime(rotated) { body(rotated.base + query * width) }
  }

  /// The dot product of a query with `vector`, `[codeDimension]`, rotated.
  func product(_ query: Int, _ vector: UnsafePointer<Float>) -> Float {
    var product: Float = 0
    let row = StoredRows(base: vector, count: 1, dimension: rotation.codeDimension, storage: .float32)
    withRotated(query) {
      ScanKernels.current.score(
        queries: $0, queryCount: 1, rows: row, range: 0..<1, into: &product, stride: 1)
    }
    return product
  }

  /// How far a score from codes can be from the score of the scan kernels, for codes no further than `codeError` from
  /// rows of length 1: |⟨x, q⟩ - ⟨x₈, q₈⟩| ≤ |x - x₈| |q| + |x₈| |q - q₈|, and the rounding of both scores and rotations.
  func margin(_ query: Int, codeError: Float) -> Float {
    let longest = 1 + UnitVector.tolerance
    let length = length(query)
    let rounding =
      ScanKernels.productError(dimension: rotation.codeDimension) + 2 * rotation.error + 8 * 0x1p-24
    let bound =
      codeError * length + (longest + codeError) * errors.base[query]
      + rounding * longest * length
    return (bound * 1.0001).nextUp
  }

  /// The length of a rotated vector, and how far its code is from it; both rounded up.
  static func distances(
    _ vector: UnsafePointer<Float>, _ code: UnsafePointer<Int8>, _ scale: Float, _ count: Int
  ) -> (length: Float, error: Float) {
    var squares = 0.0
    var errors = 0.0
    for index in 0..<count {
      let value = Double(vector[index])
      let error = value - Double(code[index]) * Double(scale)
      squares += value * value
      errors += error * error
    }
    return (Float(squares.squareRoot() * 1.000001).nextUp, Float(errors.squareRoot() * 1.000001).nextUp)
  }
}
