// SPDX-License-Identifier: Apache-2.0

/// A set of slots of one segment: one bit for each.
package struct SlotBitmap: Sendable, Hashable {
  /// How many slots the segment has.
  package let slotCount: Int
  /// 64 slots a word, the lowest slot in the lowest bit; bits past `slotCount` are zero.
  private(set) var words: [UInt64]

  /// The empty set, or all slots.
  package init(slotCount: Int, isFull: Bool = false) {
    precondition(slotCount >= 0, "a segment has no negative number of slots")
    self.slotCount = slotCount
    words = [UInt64](repeating: isFull ? .max : 0, count: (slotCount + 63) / 64)
    if isFull, slotCount % 64 != 0 { words[words.count - 1] = (1 << UInt64(slotCount % 64)) - 1 }
  }

  /// Whether `slot` is in the set.
  @inline(__always)
  package func contains(_ slot: Int) -> Bool { words[slot >> 6] >> UInt64(slot & 63) & 1 == 1 }

  /// Adds a slot.
  package mutating func insert(_ slot: Int) {
    precondition(slot < slotCount, "slot \(slot) of \(slotCount)")
    words[slot >> 6] |= 1 << UInt64(slot & 63)
  }

  /// Adds slots that follow one another.
  package mutating func insert(_ slots: Range<Int>) {
    for slot in slots { insert(slot) }
  }

  /// How many slots are in the set.
  package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// How many slots of `range` are in the set; the range starts at a multiple of 64.
  func count(in range: Range<Int>) -> Int {
    var count = 0
    forEachWord(in: range) { word, _ in count += word.nonzeroBitCount }
    return count
  }

  /// Removes the slots that are in `other`.
  package mutating func subtract(_ other: SlotBitmap) {
    precondition(other.slotCount == slotCount, "the bitmaps are of different segments")
    for index in words.indices { words[index] &= ~other.words[index] }
  }

  /// The slots that are not in the set.
  package var inverted: SlotBitmap {
    var inverse = SlotBitmap(slotCount: slotCount, isFull: true)
    inverse.subtract(self)
    return inverse
  }

  /// Calls `body` with the slots of `range` that are in the set, rising; the range starts at a multiple of 64.
  @inline(__always)
  func forEach(in range: Range<Int>, _ body: (Int) -> Void) {
    forEachWord(in: range) { word, first in
      var rest = word
      while rest != 0 {
        body(first + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }

  @inline(__always)
  private func forEachWord(in range: Range<Int>, _ body: (_ word: UInt64, _ firstSlot: Int) -> Void) {
    assert(range.lowerBound % 64 == 0 && range.upperBound <= slotCount)
    var first = range.lowerBound
    while first < range.upperBound {
      var word = words[first >> 6]
      if range.upperBound - first < 64 { word &= (1 << UInt64(range.upperBound - first)) - 1 }
      body(word, first)
      first += 64
    }
  }

  /// Calls `body` with the words of a bitmap, for kernels; nil stands for all slots.
  static func withWords<Result>(of bitmap: SlotBitmap?, _ body: (UnsafePointer<UInt64>?) -> Result) -> Result
  {
    guard let bitmap else { return body(nil) }
    return bitmap.words.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
