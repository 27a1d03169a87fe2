// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Glibc
import Search
import Synchronization

/// One line at the bottom of a terminal that says how far a long run has come; nothing at all elsewhere, or
/// where the terminal is dumb.
///
/// Written to standard error, redrawn at most ten times a second, with the rate and the time left once there is enough
/// to judge by.
final class ProgressLine: Sendable {
  private struct State {
    var lastDrawn: ContinuousClock.Instant?
    /// What is being counted, and since when: pictures, then captions or queries.
    var counting: (what: String, since: ContinuousClock.Instant)?
    var isShown = false
  }

  private let state = Mutex(State())
  private let isEnabled: Bool

  /// - Parameter isWanted: false for `--quiet`.
  init(isWanted: Bool) {
    isEnabled = isWanted && isatty(STDERR_FILENO) == 1 && Process.environment("TERM") != "dumb"
  }

  /// Shows `progress`, unless the line was drawn a moment ago.
  func update(_ progress: IngestProgress) {
    switch progress {
    case .walking(let files): show { "looking for pictures: \(files.grouped)" }
    case .embedding(let done, let total): count(done, of: total, "pictures")
    case .captioning(let done, let total): count(done, of: total, "pictures' captions")
    case .merging: show { "merging segments" }
    case .calibrating: show { "measuring this library's noise" }
    }
  }

  /// Shows `progress`, unless the line was drawn a moment ago.
  func update(_ progress: EvaluationProgress) {
    switch progress {
    case .reading(let done, let total): count(done, of: total, "files read")
    case .embedding(let done, let total): count(done, of: total, "pictures")
    case .asking(let done, let total): count(done, of: total, "queries")
    }
  }

  /// Shows how many queries of an audit have been asked, unless the line was drawn a moment ago.
  func update(asked done: Int, of total: Int) { count(done, of: total, "queries") }

  /// Wipes the line, so that what follows starts on a clean one.
  func clear() {
    state.withLock { state in
      guard state.isShown else { return }
      state.isShown = false
      draw("")
    }
  }

  private func draw(_ text: String) {
    Diagnostics.write("\r\u{1B}[K" + text)
  }

  private func show(_ text: () -> String) {
    guard isEnabled else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      if let last = state.lastDrawn, now - last < .milliseconds(100) { return }
      state.lastDrawn = now
      state.isShown = true
      draw(text())
    }
  }

  /// "1,024 of 3,627 pictures, 85 a second, 31 s left".
  private func count(_ done: Int, of total: Int, _ what: String) {
    let now = ContinuousClock.now
    let since = state.withLock { state in
      if let counting = state.counting, counting.what == what { return counting.since }
      state.counting = (what, now)
      return now
    }
    show {
      let text = "\(done.grouped) of \(total.grouped) \(what)"
      let elapsed = (now - since).seconds
      guard done > 0, elapsed > 1 else { return text }
      let rate = Double(done) / elapsed
      let left =
        done < total ? ", \(Duration.seconds(Double(total - done) / rate).inWords) left" : ""
      return text + ", \(rate.formatted(digits: rate < 10 ? 1 : 0)) a second" + left
    }
  }
}

extension Duration {
  /// "2 h 05 min", "3 min", "20 s".
  var inWords: String {
    let whole = Int(seconds.rounded(.up))
    if whole >= 3600 {
      let minutes = whole % 3600 / 60
      return "\(whole / 3600) h \(minutes < 10 ? "0" : "")\(minutes) min"
    }
    return whole >= 60 ? "\(whole / 60) min" : "\(whole) s"
  }
}

extension Int {
  /// With a comma between thousands: 49,002.
  var grouped: String {
    var digits = Array(String(magnitude))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (self < 0 ? "-" : "") + String(digits)
  }
}

extension Double {
  /// With a fixed number of decimal digits, in no locale.
  func formatted(digits: Int) -> String {
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    guard isFinite, magnitude * Double(scale) < 9e15 else { return "\(self)" }
    let scaled = Int((magnitude * Double(scale)).rounded())
    let sign = self < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return sign + String(scaled) }
    let fraction = String(scaled % scale)
    return sign + "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
