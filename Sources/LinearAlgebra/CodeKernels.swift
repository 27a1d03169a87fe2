// SPDX-License-Identifier: Apache-2.0
package import CKernels

/// Something that may be near a query: its score so far, and what it is, a slot or a list. Laid out like
/// `duet_candidate`.
package struct Candidate: Hashable, Sendable {
  /// Larger is nearer.
  package var score: Float
  /// What the score is of; the scan's blocks say.
  package var id: UInt32

  /// A candidate of this score and id.
  @inline(__always)
  package init(score: Float, id: UInt32) {
    self.score = score
    self.id = id
  }
}

/// Kernels over quantised vectors: int8 products, scans of 1-bit codes, and what makes both.
///
/// `codes.h` says exactly what each computes; the bits are the same on every CPU level. A dimension is a multiple of
/// 64. Stored codes, factors, scales and ids may hold anything; pointers and counts are the caller's word. Take
/// ``current`` once, outside the loop.
package struct CodeKernels: Sendable {
  /// The most queries of one call of ``score(queries:scales:queryCount:codes:codeScales:count:dimension:into:stride:)``.
  package static let maximumQueryCount = Int(DUET_CODES_MAX_QUERIES)
  /// Vectors in a block of 1-bit codes.
  package static let blockCapacity = Int(DUET_CODES_BLOCK)

  /// The kernels that `DUET_CPU` or this CPU's best level names.
  package static let current = CodeKernels(level: duet_cpu_current()) ?? CodeKernels(DUET_CPU_SCALAR)

  /// The CPU level of these kernels.
  package let level: duet_cpu_level
  private let table: duet_code_kernels

  /// The kernels of `level`; nil when this CPU or this build lacks it.
  ///
  /// - Parameter plain: without the instructions that only some CPUs of the level have (VNNI, NEON's dot products).
  package init?(level: duet_cpu_level, plain: Bool = false) {
    guard duet_cpu_supports(level) != 0,
      let table = plain ? duet_code_kernels_plain_at(level) : duet_code_kernels_at(level)
    else { return nil }
    self.level = level
    self.table = table.pointee
  }

  /// The scalar kernels, which every build has.
  private init(_ scalar: duet_cpu_level) {
    guard let table = duet_code_kernels_at(scalar) else { preconditionFailure("no scalar code kernels") }
    self.level = scalar
    self.table = table.pointee
  }

  /// Bytes from one block of 1-bit codes to the next.
  package static func blockSize(dimension: Int) -> Int { duet_codes_block_size(dimension) }

  /// The orthonormal Hadamard transform of `count` numbers in place, a power of two.
  @inline(__always)
  package func hadamard(_ x: UnsafeMutablePointer<Float>, count: Int) {
    assert(count > 0 && count & (count - 1) == 0)
    table.hadamard(x, count)
  }

  /// Rounds `x` to int8 codes of -127...127 and returns their scale: 0, with codes of 0, when `x` is zero or not finite.
  @inline(__always)
  package func quantize(_ x: UnsafePointer<Float>, count: Int, into codes: UnsafeMutablePointer<Int8>)
    -> Float
  {
    table.quantize_i8(x, count, codes)
  }

  /// `scores[q * stride + i]` = query q · row i, times their scales.
  ///
  /// - Parameters:
  ///   - queries: `[queryCount, dimension]` from ``quantize(_:count:into:)``, at most ``maximumQueryCount``.
  ///   - codes: `[count, dimension]`.
  ///   - scores: room for `(queryCount - 1) * stride + count`.
  @inline(__always)
  package func score(
    queries: UnsafePointer<Int8>, scales: UnsafePointer<Float>, queryCount: Int, codes: UnsafePointer<Int8>,
    codeScales: UnsafePointer<Float>, count: Int, dimension: Int, into scores: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    assert(queryCount <= Self.maximumQueryCount && dimension % 64 == 0)
    table.dots_i8(queries, scales, queryCount, codes, codeScales, count, dimension, scores, stride)
  }

  /// Gives each candidate the score of the row that its id names; -infinity when there is no such row.
  @inline(__always)
  package func score(
    _ candidates: UnsafeMutableBufferPointer<Candidate>, query: UnsafePointer<Int8>, scale: Float,
    codes: UnsafePointer<Int8>, codeScales: UnsafePointer<Float>, count: Int, dimension: Int
  ) {
    assert(dimension % 64 == 0)
    table.dots_at_i8(
      query, scale, codes, codeScales, count, candidates.forKernels, candidates.count, dimension)
  }

  /// Makes the table of a query that ``scan(_:dimension:blocks:blockCount:slope:offset:base:threshold:allowed:idCount:into:)``
  /// looks 1-bit codes up in: the query's sum over a code's set bits is about `step` · (the sum of entries) + `low`.
  ///
  /// - Parameter entries: room for `4 * dimension`, aligned to 64.
  @inline(__always)
  package func makeLookupTable(
    _ query: UnsafePointer<Float>, dimension: Int, into entries: UnsafeMutablePointer<UInt8>
  ) -> (step: Float, low: Float) {
    assert(dimension % 64 == 0)
    var (step, low): (Float, Float) = (0, 0)
    table.make_lut(query, dimension, entries, &step, &low)
    return (step, low)
  }

  /// Scores blocks of 1-bit codes, `base + factor * (slope * sum + offset)`, and writes those above `threshold` into
  /// `room`, in order, until fewer than ``blockCapacity`` places are left in it.
  ///
  /// - Parameters:
  ///   - allowed: a bit for each id below `idCount`; nil when all may be taken.
  ///   - idCount: ids at or above this are passed over.
  ///   - room: places behind the returned count may be overwritten.
  /// - Returns: how many were found, and how many blocks were scanned.
  @inline(__always)
  package func scan(
    _ entries: UnsafePointer<UInt8>, dimension: Int, blocks: UnsafeRawPointer, blockCount: Int, slope: Float,
    offset: Float, base: Float, threshold: Float, allowed: UnsafePointer<UInt64>?, idCount: Int,
    into room: UnsafeMutableBufferPointer<Candidate>
  ) -> (count: Int, blockCount: Int) {
    assert(dimension % 64 == 0)
    var done = 0
    let count = table.scan_blocks(
      entries, dimension, blocks.assumingMemoryBound(to: UInt8.self), blockCount, slope, offset, base,
      threshold,
      allowed, idCount, room.forKernels, room.count, &done)
    return (count, done)
  }

  /// Moves the best `best` candidates to the front, the worst of them to place `best - 1`: score falling (NaN last), then
  /// id rising. Expected O(n); which they are does not depend on the order before.
  package func keepBest(_ candidates: UnsafeMutableBufferPointer<Candidate>, _ best: Int) {
    precondition(best > 0 && best <= candidates.count, "there are not so many candidates")
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * candidates.count + 16) { scratch in
      table.keep_best(candidates.forKernels, candidates.count, best, scratch.baseAddress)
    }
  }

  /// Writes one block: the signs and factors of `ids.count` residuals, `[ids.count, dimension]`, and the ids; 0 and
  /// factors that never pass in the places that are left.
  ///
  /// - Parameter block: room for ``blockSize(dimension:)``, aligned to 4.
  package func encodeBlock(
    _ residuals: UnsafePointer<Float>, ids: [UInt32], dimension: Int, into block: UnsafeMutablePointer<UInt8>
  ) {
    precondition(ids.count <= Self.blockCapacity && dimension % 64 == 0)
    let capacity = Self.blockCapacity
    let rest = UnsafeMutableRawPointer(block + 4 * dimension)
    let factors = rest.bindMemory(to: Float.self, capacity: capacity)
    let places = (rest + 4 * capacity).bindMemory(to: UInt32.self, capacity: capacity)
    table.encode_block(residuals, ids.count, dimension, dimension, block, factors)
    for index in 0..<capacity { places[index] = index < ids.count ? ids[index] : 0 }
  }

  /// Asks for memory that will be read soon, such as the first blocks of the next list. Any address will do.
  @inline(__always)
  package static func prefetch(_ start: UnsafeRawPointer, byteCount: Int) { duet_prefetch(start, byteCount) }
}

extension UnsafeMutableBufferPointer<Candidate> {
  @inline(__always)
  fileprivate var forKernels: UnsafeMutablePointer<duet_candidate>? {
    UnsafeMutableRawPointer(baseAddress)?.assumingMemoryBound(to: duet_candidate.self)
  }
}
