// SPDX-License-Identifier: Apache-2.0

/// Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): a piece starts as single characters; the adjacent pair
/// that stands first in the list of merges joins, leftmost first, until no pair is in the list.
struct BPEModel: Sendable {
  let vocabulary: Vocabulary
  let merges: MergeTable
  /// Put behind a piece's last character, such as `</w>`.
  let endOfWordSuffix: [UInt8]
  /// Put before every character but the first, such as `##`.
  let continuingPrefix: [UInt8]
  /// Stands for characters that the vocabulary lacks; without it they are dropped.
  private(set) var unknown: Int32?
  /// Whether adjacent unknown characters become one token.
  let fusesUnknown: Bool
  /// Whether a piece that is a token itself is taken as it is.
  let ignoresMerges: Bool

  /// The same model, which drops what it does not know.
  var withoutUnknown: Self {
    var model = self
    model.unknown = nil
    return model
  }

  /// Memory that is used again from piece to piece.
  struct Workspace {
    fileprivate var symbol: [UInt8] = []
    fileprivate var ids: [Int32] = []
    fileprivate var previous: [Int32] = []
    fileprivate var next: [Int32] = []
    fileprivate var queue = MinHeap()
  }

  /// Appends the ids of one piece (valid UTF-8, not empty). O(n log n) for n characters.
  func encode(_ piece: Span<UInt8>, into ids: inout [Int32], using workspace: inout Workspace) {
    if ignoresMerges, let id = vocabulary.id(of: piece) {
      ids.append(id)
      return
    }
    split(piece, &workspace)
    merge(&workspace)
    var at: Int32 = workspace.ids.isEmpty ? -1 : 0
    while at >= 0 {
      ids.append(workspace.ids[Int(at)])
      at = workspace.next[Int(at)]
    }
  }

  /// Looks up the piece's characters.
  private func split(_ piece: Span<UInt8>, _ workspace: inout Workspace) {
    workspace.ids.removeAll(keepingCapacity: true)
    var at = 0
    var lastIsUnknown = false
    while at < piece.count {
      let end = at + ValidUTF8.length(piece[at])
      let isDecorated =
        (at > 0 && !continuingPrefix.isEmpty) || (end == piece.count && !endOfWordSuffix.isEmpty)
      let id: Int32?
      if isDecorated {
        workspace.symbol.removeAll(keepingCapacity: true)
        if at > 0 { workspace.symbol.append(contentsOf: continuingPrefix) }
        for index in at..<end { workspace.symbol.append(piece[index]) }
        if end == piece.count { workspace.symbol.append(contentsOf: endOfWordSuffix) }
        id = vocabulary.id(of: workspace.symbol.span)
      } else {
        id = vocabulary.id(of: piece.extracting(at..<end))
      }
      if let id {
        workspace.ids.append(id)
      } else if let unknown, !(fusesUnknown && lastIsUnknown) {
        workspace.ids.append(unknown)
      }
      lastIsUnknown = id == nil
      at = end
    }
  }

  /// Joins pairs until none is left; the symbols stay a linked list in `ids`, `previous` and `next`.
  private func merge(_ workspace: inout Workspace) {
    let count = workspace.ids.count
    workspace.previous.removeAll(keepingCapacity: true)
    workspace.next.removeAll(keepingCapacity: true)
    for index in 0..<count {
      workspace.previous.append(Int32(index - 1))
      workspace.next.append(index + 1 < count ? Int32(index + 1) : -1)
    }
    for left in 0..<max(0, count - 1) { enqueue(left, left + 1, &workspace) }
    while let (rank, position) = workspace.queue.popFirst() {
      // Entries go stale when a neighbour is merged away. The reference compares what the pair would become, not its
      // rank; the difference shows where two pairs become the same token.
      let right = Int(workspace.next[position])
      guard right >= 0, workspace.ids[position] >= 0,
        let current = merges.rank(workspace.ids[position], workspace.ids[right]),
        merges.result(current) == merges.result(rank)
      else { continue }
      workspace.ids[position] = merges.result(rank)
      workspace.ids[right] = -1
      let following = workspace.next[right]
      workspace.next[position] = following
      if following >= 0 {
        workspace.previous[Int(following)] = Int32(position)
      }
      if workspace.previous[position] >= 0 {
        enqueue(Int(workspace.previous[position]), position, &workspace)
      }
      if following >= 0 { enqueue(position, Int(following), &workspace) }
    }
  }

  private func enqueue(_ left: Int, _ right: Int, _ workspace: inout Workspace) {
    if let rank = merges.rank(workspace.ids[left], workspace.ids[right]) {
      workspace.queue.insert(rank: rank, position: left)
    }
  }
}

/// A binary heap of merges to do: lowest rank first, then lowest position.
private struct MinHeap {
  private var entries: [UInt64] = []

  mutating func insert(rank: MergeTable.Rank, position: Int) {
    var child = entries.count
    let entry = UInt64(rank) << 32 | UInt64(position)
    entries.append(entry)
    while child > 0, entries[(child - 1) / 2] > entry {
      entries[child] = entries[(child - 1) / 2]
      child = (child - 1) / 2
    }
    entries[child] = entry
  }

  mutating func popFirst() -> (rank: MergeTable.Rank, position: Int)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    if !entries.isEmpty { siftDown(last) }
    return (MergeTable.Rank(first >> 32), Int(first & 0xFFFF_FFFF))
  }

  private mutating func siftDown(_ entry: UInt64) {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      guard entries[child] < entry else { break }
      entries[parent] = entries[child]
      parent = child
    }
    entries[parent] = entry
  }
}
