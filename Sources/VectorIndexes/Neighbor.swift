// SPDX-License-Identifier: Apache-2.0

/// What a stored vector belongs to: an item, and which of its vectors in this field (its second caption, say).
package struct VectorKey: Hashable, Comparable, Sendable {
  /// The item's id in the catalog.
  package var item: Int64
  /// Which of the item's vectors, from 0.
  package var ordinal: UInt32

  package init(item: Int64, ordinal: UInt32 = 0) {
    self.item = item
    self.ordinal = ordinal
  }

  /// By item, then by ordinal: the order of slots in a segment.
  @inline(__always)
  package static func < (left: VectorKey, right: VectorKey) -> Bool {
    left.item != right.item ? left.item < right.item : left.ordinal < right.ordinal
  }
}

/// A stored vector that answers a query.
package struct Neighbor: Hashable, Sendable {
  /// Whose vector it is.
  package var key: VectorKey
  /// The dot product with the query: larger is nearer.
  package var score: Float

  package init(key: VectorKey, score: Float) {
    self.key = key
    self.score = score
  }

  /// The item the vector belongs to.
  package var item: Int64 { key.item }

  /// The order of answers: score falling, then item id rising, then ordinal rising.
  @inline(__always)
  package func precedes(_ other: Neighbor) -> Bool {
    score != other.score ? score > other.score : key < other.key
  }
}
