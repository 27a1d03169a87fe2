// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// The inverted lists of a segment: its vectors grouped by the centroids that they are nearest to.
///
/// Each vector stands in two lists (SOAR: Sun et al., "SOAR: Improved indexing for approximate nearest neighbor
/// search", arXiv 2404.00774), in each as one bit a dimension of what is left after the centroid (RaBitQ: Gao and Long,
/// arXiv 2405.12497), in blocks of 32 that one table look-up scores together (FastScan: André et al., "Cache locality is
/// not enough", VLDB 2015). The centroids themselves are kept in the same two ways: as codes and as blocks.
///
/// All of it is a map over an untrusted file: starts, slots and factors are checked where they are used.
struct InvertedLists: @unchecked Sendable {
  // Unchecked: the memory is never written while the table that it is a part of exists.

  /// How many lists there are.
  let count: Int
  let blockCount: Int
  /// Bytes of a code: a multiple of 64.
  let codeDimension: Int
  /// `[count, codeDimension]`
  let centroids: UnsafePointer<Int8>
  /// `[count]`
  let centroidScales: UnsafePointer<Float>
  /// `[codeDimension]`
  let mean: UnsafePointer<Float>
  /// `[⌈count / 32⌉]`
  let centroidBlocks: UnsafeRawPointer
  /// `[count + 1]`
  let starts: UnsafePointer<UInt32>
  /// `[blockCount]`
  let blocks: UnsafeRawPointer
  /// `[MeasuredEffort.count]`, rising.
  let efforts: UnsafePointer<MeasuredEffort>
  /// Which queries these lists can serve.
  let reach = ListReach()

  var blockSize: Int { CodeKernels.blockSize(dimension: codeDimension) }

  /// Places for entries in a list, on average: what a scan reads.
  var meanEntryCount: Double {
    Double(CodeKernels.blockCapacity) * Double(blockCount) / Double(max(count, 1))
  }

  /// The blocks of a list; empty when the file is damaged there.
  @inline(__always)
  func blocks(of list: Int) -> Range<Int> {
    let (start, end) = (Int(starts[list]), Int(starts[list + 1]))
    return start <= end && end <= blockCount ? start..<end : 0..<0
  }

  /// The least effort that is known to find `recall` of the true neighbours, or the most that was tried.
  func effort(recall: Double) -> MeasuredEffort {
    for index in 0..<MeasuredEffort.count where Double(efforts[index].recall) >= recall {
      return efforts[index]
    }
    return efforts[MeasuredEffort.count - 1]
  }

  /// The slots in a block; places that are not used have no number for a factor.
  func entries(of block: Int) -> [UInt32] {
    let tail = blocks + block * blockSize + 4 * codeDimension
    let capacity = CodeKernels.blockCapacity
    return (0..<capacity).compactMap { place in
      let factor = tail.load(fromByteOffset: place * 4, as: Float.self)
      return factor.isNaN ? nil : tail.load(fromByteOffset: (capacity + place) * 4, as: UInt32.self)
    }
  }

  /// Lists for `count` vectors: the power of two nearest to 4 √n.
  static func listCount(for count: Int) -> Int {
    var lists = 16
    while Double(lists) * 1.41421356 < 4 * Double(count).squareRoot() { lists *= 2 }
    return lists
  }
}
