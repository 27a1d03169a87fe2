// SPDX-License-Identifier: Apache-2.0

/// Collects the best `k` items of one scan, the best vector of each.
///
/// Candidates are offered in slot order, so that the vectors of an item come one after another; each item is kept at
/// most once. Candidates go to a buffer; when it holds `k` for the first time, and when it is full, it is sorted and cut
/// to `k`, and the worst score that stayed becomes the threshold: O(log k) for each candidate above it, one comparison
/// for each below.
struct TopK {
  let k: Int
  /// A candidate below this cannot be among the best `k`.
  private(set) var threshold: Float = -.infinity

  private var kept: [Neighbor] = []
  private let capacity: Int
  /// The worst of the best `k` at the last cut.
  private var worst: Neighbor?
  /// The item offered last, and where it is in `kept`; nil when it was cut off.
  private var lastItem: Int64 = .min
  private var lastIndex: Int?

  init(k: Int) {
    self.k = k
    capacity = k + max(k, 64)
  }

  /// Takes a candidate. Its item is not below the item of the candidate before it.
  @inline(__always)
  mutating func offer(_ candidate: Neighbor) {
    guard candidate.score >= threshold else { return }
    take(candidate)
  }

  private mutating func take(_ candidate: Neighbor) {
    if let worst, !candidate.precedes(worst) { return }
    if candidate.item == lastItem, let lastIndex {
      if candidate.precedes(kept[lastIndex]) { kept[lastIndex] = candidate }
      return
    }
    if kept.count == capacity {
      cut()
      if let worst, !candidate.precedes(worst) { return }
    }
    lastItem = candidate.item
    lastIndex = kept.count
    kept.append(candidate)
    // Without a threshold every row is a candidate: the first one is worth a sort of its own.
    if worst == nil, kept.count == k { cut() }
  }

  /// Sorts the buffer, keeps the best `k` and raises the threshold.
  mutating func cut() {
    kept.sort { $0.precedes($1) }
    if kept.count > k { kept.removeSubrange(k...) }
    if kept.count == k, let last = kept.last {
      worst = last
      threshold = max(threshold, last.score)
    }
    lastIndex = kept.firstIndex { $0.item == lastItem }
  }

  /// The best so far, best first.
  mutating func best() -> [Neighbor] {
    cut()
    return kept
  }

  /// The best `k` items of several scans' answers, best first.
  static func merge(_ lists: [[Neighbor]], k: Int) -> [Neighbor] {
    if lists.count == 1 { return lists[0] }
    var all = Array(lists.joined())
    all.sort { $0.precedes($1) }
    var seen = Set<Int64>(minimumCapacity: min(k, all.count))
    var best: [Neighbor] = []
    best.reserveCapacity(min(k, all.count))
    for neighbor in all {
      guard best.count < k else { break }
      if seen.insert(neighbor.item).inserted { best.append(neighbor) }
    }
    return best
  }
}
