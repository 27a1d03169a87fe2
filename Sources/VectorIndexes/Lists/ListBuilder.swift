// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra

/// Makes the blocks of a segment's inverted lists, and of their centroids.
///
/// Needs memory for the centroids, 16 bytes a row, and a batch of blocks; rows are read where they lie.
struct ListBuilder: Sendable {
  let rows: StoredRows
  let rotation: Rotation
  let pool: ComputePool
  let listCount: Int
  /// `[listCount, codeDimension]`, rotated.
  private let centroids: SharedRows
  /// Both lists of each row; the second's rows come after the first's.
  private let members: Members
  /// The first block of each list, and the end.
  let starts: [UInt32]

  /// Lists whose blocks are made at once.
  private static let batch = 64

  /// Lays out the lists of a choice.
  init(_ rows: StoredRows, rotation: Rotation, choice: ListChoice, pool: ComputePool) {
    self.rows = rows
    self.rotation = rotation
    self.pool = pool
    let listCount = choice.centroids.count / rows.dimension
    self.listCount = listCount
    let members = Members(choice.first + choice.second, count: listCount)
    self.members = members
    // Means of rotated rows are rotated already.
    centroids =
      rows.storage == .int8
      ? SharedRows(choice.centroids, dimension: rotation.codeDimension)
      : Self.rotated(choice.centroids, rotation)
    var starts: [UInt32] = [0]
    for list in 0..<listCount { starts.append(starts[list] + UInt32((members[list].count + 31) / 32)) }
    self.starts = starts
  }

  /// Blocks in all lists.
  var blockCount: Int { Int(starts[listCount]) }

  private static func rotated(_ centroids: [Float], _ rotation: Rotation) -> SharedRows {
    let count = centroids.count / rotation.dimension
    var rotated = [Float](repeating: 0, count: count * rotation.codeDimension)
    centroids.withUnsafeBufferPointer { centroids in
      rotated.withUnsafeMutableBufferPointer { rotated in
        guard let from = centroids.baseAddress, let to = rotated.baseAddress else { return }
        for list in 0..<count {
          rotation.apply(from + list * rotation.dimension, into: to + list * rotation.codeDimension)
        }
      }
    }
    return SharedRows(rotated, dimension: rotation.codeDimension)
  }

  // MARK: - Centroids

  /// Codes and scales of the centroids.
  func centroidCodes() -> (codes: [Int8], scales: [Float]) {
    var codes = [Int8](repeating: 0, count: listCount * rotation.codeDimension)
    var scales: [Float] = []
    codes.withUnsafeMutableBufferPointer { codes in
      guard let codes = codes.baseAddress else { return }
      for list in 0..<listCount {
        let code = codes + list * rotation.codeDimension
        scales.append(CodeKernels.current.quantize(centroid(list), count: rotation.codeDimension, into: code))
      }
    }
    return (codes, scales)
  }

  /// The mean of the rotated centroids, `[codeDimension]`.
  func centroidMean() -> [Float] {
    var sums = [Double](repeating: 0, count: rotation.codeDimension)
    for list in 0..<listCount {
      for index in sums.indices { sums[index] += Double(centroid(list)[index]) }
    }
    return sums.map { Float($0 / Double(listCount)) }
  }

  /// The blocks of the centroids: their residuals to `mean`.
  func centroidBlocks(mean: [Float]) -> [UInt8] {
    let blockSize = CodeKernels.blockSize(dimension: rotation.codeDimension)
    let count = (listCount + 31) / 32
    let output = SharedArray<UInt8>(count: count * blockSize)
    for block in 0..<count {
      let ids = (block * 32)..<min(block * 32 + 32, listCount)
      encode(ids.map { UInt32($0) }, into: output.base + block * blockSize) { id, residual in
        for index in mean.indices { residual[index] = centroid(Int(id))[index] - mean[index] }
      }
    }
    return output.array
  }

  private func centroid(_ list: Int) -> UnsafePointer<Float> {
    centroids.rows.row(list).assumingMemoryBound(to: Float.self)
  }

  // MARK: - Lists

  /// Calls `write` with the blocks of all lists, in order and in pieces.
  func writeBlocks<Failure: Error>(_ write: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
    let blockSize = CodeKernels.blockSize(dimension: rotation.codeDimension)
    for first in stride(from: 0, to: listCount, by: Self.batch) {
      let lists = first..<min(first + Self.batch, listCount)
      let start = Int(starts[lists.lowerBound])
      let output = SharedArray<UInt8>(count: (Int(starts[lists.upperBound]) - start) * blockSize)
      pool.forEach(lists.count) { index in
        let list = lists.lowerBound + index
        encode(list, into: output.base + (Int(starts[list]) - start) * blockSize, blockSize)
      }
      try write(output.array)
    }
  }

  private func encode(_ list: Int, into output: UnsafeMutablePointer<UInt8>, _ blockSize: Int) {
    let entries = members[list]
    let own = centroid(list)
    RotatedRow.with(rows, rotation) { row in
      for (block, first) in stride(from: entries.startIndex, to: entries.endIndex, by: 32).enumerated() {
        let slots = entries[first..<min(first + 32, entries.endIndex)].map { $0 % UInt32(rows.count) }
        encode(slots, into: output + block * blockSize) { slot, residual in
          let rotated = row.load(Int(slot))
          for index in 0..<rotation.codeDimension { residual[index] = rotated[index] - own[index] }
        }
      }
    }
  }

  /// Writes one block: the codes, factors and ids of at most 32 entries.
  private func encode(
    _ ids: [UInt32], into block: UnsafeMutablePointer<UInt8>,
    residual: (UInt32, UnsafeMutablePointer<Float>) -> Void
  ) {
    let dimension = rotation.codeDimension
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 32 * dimension) { residuals in
      guard let residuals = residuals.baseAddress else { return }
      for (index, id) in ids.enumerated() { residual(id, residuals + index * dimension) }
      CodeKernels.current.encodeBlock(residuals, ids: ids, dimension: dimension, into: block)
    }
  }
}
