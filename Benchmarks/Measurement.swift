// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What time is.
enum MeasuringClock {
  /// That of the wall.
  case wall
  /// What this process's threads have computed for: on one thread hardly anything of what other processes do shows in it.
  case processor

  /// Now, in seconds.
  var seconds: Double {
    var time = timespec()
    clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Times of one piece of work, in seconds, over several runs.
struct Measurement {
  let runs: [Double]

  /// Runs the pieces of `work` in turns, so that whatever else slows the machine down slows down all of them alike, until
  /// `seconds` have gone by, at least `atLeast` rounds, after one round that is not counted.
  static func alternating(
    seconds: Double, atLeast: Int = 3, clock: MeasuringClock = .wall, _ work: [() throws -> Void]
  ) throws -> [Measurement] {
    try alternating(seconds: seconds, atLeast: atLeast, pieces: work.count) {
      try timing(clock, work[$0])
    }
  }

  /// The same for pieces that time themselves.
  static func alternating(
    seconds: Double, atLeast: Int = 3, pieces: Int, _ timed: (Int) throws -> Double
  ) rethrows -> [Measurement] {
    for piece in 0..<pieces { _ = try timed(piece) }
    var runs = [[Double]](repeating: [], count: pieces)
    let start = MeasuringClock.wall.seconds
    while runs[0].count < atLeast || MeasuringClock.wall.seconds - start < seconds {
      for piece in 0..<pieces { runs[piece].append(try timed(piece)) }
    }
    return runs.map { Measurement(runs: $0.sorted()) }
  }

  static func timing(_ clock: MeasuringClock = .wall, _ work: () throws -> Void) rethrows -> Double {
    let start = clock.seconds
    try work()
    return clock.seconds - start
  }

  var median: Double { percentile(0.5) }
  var fastest: Double { runs.first ?? .nan }

  func percentile(_ share: Double) -> Double {
    guard !runs.isEmpty else { return .nan }
    return runs[min(runs.count - 1, Int(share * Double(runs.count)))]
  }
}

extension Double {
  /// "12.3", in no locale.
  func digits(_ count: Int) -> String {
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = Int((self * scale).rounded())
    guard count > 0 else { return String(scaled) }
    let fraction = String(abs(scaled) % Int(scale))
    let sign = scaled < 0 ? "-" : ""
    return "\(sign)\(abs(scaled) / Int(scale))." + String(repeating: "0", count: count - fraction.count)
      + fraction
  }
}
