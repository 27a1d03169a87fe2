// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files

/// Keeps an unmounted disk from looking like a thousand deletions.
///
/// A root whose device changed, that is empty, or that lost more than half of its pictures since the last run is not
/// pruned unless `--prune` says so.
struct RootGuard {
  /// Why pictures missing from this root should be kept, or nil when they may go.
  ///
  /// - Parameters:
  ///   - known: how many pictures the root has in the library, also where only a part of it was walked.
  ///   - missing: how many of them the walk did not meet, moved ones not counted.
  ///   - found: how many picture files the walk met.
  ///   - mayBeEmpty: whether it is no wonder that the walk met none.
  static func reasonToKeep(
    root: Root, device: UInt64, known: Int, missing: Int, found: Int, mayBeEmpty: Bool = false
  ) -> String? {
    guard missing > 0 else { return nil }
    if let lastDevice = root.device, lastDevice != Int64(bitPattern: device) {
      return "it is on another device than last time: is the disk mounted?"
    }
    if found == 0, !mayBeEmpty {
      return "it holds no pictures any more: is the disk mounted?"
    }
    if missing * 2 > known {
      return "\(missing) of its \(known) pictures are gone: is everything mounted?"
    }
    return nil
  }
}
