// SPDX-License-Identifier: Apache-2.0
import Embedders
import Evaluation
import Search

/// How well a benchmark or a library was answered, for people and for programs.
struct EvaluationReport {
  /// What was evaluated, and how, in one line.
  let title: String
  /// The same for programs.
  let facts: [(String, JSONText)]
  private let rows: [Row]

  private struct Row {
    /// Part, mode; or kind.
    let names: [(String, String)]
    let queryCount: Int
    let measures: Measures?
    /// Names and cells of what only a library's rows have.
    var extra: [(name: String, key: String, cell: String, value: JSONText)] = []
  }

  /// The report of a benchmark.
  init(_ result: BenchmarkResult) {
    let benchmark = result.benchmark
    let galleries = benchmark.parts.map(\.galleryCount)
    title =
      "\(benchmark.name): \(result.model), \(result.composeRule.rawValue), \(benchmark.prompt.rawValue) prompt, "
      + "gallery of \(galleries.map(\.grouped).joined(separator: " + "))"
    facts = [
      ("benchmark", .string(benchmark.name)), ("model", .string(result.model)),
      ("compose_rule", .string(result.composeRule.rawValue)), ("prompt", .string(benchmark.prompt.rawValue)),
      ("gallery", .array(galleries.map(JSONText.int))),
    ]
    rows = result.rows.map { row in
      Row(
        names: [("part", row.part), ("query", row.mode.rawValue)], queryCount: row.measures.queryCount,
        measures: row.measures)
    }
  }

  /// The report of a library.
  init(_ result: LibraryResult, title: String, facts: [(String, JSONText)]) {
    self.title = title
    self.facts = facts
    rows = result.rows.map { row in
      Row(
        names: [("query", row.kind)], queryCount: row.queryCount, measures: row.measures,
        extra: [
          ("nothing", "nothing", Self.percent(row.nothing), .number(row.nothing)),
          ("right", "right", row.right.map(Self.percent) ?? "", row.right.map(JSONText.number) ?? .null),
          ("ms", "median_ms", row.medianTime.formatted(digits: 1), .number(row.medianTime)),
          ("p95 ms", "p95_ms", row.slowTime.formatted(digits: 1), .number(row.slowTime)),
        ])
    }
  }

  /// The title and a table of percentages with two decimals.
  var table: String {
    guard let first = rows.first else { return title }
    let model = rows.compactMap(\.measures).first
    let header =
      first.names.map(\.0) + ["queries"] + cells(model).map(\.name) + first.extra.map(\.name)
    let lines = rows.map { row in
      let measured = cells(row.measures).map(\.cell)
      let blanks = [String](repeating: "", count: cells(model).count - measured.count)
      return row.names.map(\.1) + [row.queryCount.grouped] + measured + blanks + row.extra.map(\.cell)
    }
    return title + "\n\n"
      + MarkdownTable(header: header, rows: lines, wordColumns: first.names.count).text
  }

  /// An object with the facts and the rows; shares lie in 0...1.
  var json: JSONText {
    .object(facts + [("rows", .array(rows.map(json)))])
  }

  private func cells(_ measures: Measures?) -> [(name: String, cell: String)] {
    guard let measures else { return [] }
    func each(_ name: String, _ values: [AtDepth]) -> [(name: String, cell: String)] {
      values.map { ("\(name)@\($0.depth)", Self.percent($0.value)) }
    }
    return each("R", measures.recall) + each("Rs", measures.subsetRecall)
      + [("(R@5+Rs@1)/2", measures.cirrAverage.map(Self.percent) ?? "")]
      + each("mAP", measures.precision)
      + [("median rank", measures.medianRank.map(Self.rank) ?? "")]
  }

  private func json(_ row: Row) -> JSONText {
    func each(_ values: [AtDepth]) -> JSONText {
      .object(values.map { (String($0.depth), .number($0.value)) })
    }
    var fields = row.names.map { ($0.0, JSONText.string($0.1)) }
    fields.append(("queries", .int(row.queryCount)))
    if let measures = row.measures {
      fields.append(("answerable", .int(measures.queryCount)))
      fields.append(("recall", each(measures.recall)))
      if !measures.subsetRecall.isEmpty { fields.append(("recall_subset", each(measures.subsetRecall))) }
      fields.append(("map", each(measures.precision)))
      // Infinite, it becomes null: most were not found.
      fields.append(("median_rank", measures.medianRank.map(JSONText.number) ?? .null))
    }
    fields += row.extra.map { ($0.key, $0.value) }
    return .object(fields)
  }

  private static func percent(_ share: Double) -> String { (share * 100).formatted(digits: 2) }

  private static func rank(_ rank: Double) -> String {
    rank.isFinite ? rank.formatted(digits: rank == rank.rounded() ? 0 : 1) : "not found"
  }
}
