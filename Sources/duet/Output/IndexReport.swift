// SPDX-License-Identifier: Apache-2.0
import Search

/// What a run of `duet index` tells when it is over.
struct IndexReport {
  let report: Ingestor.Report

  /// Skipped files that are named without being asked.
  static let shownSkips = 20
  /// So many pictures say how fast the stages are, without being asked.
  static let tellingCount = 100

  private var summary: IngestSummary { report.summary }

  /// "indexed 812, unchanged 49,002, moved 31, removed 4, skipped 3".
  var summaryLine: String {
    "indexed \(summary.indexed.grouped), unchanged \(summary.unchanged.grouped), moved \(summary.moved.grouped), "
      + "removed \(summary.removed.grouped), skipped \(report.skipped.count.grouped)"
  }

  /// "pictures a second: 142 read on one thread, 23 embedded, 2,104 saved", nil when none went through.
  private var stagesLine: String? {
    guard let read = report.stages.read.rate, let embed = report.stages.embed.rate,
      let save = report.stages.save.rate
    else { return nil }
    return "pictures a second: \(Self.rate(read)) read on one thread, \(Self.rate(embed)) embedded, "
      + "\(Self.rate(save)) saved"
  }

  /// Three digits.
  private static func rate(_ value: Double) -> String {
    value < 99.95 ? "\((value * 10).rounded() / 10)" : Int(value.rounded()).grouped
  }

  /// Writes it to standard error: what was skipped first, the summary last.
  func print(isVerbose: Bool) {
    let shown = isVerbose ? report.skipped[...] : report.skipped.prefix(Self.shownSkips)
    for skip in shown { Diagnostics.line("skipped \(skip.path): \(skip.reason)") }
    if shown.count < report.skipped.count {
      let rest = report.skipped.count - shown.count
      Diagnostics.line("… and \(rest.grouped) more: see 'duet info --skipped'")
    }
    for (format, count) in summary.unsupported.sorted(by: { $0.key < $1.key }) {
      Diagnostics.line("\(count.grouped) \(format) \(count == 1 ? "picture" : "pictures"): not supported yet")
    }
    for root in summary.guardedRoots { Diagnostics.note(root) }
    if summary.recaptioned > 0 {
      let pictures = summary.recaptioned == 1 ? "picture has" : "pictures have"
      Diagnostics.line("\(summary.recaptioned.grouped) \(pictures) other captions now")
    }
    if isVerbose || report.stages.embed.pictures >= Self.tellingCount, let stagesLine {
      Diagnostics.line(stagesLine)
    }
    Diagnostics.line(summaryLine)
    if summary.wasInterrupted {
      Diagnostics.note("interrupted: what is done is saved, the next 'duet index' goes on from there")
    }
  }
}
