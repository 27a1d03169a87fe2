// SPDX-License-Identifier: Apache-2.0
// C's `stdout` is a variable.
@preconcurrency import Glibc
import Search
import Synchronization

/// What `duet index --watch` tells: a line for each update that did something, and trouble once.
final class WatchReport: Sendable {
  private struct State {
    /// Skipped files and kept roots that were told already: an update may meet them again.
    var told: Set<String> = []
    var wasInterrupted = false
  }

  private let location: LibraryLocation
  private let model: String
  private let isQuiet: Bool
  private let isVerbose: Bool
  private let isJSON: Bool
  private let progress: ProgressLine
  private let state: Mutex<State>

  /// - Parameter first: what the run before the watch told.
  init(
    location: LibraryLocation, model: String, first: Ingestor.Report, isQuiet: Bool, isVerbose: Bool,
    isJSON: Bool
  ) {
    (self.location, self.model) = (location, model)
    (self.isQuiet, self.isVerbose, self.isJSON) = (isQuiet, isVerbose, isJSON)
    progress = ProgressLine(isWanted: !isQuiet)
    state = Mutex(State(told: Set(first.skipped.map(Self.line) + first.summary.guardedRoots)))
  }

  /// Whether an update was cut short.
  var wasInterrupted: Bool { state.withLock { $0.wasInterrupted } }

  /// Tells one event.
  func tell(_ event: LibraryWatch.Event) {
    if case .progress(let done) = event { return progress.update(done) }
    progress.clear()
    switch event {
    case .progress: break
    case .note(let text): if !isQuiet { Diagnostics.note(text) }
    case .failed(let error): Diagnostics.note("\(error); trying again until it works")
    case .updated(let report, let duration): tell(report, duration)
    }
  }

  private func tell(_ report: Ingestor.Report, _ duration: Duration) {
    let lines = report.skipped.map(Self.line) + report.summary.guardedRoots
    let new = state.withLock { state in
      if report.summary.wasInterrupted { state.wasInterrupted = true }
      return lines.filter { state.told.insert($0).inserted }
    }
    let summary = report.summary
    let didNothing = summary.indexed + summary.moved + summary.removed + summary.recaptioned == 0
    guard !didNothing || !new.isEmpty || summary.wasInterrupted else { return }
    let output = IndexReport(report: report)
    if !isQuiet {
      let shown = isVerbose ? new[...] : new.prefix(IndexReport.shownSkips)
      shown.forEach { Diagnostics.line($0) }
      if shown.count < new.count {
        Diagnostics.line("… and \((new.count - shown.count).grouped) more: see 'duet info --skipped'")
      }
      Diagnostics.line(output.watchLine)
    }
    guard isJSON else { return }
    print(JSONText(report, location: location, model: model, duration: duration).text)
    // Whoever reads along does not wait for a buffer to be full.
    fflush(stdout)
  }

  private static func line(_ skip: SkippedFile) -> String { "skipped \(skip.path): \(skip.reason)" }
}

extension IndexReport {
  /// An update of a watch: the summary, with the captions that changed.
  fileprivate var watchLine: String {
    report.summary.recaptioned > 0
      ? summaryLine + ", recaptioned \(report.summary.recaptioned.grouped)" : summaryLine
  }
}
