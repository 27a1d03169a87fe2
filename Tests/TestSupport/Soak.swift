// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How long random tests go on: `DUET_SOAK=100` makes them a hundred times as long, from another seed
/// (`Scripts/soak.sh`).
public enum Soak {
  /// 1 in everyday runs.
  public static let factor = ProcessInfo.processInfo.environment["DUET_SOAK"].flatMap { Int($0) } ?? 1

  /// So many cases today.
  public static func count(_ everyday: Int) -> Int { everyday * max(1, factor) }

  /// `everyday`, or in a soak one of its own that is printed, so that a failure can be repeated with `DUET_SEED`.
  public static func seed(_ everyday: UInt64, _ name: String = #function) -> UInt64 {
    if let given = ProcessInfo.processInfo.environment["DUET_SEED"].flatMap({ UInt64($0) }) { return given }
    guard factor > 1 else { return everyday }
    let seed = UInt64.random(in: 0 ... .max)
    print("\(name): DUET_SEED=\(seed)")
    return seed
  }
}
