// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// Something that may be near a query: its score so far, and what it is, a slot or a list. Laid out as in `codes.h`.
package struct Candidate: Hashable, Sendable {
  package var score: Float
  package var id: UInt32

  @inline(__always)
  package init(score: Float, id: UInt32) {
    self.score = score
    self.id = id
  }
}

extension UnsafeMutableBufferPointer<Candidate> {
  @inline(__always)
  fileprivate var forKernels: UnsafeMutablePointer<duet_candidate>? {
    UnsafeMutableRawPointer(baseAddress)?.assumingMemoryBound(to: duet_candidate.self)
  }
}

/// Kernels over quantised vectors, by the best kernels of this CPU; `codes.h` says exactly what each computes.
package struct CodeKernels: Sendable {
  /// The most queries of one call of `score`.
  package static let maximumQueryCount = 8
  package static let current = CodeKernels()
  private let table: duet_code_kernels

  private init() {
    guard let table = duet_code_kernels_at(duet_cpu_current()) else { preconditionFailure("no kernels") }
    self.table = table.pointee
  }

  @inline(__always)
  package func hadamard(_ x: UnsafeMutablePointer<Float>, count: Int) { table.hadamard(x, count) }

  @inline(__always)
  package func quantize(_ x: UnsafePointer<Float>, count: Int, into codes: UnsafeMutablePointer<Int8>) -> Float {
    table.quantize_i8(x, count, codes)
  }

  @inline(__always)
  package func score(
    queries: UnsafePointer<Int8>, scales: UnsafePointer<Float>, queryCount: Int, codes: UnsafePointer<Int8>,
    codeScales: UnsafePointer<Float>, count: Int, dimension: Int, into scores: UnsafeMutablePointer<Float>, stride: Int
  ) {
    table.dots_i8(queries, scales, queryCount, codes, codeScales, count, dimension, scores, stride)
  }

  @inline(__always)
  package func score(
    _ candidates: UnsafeMutableBufferPointer<Candidate>, query: UnsafePointer<Int8>, scale: Float,
    codes: UnsafePointer<Int8>, codeScales: UnsafePointer<Float>, count: Int, dimension: Int
  ) {
    table.dots_at_i8(query, scale, codes, codeScales, count, candidates.forKernels, candidates.count, dimension)
  }

  @inline(__always)
  package func makeLookupTable(
    _ query: UnsafePointer<Float>, dimension: Int, into entries: UnsafeMutablePointer<UInt8>
  ) -> (step: Float, low: Float) {
    var (step, low): (Float, Float) = (0, 0)
    table.make_lut(query, dimension, entries, &step, &low)
    return (step, low)
  }

  @inline(__always)
  package func scan(
    _ entries: UnsafePointer<UInt8>, dimension: Int, blocks: UnsafeRawPointer, blockCount: Int, slope: Float,
    offset: Float, base: Float, threshold: Float, allowed: UnsafePointer<UInt64>?, idCount: Int,
    into room: UnsafeMutableBufferPointer<Candidate>
  ) -> (count: Int, blockCount: Int) {
    var done = 0
    let count = table.scan_blocks(
      entries, dimension, blocks.assumingMemoryBound(to: UInt8.self), blockCount, slope, offset, base, threshold,
      allowed, idCount, room.forKernels, room.count, &done)
    return (count, done)
  }

  package func encodeBlock(
    _ residuals: UnsafePointer<Float>, ids: [UInt32], dimension: Int, into block: UnsafeMutablePointer<UInt8>
  ) {
    let factors = UnsafeMutableRawPointer(block + 4 * dimension).bindMemory(to: Float.self, capacity: 32)
    let places = UnsafeMutableRawPointer(block + 4 * dimension + 128).bindMemory(to: UInt32.self, capacity: 32)
    table.encode_block(residuals, ids.count, dimension, dimension, block, factors)
    for index in 0..<32 { places[index] = index < ids.count ? ids[index] : 0 }
  }
}
