// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// The best candidates of a scan, in no order, and the score that another one must beat.
///
/// Twice as many as are wanted fit; when they are there the better half stays, by quickselect: O(1) a candidate.
struct CandidateBuffer: ~Copyable {
  /// A candidate at or below this is not among the best.
  private(set) var threshold = -Float.infinity
  private(set) var count = 0
  private let wanted: Int
  private let storage: UnsafeMutableBufferPointer<Candidate>
  /// So many candidates one call may add before the buffer is cut.
  private static let room = 1024

  /// Keeps the best `wanted` candidates.
  init(keeping wanted: Int) {
    self.wanted = max(wanted, 1)
    storage = .allocate(capacity: 2 * self.wanted + Self.room)
  }

  deinit { storage.deallocate() }

  /// Lets `scan` write candidates above the threshold into free places, at least ``room`` of them, and takes them.
  mutating func append(_ scan: (_ threshold: Float, _ room: UnsafeMutableBufferPointer<Candidate>) -> Int) {
    count += scan(threshold, UnsafeMutableBufferPointer(rebasing: storage[count...]))
    if count >= 2 * wanted { cut() }
  }

  /// Drops all but the best, and calls `body` with them.
  mutating func withBest<Result>(_ body: (UnsafeMutableBufferPointer<Candidate>) -> Result) -> Result {
    cut()
    return body(UnsafeMutableBufferPointer(rebasing: storage[..<count]))
  }

  private mutating func cut() {
    guard count > wanted else { return }
    CodeKernels.current.keepBest(UnsafeMutableBufferPointer(rebasing: storage[..<count]), wanted)
    count = wanted
    threshold = storage[wanted - 1].score
  }
}

extension Candidate {
  /// Score falling, then id rising. NaN is worse than any number.
  @inline(__always)
  func precedes(_ other: Candidate) -> Bool {
    if score != other.score { return score > other.score || (other.score.isNaN && !score.isNaN) }
    return id < other.id
  }
}
