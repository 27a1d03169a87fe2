// SPDX-License-Identifier: Apache-2.0

/// The merges of a BPE model: which adjacent pairs of tokens join, which pair goes first, and what they become.
struct MergeTable: Sendable {
  /// A pair's place in the list: lower goes first.
  typealias Rank = UInt32

  /// Packed pairs; `.max` is free (ids are below 2^24). The length is a power of two.
  private var keys: [UInt64]
  private var ranks: [Rank]
  private var results: [Int32] = []
  private var occupied = 0
  /// Odd and random, so that a file cannot choose ids that collide.
  private let multiplier = UInt64.random(in: .min ... .max) | 1
  private var shift: UInt64

  /// An empty table with room for `capacity` merges.
  init(capacity: Int) {
    var bits: UInt64 = 4
    while 1 << bits < capacity * 2 { bits += 1 }
    keys = [UInt64](repeating: .max, count: 1 << bits)
    ranks = [Rank](repeating: 0, count: 1 << bits)
    shift = 64 - bits
    results.reserveCapacity(capacity)
  }

  /// Appends a merge behind all others. A pair given again takes the later place, as in the reference.
  mutating func append(_ left: Int32, _ right: Int32, result: Int32) {
    if (occupied + 1) * 2 > keys.count { grow() }
    let slot = slot(of: Self.key(left, right))
    if keys[slot] == .max { occupied += 1 }
    keys[slot] = Self.key(left, right)
    ranks[slot] = Rank(results.count)
    results.append(result)
  }

  /// The place of a pair in the list.
  func rank(_ left: Int32, _ right: Int32) -> Rank? {
    let key = Self.key(left, right)
    let slot = slot(of: key)
    return keys[slot] == key ? ranks[slot] : nil
  }

  /// What the pair at `rank` becomes.
  func result(_ rank: Rank) -> Int32 { results[Int(rank)] }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Where the key is, or where it would go.
  private func slot(of key: UInt64) -> Int {
    var slot = Int((key &* multiplier) >> shift)
    while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }

  private mutating func grow() {
    let old = (keys, ranks)
    shift -= 1
    keys = [UInt64](repeating: .max, count: old.0.count * 2)
    ranks = [Rank](repeating: 0, count: keys.count)
    for (key, rank) in zip(old.0, old.1) where key != .max {
      let slot = slot(of: key)
      keys[slot] = key
      ranks[slot] = rank
    }
  }
}
