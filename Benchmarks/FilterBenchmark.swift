// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// Recall and speed of search under filters of every size, one JSON line a filter.
struct FilterBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filters",
    abstract: "Recall@10 and speed of search under filters, one JSON line a filter.",
    discussion: """
      FOLDER holds base.npy and queries.npy (float32 rows of length 1), and perhaps queries_text.npy. A filter allows a \
      share of the vectors: any (random), the nearest to a query and its like (near), the furthest from it (far), or those \
      on one side of a plane through all of them (half: the side where the query is not). "bound_us" is what a filtered \
      search may take: the exact scan of what is allowed, or the time without a filter times 1 / share, at most 16, \
      whichever is less; "ratio" the time over it.
      """)

  @Argument(help: "A folder of .npy files.")
  var folder: String

  @Option(help: "Shares of the vectors that are allowed, in percent.")
  var percent: [Double] = [0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 90, 100]

  @Option(help: "Filters of each kind and share.")
  var filters = 4

  @Option(help: "Queries under each filter.")
  var queries = 25

  func run() throws {
    let temporary = try TemporaryFolder()
    let base = try NumpyFile.base(of: folder)
    let path = temporary.path.appending("filters.duetvec")
    try base.writeSegment(to: path, storage: .float32, structure: .lists)
    let search = try VectorSearch(
      dimension: base.columns, sources: [VectorSource(Segment(path))], pool: ComputePool(threadCount: 1))
    try measurePreparation(search, count: base.rows)
    for set in NumpyFile.querySets(of: folder) {
      let asked = FilteredQueries(rows: set.rows, search: search, baseCount: base.rows)
      for kind in FilteredQueries.Kind.allCases {
        for share in percent.map({ $0 / 100 }) {
          try measure(asked, kind, share, set: set.name)
        }
      }
    }
  }

  /// The time of turning ids into bitmaps, and that of the first query, which counts what the lists hold of them.
  private func measurePreparation(_ search: VectorSearch, count: Int) throws {
    let query = search.sample(atMost: 1).vector(0)
    var random = RandomNumbers(seed: 3)
    let wanted = min(100_000, count / 2)
    let items = (0..<count).map { Int64($0) }.shuffled(using: &random).prefix(wanted)
    for (name, items) in [("sorted", items.sorted()), ("unsorted", Array(items))] {
      var filter = search.prepare(IDFilter(items: items))
      let times = try Measurement.alternating(
        seconds: 1,
        [
          { filter = search.prepare(IDFilter(items: items)) },
          { _ = try search.neighbors(of: query, k: 10, filter: filter, recall: .standard) },
        ])
      printLine([
        "set": "prepare", "ids": .count(wanted), "order": .text(name),
        "ms": .number((times[0].median * 1e3).digits(2)),
        "first_query_ms": .number((times[1].median * 1e3).digits(2)),
      ])
    }
  }

  private func measure(
    _ asked: FilteredQueries, _ kind: FilteredQueries.Kind, _ share: Double, set: String
  ) throws {
    var (found, expected) = (0, 0)
    var sums = (plain: 0.0, exact: 0.0, planned: 0.0)
    var path = ""
    for turn in 0..<filters {
      let (items, rows) = try asked.filter(kind, share, turn: turn, queryCount: queries)
      let filter = asked.search.prepare(IDFilter(items: items))
      path = asked.search.paths(k: 10, filter: filter, recall: .standard)[0]
      for row in rows {
        let query = asked.query(row)
        var (truth, answer): ([Neighbor], [Neighbor]) = ([], [])
        sums.plain += try warmTime { _ = try asked.search.neighbors(of: query, k: 10, recall: .standard) }
        sums.exact += try warmTime { truth = try asked.search.neighbors(of: query, k: 10, filter: filter) }
        sums.planned += try warmTime {
          answer = try asked.search.neighbors(of: query, k: 10, filter: filter, recall: .standard)
        }
        found += Set(answer).intersection(truth).count
        expected += truth.count
      }
    }
    let count = Double(filters * queries)
    let (plain, exact, planned) = (
      sums.plain / count * 1e6, sums.exact / count * 1e6, sums.planned / count * 1e6
    )
    let bound = min(exact, plain * min(1 / share, 16))
    printLine([
      "queries": .text(set), "filter": .text(kind.rawValue), "percent": .number("\(share * 100)"),
      "recall": .number((Double(found) / Double(max(1, expected))).digits(4)),
      "us": .number(planned.digits(1)),
      "exact_us": .number(exact.digits(1)), "unfiltered_us": .number(plain.digits(1)),
      "bound_us": .number(bound.digits(1)), "ratio": .number((planned / bound).digits(2)),
      "path": .text(path),
    ])
  }

  /// The best of three runs that follow one that is not counted: what each of them reads, the last one has read.
  private func warmTime(_ work: () throws -> Void) throws -> Double {
    try work()
    return try (0..<3).map { _ in try Measurement.timing(.wall, work) }.min() ?? 0
  }
}

/// Filters, and queries to go with them.
private struct FilteredQueries {
  enum Kind: String, CaseIterable {
    case random, near, half, far
  }

  let rows: NumpyFile
  let search: VectorSearch
  let baseCount: Int

  func query(_ row: Int) -> [Float] { rows.row(row, as: Float.self) }

  /// The items of a filter, and queries that it is correlated with as its kind says.
  func filter(_ kind: Kind, _ share: Double, turn: Int, queryCount: Int) throws -> (
    items: [Int64], rows: [Int]
  ) {
    let allowedCount = max(1, Int(share * Double(baseCount)))
    let anchor = turn * 37 % rows.rows
    let axis = kind == .half ? try commonAxis(query(anchor)) : query(anchor)
    let like = (0..<rows.rows).sorted { product(query($0), axis) > product(query($1), axis) }
    if kind == .random {
      var random = RandomNumbers(seed: UInt64(turn))
      let items = (0..<baseCount).map { Int64($0) }.shuffled(using: &random).prefix(allowedCount)
      return (Array(items), (0..<queryCount).map { ($0 * 31 + turn) % rows.rows })
    }
    let nearest = try search.neighbors(of: axis, k: baseCount).map(\.item)
    let items = kind == .near ? nearest.prefix(allowedCount) : nearest.suffix(allowedCount)
    return (Array(items), Array(like.prefix(queryCount)))
  }

  /// The direction in which a query differs from what all vectors have in common.
  private func commonAxis(_ query: [Float]) throws -> [Float] {
    let sample = search.sample(atMost: 2000)
    var mean = [Float](repeating: 0, count: query.count)
    for index in sample.items.indices {
      for (place, value) in sample.vector(index).enumerated() { mean[place] += value }
    }
    let length = product(mean, mean).squareRoot()
    let along = product(query, mean) / length
    return zip(query, mean).map { $0 - along * $1 / length }
  }

  private func product(_ one: [Float], _ other: [Float]) -> Float {
    zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
