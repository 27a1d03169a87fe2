// SPDX-License-Identifier: Apache-2.0
import Catalog
import Search
import VectorIndexes

extension RecallAudit {
  /// For people: a table, and what it says where there is nothing to choose.
  var lines: [String] {
    guard !measurements.isEmpty else { return ["recall: there are no vectors to ask with"] }
    let header = ["", "--recall", "recall@\(Self.k)", "median", "99 %", "looked through"]
    let table = Columns(rows: [header] + measurements.map(\.cells)).text
    var lines = [""] + table.split(separator: "\n").map(String.init)
    if measurements.allSatisfy({ $0.plan.probed == 0 }) {
      lines += ["", "every search here reads all vectors, and is exact: there are too few of them for lists"]
    }
    return lines
  }

  /// For programs.
  var json: JSONText { .array(measurements.map(\.json)) }
}

extension RecallAudit.Measurement {
  fileprivate var cells: [String] {
    [
      "\(direction.from.plural) → \(direction.target.plural)", wanted.defaultValueDescription,
      recall.formatted(digits: 4), median.inMilliseconds, percentile99.inMilliseconds, planInWords,
    ]
  }

  private var planInWords: String {
    let (probed, scanned) = plan
    if probed == 0 { return "everything" }
    let lists = "lists of \(probed.grouped) \(probed == 1 ? "segment" : "segments")"
    return scanned == 0 ? lists : "\(lists), all of \(scanned.grouped) more"
  }

  fileprivate var json: JSONText {
    [
      "queries": .string(direction.from.rawValue), "among": .string(direction.target.rawValue),
      "wanted": .string(wanted.defaultValueDescription), "recall": .number(recall),
      "medianMilliseconds": .number(median.seconds * 1e3),
      "percentile99Milliseconds": .number(percentile99.seconds * 1e3), "paths": .strings(paths),
    ]
  }
}

extension VectorField {
  fileprivate var plural: String { self == .image ? "pictures" : "captions" }
}

extension Duration {
  /// "0.064 ms", "2.81 ms", "12.3 ms".
  fileprivate var inMilliseconds: String {
    let milliseconds = seconds * 1e3
    return "\(milliseconds.formatted(digits: milliseconds < 1 ? 3 : milliseconds < 10 ? 2 : 1)) ms"
  }
}
