// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra

/// The centroids of a segment's lists, and which two lists each row stands in.
struct ListChoice: Sendable {
  /// `[count, rows.dimension]`
  var centroids: [Float]
  /// `[rows.count]`
  var first: [UInt32]
  /// `[rows.count]`
  var second: [UInt32]

  init(centroids: [Float], first: [UInt32], second: [UInt32]) {
    self.centroids = centroids
    self.first = first
    self.second = second
  }

  /// Chooses from the rows alone.
  ///
  /// - Throws: what `progress` throws.
  init(_ rows: StoredRows, listCount: Int, pool: ComputePool, progress: (Double) throws -> Void) throws {
    let means = KMeans(rows: rows, pool: pool)
    centroids = try means.centroids(listCount) { try progress($0 * 0.6) }
    let all = (0..<rows.count).map { UInt32($0) }
    let assignment = try ListAssignment(means, centroids: centroids, of: all) {
      try progress(0.6 + $0 * 0.3)
    }
    (first, second) = (assignment.first, assignment.second)
  }
}

/// The lists of a segment that most rows of a new one come from: most of the work of choosing is done.
///
/// Rows keep the lists that they stood in, and added ones are assigned to the same centroids. Lists that grew far beyond
/// the mean are split in two, lists that lost most of their rows are given up, and only the rows of those look for others
/// (as SPFresh does, arXiv 2410.14452, where an index changes in place).
struct KeptLists {
  /// Of more added rows than this share the lists are made anew: the centroids were chosen without them.
  static let largestAddedShare = 0.3
  /// A list of more rows than the mean times this, which grew by ``growth``, is split.
  private static let largest = 2.0
  private static let growth = 1.25
  /// A list of less rows than the mean times this, which lost half of its own, is given up.
  private static let least = 0.125

  private let segment: Segment
  private let lists: InvertedLists
  /// The slot in `segment` of each new row; `added` for others.
  private let origins: [UInt32]
  static let added = UInt32.max

  /// nil when there is little to keep: no lists in `segment`, or many added rows.
  init?(of segment: Segment, origins: [UInt32]) {
    guard let lists = segment.table.lists, !origins.isEmpty else { return nil }
    let addedCount = origins.count { $0 == Self.added }
    guard Double(addedCount) <= Self.largestAddedShare * Double(origins.count) else { return nil }
    self.segment = segment
    self.lists = lists
    self.origins = origins
  }

  /// The lists of the new rows.
  ///
  /// - Throws: what `progress` throws.
  func choice(
    _ rows: StoredRows, rotation: Rotation, pool: ComputePool, progress: (Double) throws -> Void
  ) throws -> ListChoice {
    let means = KMeans(rows: rows, pool: pool)
    let old = assignment()
    var choice = ListChoice(
      centroids: centroids(rows, rotation), first: origins.map { old.first[$0] },
      second: origins.map { old.second[$0] })
    try assign(choice.unassigned, in: &choice, means) { try progress($0 * 0.5) }
    reshape(&choice, means, oldCounts: old.first.counts(lists.count))
    try assign(choice.unassigned, in: &choice, means) { try progress(0.5 + $0 * 0.4) }
    return choice
  }

  /// Where the old rows stand. A list's entries are the rows that it is the first list of, rising, then those that it is
  /// the second of; of rows that a damaged file has once or never, one list or both stay unknown.
  private func assignment() -> (first: Assigned, second: Assigned) {
    var (first, second) = (Assigned(count: segment.count), Assigned(count: segment.count))
    for list in 0..<lists.count {
      var (last, isSecond) = (-1, false)
      for slot in lists.blocks(of: list).flatMap(lists.entries) where slot < segment.count {
        if Int(slot) <= last { isSecond = true }
        last = Int(slot)
        if isSecond ? !second.isKnown(slot) : first.isKnown(slot) {
          second.set(slot, UInt32(list))
        } else {
          first.set(slot, UInt32(list))
        }
      }
    }
    return (first, second)
  }

  /// The old centroids, from their codes, in the space of `rows`.
  private func centroids(_ rows: StoredRows, _ rotation: Rotation) -> [Float] {
    var centroids: [Float] = []
    centroids.reserveCapacity(lists.count * rows.dimension)
    for list in 0..<lists.count {
      let code = lists.centroids + list * lists.codeDimension
      let rotated = (0..<lists.codeDimension).map { Float(code[$0]) * lists.centroidScales[list] }
      centroids += rows.storage == .int8 ? rotated : rotation.undone(rotated)
    }
    return centroids
  }

  /// Finds the lists of some rows.
  private func assign(
    _ slots: [UInt32], in choice: inout ListChoice, _ means: KMeans, progress: (Double) throws -> Void
  ) throws {
    guard !slots.isEmpty else { return }
    let found = try ListAssignment(means, centroids: choice.centroids, of: slots, progress: progress)
    for (index, slot) in slots.enumerated() {
      choice.first[Int(slot)] = found.first[index]
      choice.second[Int(slot)] = found.second[index]
    }
  }

  /// Splits lists that grew too large and gives up those that are nearly empty; rows of either are left without lists.
  private func reshape(_ choice: inout ListChoice, _ means: KMeans, oldCounts: [Int]) {
    let members = Members(choice.first, count: lists.count)
    let mean = Double(choice.first.count) / Double(lists.count)
    var centroids: [Float] = []
    /// The new number of each list that stays as it is.
    var numbers = [UInt32](repeating: Self.added, count: lists.count)
    let dimension = means.rows.dimension
    for list in 0..<lists.count {
      let (count, before) = (Double(members[list].count), Double(oldCounts[list]))
      if count < Self.least * mean, count < before / 2, lists.count > 1 { continue }
      if count > Self.largest * mean, count > Self.growth * before {
        centroids += means.centroids(2, of: Array(members[list])) { _ in }
      } else {
        numbers[list] = UInt32(centroids.count / dimension)
        centroids += choice.centroids[(list * dimension)..<((list + 1) * dimension)]
      }
    }
    guard centroids.count >= dimension else { return }
    choice.centroids = centroids
    for row in choice.first.indices {
      choice.first[row] = numbers[Int(choice.first[row])]
      choice.second[row] = numbers[Int(choice.second[row])]
    }
  }

  /// One list of each old slot, as far as it is known.
  private struct Assigned {
    private var lists: [UInt32]

    init(count: Int) { lists = [UInt32](repeating: KeptLists.added, count: count) }

    func isKnown(_ slot: UInt32) -> Bool { lists[Int(slot)] != KeptLists.added }

    mutating func set(_ slot: UInt32, _ list: UInt32) { lists[Int(slot)] = list }

    /// The list of a slot; ``KeptLists/added`` of what is none.
    subscript(slot: UInt32) -> UInt32 { Int(slot) < lists.count ? lists[Int(slot)] : KeptLists.added }

    /// How many slots each of `count` lists has.
    func counts(_ count: Int) -> [Int] {
      var counts = [Int](repeating: 0, count: count)
      for list in lists where Int(list) < count { counts[Int(list)] += 1 }
      return counts
    }
  }
}

extension ListChoice {
  /// The rows that miss a list.
  fileprivate var unassigned: [UInt32] {
    first.indices.filter { first[$0] == KeptLists.added || second[$0] == KeptLists.added }.map { UInt32($0) }
  }
}
