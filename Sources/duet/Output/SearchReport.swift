// SPDX-License-Identifier: Apache-2.0
import Catalog
import Search
import SystemPackage

/// An answer as text: paths, a table for people, or JSON.
struct SearchReport {
  let result: SearchResult
  /// Paths below it are shown from here.
  let workingDirectory: FilePath

  /// The hits' paths, as a command in the working directory takes them.
  var paths: [String] { result.hits.map { shown($0.path) } }

  private func shown(_ path: FilePath) -> String {
    var relative = path
    return relative.removePrefix(workingDirectory) && !relative.isEmpty ? relative.string : path.string
  }

  // MARK: - For people

  /// A line for each hit: what the order goes by, the loudest field's cosine and z, where it was found, path and what
  /// is said of it; explanations below their hits.
  func table(style: Style) -> String {
    var lines: [String] = result.plan.map { planLines($0).map(style.dim) } ?? []
    if !lines.isEmpty, !result.hits.isEmpty { lines.append("") }
    guard !result.hits.isEmpty else { return lines.joined(separator: "\n") }
    let paths = self.paths.map(\.onOneLine)
    let found = result.hits.map(SearchReport.sources)
    let pathWidth = min(paths.map(\.displayWidth).max() ?? 0, 60)
    let foundWidth = max(found.map(\.count).max() ?? 0, 5)
    lines.append(
      style.dim(
        " SCORE  COSINE      Z  \("FOUND".padded(to: foundWidth))  \("PATH".padded(to: pathWidth))  CAPTION"))
    for ((hit, path), found) in zip(zip(result.hits, paths), found) {
      let cosine = hit.score.map { Double($0).formatted(digits: 3) } ?? ""
      let z = hit.z.map { Double($0).formatted(digits: 1) } ?? ""
      let caption = (hit.captions.first ?? "").shortened(to: 80).printable
      let numbers = "\(right(score(hit), 6))  \(right(cosine, 6))  \(right(z, 5))"
      var line = "\(numbers)  \(found.padded(to: foundWidth))  \(style.bold(path))"
      if !caption.isEmpty {
        line +=
          String(repeating: " ", count: max(0, pathWidth - path.displayWidth)) + "  " + style.dim(caption)
      }
      lines.append(line)
      lines += explanationLines(hit).map { style.dim(String(repeating: " ", count: 23) + $0) }
    }
    return lines.joined(separator: "\n")
  }

  /// Sums of z have two digits; sums of reciprocal ranks are all below one.
  private func score(_ hit: Hit) -> String {
    hit.fused.formatted(digits: result.hits.allSatisfy { $0.fused < 0.1 } ? 4 : 2)
  }

  /// "image", "caption", "words"; "image+words": the field whose cosine is shown, and whether words say so, too.
  private static func sources(of hit: Hit) -> String {
    hit.source.rawValue + (hit.holdsWords && hit.source != .words ? "+words" : "")
  }

  /// What to know of an answer besides its hits.
  var closingWords: String {
    let summary = result.summary
    guard !result.hits.isEmpty else {
      let excluded = summary.excluded > 0 ? "; \(summary.excluded.grouped) were excluded" : ""
      guard summary.searched > 0 else {
        return "nothing found: no picture passes the filters, or none is indexed"
      }
      let remedy = summary.cut == .off ? "" : "; --cut off shows the nearest all the same"
      return "nothing found among \(summary.searched.grouped) pictures\(excluded)\(remedy)"
    }
    let found = (summary.isFoundCapped ? "at least " : "") + summary.found.grouped
    switch summary.cut {
    case .off: return "the best \(result.hits.count.grouped) of \(summary.searched.grouped) pictures"
    case .auto, .z:
      let more =
        summary.found > result.hits.count
        ? ", the first \(result.hits.count.grouped) shown (-k N shows more)" : ""
      return "\(found) of \(summary.searched.grouped) pictures\(more)"
    }
  }

  private func planLines(_ plan: QueryPlan) -> [String] {
    var lines = ["query: \(plan.kind.rawValue)" + (plan.composeRule.map { ", composed by \($0)" } ?? "")]
    for term in plan.terms {
      var line = "  \(term.role.rawValue)  \(term.label)  weight \(term.weight)"
      if let norm = term.norm { line += "  length \(Double(norm).formatted(digits: 2))" }
      if term.droppedTokens > 0 { line += "  (\(term.droppedTokens) tokens not read)" }
      lines.append(line.printable)
    }
    if !plan.words.isEmpty {
      let words = plan.words.map { "\($0.word) (\($0.items.grouped)\($0.isRare ? ", rare" : ""))" }
      lines.append("  words  " + words.joined(separator: " ").printable)
    }
    for list in plan.lists {
      var line =
        "  \(list.source.rawValue)  \(list.passing.grouped) of \(list.ranked.grouped) stand, weight \(list.weight)"
      if let null = list.null {
        line +=
          ", unrelated \(Double(null.typicalScore).formatted(digits: 3)) ± "
          + "\(Double(null.standardDeviation).formatted(digits: 3))"
      }
      lines.append(line)
      lines += list.paths.map { "    " + $0 }
    }
    return lines + ["  cut \(plan.cut), merged by \(plan.fusion.name)"]
  }

  private func explanationLines(_ hit: Hit) -> [String] {
    guard let explanation = hit.explanation else { return [] }
    var lines: [String] = explanation.lists.map { share in
      "\(share.source.rawValue): rank \(share.rank), \(Double(share.score).formatted(digits: 3)), "
        + "z \(Double(share.z).formatted(digits: 1)), adds \(share.value.formatted(digits: 3))"
    }
    lines += explanation.terms.map { term in
      "\(term.label): cosine \(Double(term.cosine).formatted(digits: 3))"
        + (term.share.map { ", share \(Double($0).formatted(digits: 3))" } ?? "")
    }
    if !explanation.words.isEmpty { lines.append("holds: " + explanation.words.joined(separator: " ")) }
    return lines.map(\.printable)
  }

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension SearchReport {
  /// An object for each hit, then the summary. The same query on the same library gives the same bytes.
  var jsonLines: [JSONText] {
    result.hits.enumerated().map { JSONText(hit: $1, rank: $0 + 1) } + [JSONText(summaryOf: result)]
  }
}
