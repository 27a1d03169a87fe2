// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// What a segment holds beside its vectors to find the nearest ones fast.
package enum SegmentStructure: Sendable, Hashable {
  /// Nothing: every vector is read.
  case rows
  /// A quantised copy: exact search at a quarter of the bytes.
  case codes
  /// A quantised copy and inverted lists: approximate search too.
  case lists

  /// From how many vectors on a quantised copy is worth its bytes.
  static let codesMinimum = 2048
  /// From how many vectors on looking at some lists beats looking at every code.
  static let listsMinimum = 20_000

  /// What suits a segment of `count` vectors.
  package static func suited(to count: Int) -> SegmentStructure {
    count >= listsMinimum ? .lists : count >= codesMinimum ? .codes : .rows
  }

  /// The sizes of it, as far as they are known before the lists are made.
  func shape(dimension: Int, count: Int, storage: RowStorage) -> IndexShape {
    // int8 rows are codes, and never without their scales.
    guard self != .rows || storage == .int8, count > 0 else { return IndexShape() }
    return IndexShape(
      codeDimension: dimension.roundedUp(toMultipleOf: 64),
      listCount: self == .lists ? InvertedLists.listCount(for: count) : 0)
  }
}
