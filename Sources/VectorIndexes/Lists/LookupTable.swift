// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// What a query scores for each nibble of a one-bit code, in 8-bit steps: made once a query, for all lists.
///
/// A residual r is kept as signs s and a factor f = |r|² / |r|₁; ⟨r, q⟩ ≈ f ⟨s, q⟩, unbiased over rotations (RaBitQ), and
/// ⟨s, q⟩ is twice the sum of q over the set bits less the sum of q.
final class LookupTable: @unchecked Sendable {
  // Unchecked: written by its `init` alone.

  private let entries: UnsafeMutablePointer<UInt8>
  private let codeDimension: Int
  /// ⟨s, q⟩ = `slope` · (the sum of entries) + `offset`.
  private let slope: Float
  private let offset: Float

  /// The table of query `query` of `quantized`.
  init(_ quantized: QuantizedQueries, query: Int) {
    codeDimension = quantized.rotation.codeDimension
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * codeDimension, alignment: 64)
    entries = memory.bindMemory(to: UInt8.self, capacity: 4 * codeDimension)
    let (step, low, sum) = quantized.withRotated(query) { [entries, codeDimension] rotated in
      let (step, low) = CodeKernels.current.makeLookupTable(rotated, dimension: codeDimension, into: entries)
      return (step, low, Self.sum(rotated, codeDimension))
    }
    slope = 2 * step
    offset = 2 * low - sum
  }

  deinit { entries.deallocate() }

  /// The sum of numbers whose count is a multiple of 64, in 16 lanes.
  private static func sum(_ numbers: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD16<Float>.zero
    for first in stride(from: 0, to: count, by: 16) {
      lanes += UnsafeRawPointer(numbers + first).loadUnaligned(as: SIMD16<Float>.self)
    }
    return lanes.sum()
  }

  /// Scores the entries of `blocks` and puts those above the buffer's threshold into it.
  ///
  /// - Parameters:
  ///   - base: the score of the centroid that the entries are residuals of.
  ///   - allowed: the ids that may be taken; nil when all may.
  ///   - idCount: ids at or above this, which only a damaged file has, are passed over.
  func scan(
    _ blocks: UnsafeRawPointer, count: Int, base: Float, allowed: UnsafePointer<UInt64>?, idCount: Int,
    into candidates: inout CandidateBuffer
  ) {
    let blockSize = CodeKernels.blockSize(dimension: codeDimension)
    var done = 0
    while done < count {
      candidates.append { threshold, room in
        let found = CodeKernels.current.scan(
          entries, dimension: codeDimension, blocks: blocks + done * blockSize, blockCount: count - done,
          slope: slope, offset: offset, base: base, threshold: threshold, allowed: allowed, idCount: idCount,
          into: room)
        done += found.blockCount
        return found.count
      }
    }
  }
}
