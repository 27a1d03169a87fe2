// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra
internal import Synchronization

/// How much of each inverted list a filter allows.
///
/// What a filter leaves may lie anywhere: evenly among the lists, all in those near a query, or all in others. Counted
/// once, it tells every query which lists are worth a look, and when none near it is.
struct ListOccupancy: Sendable {
  /// Allowed entries of each list.
  let counts: [UInt32]
  /// Entries of each list.
  let entryCounts: [UInt32]
  /// The lists with an allowed entry.
  let occupied: SlotBitmap

  /// Counts the entries whose slots are in `allowed`. O(entries): about 2 ns for each of two entries a vector.
  init(_ lists: InvertedLists, _ allowed: SlotBitmap, pool: ComputePool) {
    let counts = SharedArray<UInt32>(count: lists.count)
    let entryCounts = SharedArray<UInt32>(count: lists.count)
    let batch = 64
    pool.forEach((lists.count + batch - 1) / batch) { part in
      for list in (part * batch)..<min(part * batch + batch, lists.count) {
        (counts.base[list], entryCounts.base[list]) = lists.countEntries(of: list, in: allowed)
      }
    }
    self.counts = counts.array
    self.entryCounts = entryCounts.array
    var occupied = SlotBitmap(slotCount: lists.count)
    for list in 0..<lists.count where counts.base[list] > 0 { occupied.insert(list) }
    self.occupied = occupied
  }

  /// The share of the entries of some lists that are allowed.
  func density(in lists: some Sequence<Candidate>) -> Double {
    let (allowed, all) = lists.reduce(into: (0, 0)) { sums, list in
      sums.0 += Int(counts[Int(list.id)])
      sums.1 += Int(entryCounts[Int(list.id)])
    }
    return Double(allowed) / Double(max(1, all))
  }

  /// The first of `lists` that hold `wanted` allowed entries, at least `least` lists, without those that hold none; nil
  /// when all do not hold so many.
  func prefix(of lists: [Candidate], atLeast least: Int, holding wanted: Int) -> [Candidate]? {
    var held = 0
    var chosen: [Candidate] = []
    for list in lists {
      let count = Int(counts[Int(list.id)])
      if count > 0 { chosen.append(list) }
      held += count
      if chosen.count >= least, held >= wanted { return chosen }
    }
    return nil
  }
}

/// The occupancy of a filter, counted when the first query asks for it: exact searches never do.
final class DeferredOccupancy: Sendable {
  private let table: VectorTable
  private let allowed: SlotBitmap
  private let pool: ComputePool
  private let known = Mutex<ListOccupancy?>(nil)

  /// nil when the table has no lists.
  init?(_ table: VectorTable, _ allowed: SlotBitmap, pool: ComputePool) {
    guard table.lists != nil else { return nil }
    self.table = table
    self.allowed = allowed
    self.pool = pool
  }

  /// Queries that come while it is being counted wait.
  var value: ListOccupancy? {
    known.withLock { known in
      if known == nil, let lists = table.lists { known = ListOccupancy(lists, allowed, pool: pool) }
      return known
    }
  }
}

extension InvertedLists {
  /// The entries of a list whose slots are in `allowed`, and all.
  fileprivate func countEntries(of list: Int, in allowed: SlotBitmap) -> (allowed: UInt32, all: UInt32) {
    let capacity = CodeKernels.blockCapacity
    var counts: (allowed: UInt32, all: UInt32) = (0, 0)
    SlotBitmap.withWords(of: allowed) { words in
      guard let words else { return }
      for block in blocks(of: list) {
        let tail = self.blocks + block * blockSize + 4 * codeDimension
        for place in 0..<capacity {
          let slot = Int(tail.load(fromByteOffset: (capacity + place) * 4, as: UInt32.self))
          // A place that is not used has no number for a factor; slots of a damaged file may be anything.
          guard !tail.load(fromByteOffset: place * 4, as: Float.self).isNaN, slot < allowed.slotCount else {
            continue
          }
          counts.all += 1
          counts.allowed += UInt32(truncatingIfNeeded: words[slot >> 6] >> UInt64(slot & 63) & 1)
        }
      }
    }
    return counts
  }
}
