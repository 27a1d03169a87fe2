// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
package import Embedders
package import Search

/// Asks a library queries with known answers, through the same engine as `duet search`.
package struct LibraryRun: Sendable {
  /// How every query is asked.
  package struct Options: Sendable {
    /// nil: as for a search, by the kind of query.
    package var sources: Set<HitSource>?
    package var fusion = Fusion.standard
    /// nil: as for a search, by the kind of query.
    package var cut: Cut?
    /// nil: the model's own.
    package var composeRule: ComposeRule?
    /// So many hits are looked at; what ranks behind counts as not found.
    package var depth = 100

    package init() {}
  }

  /// Recall is reported at these.
  package static let recallDepths = [1, 5, 10]

  private let library: LibrarySnapshot
  private let options: Options
  private let progress: @Sendable (EvaluationProgress) -> Void

  package init(
    library: LibrarySnapshot, options: Options,
    progress: @escaping @Sendable (EvaluationProgress) -> Void = { _ in }
  ) {
    self.library = library
    self.options = options
    self.progress = progress
  }

  /// Asks all queries, one after the other.
  ///
  /// - Throws: ``EvaluationError`` that names the line of a query that cannot be answered; `CancellationError`.
  package func run(_ queries: LibraryQueries) async throws -> LibraryResult {
    let terms = queries.queries.flatMap(\.terms)
    try await ComputePool.shared.run {
      // Else the first query would pay for reading the model in.
      try library.embedder?.warmUp(
        texts: terms.contains { $0.text != nil }, images: terms.contains { $0.text == nil })
    }
    let engine = QueryEngine(library: library)
    var answers: [LibraryResult.Answer] = []
    for (index, query) in queries.queries.enumerated() {
      try Task.checkCancellation()
      progress(.asking(done: index, total: queries.queries.count))
      answers.append(
        try await ComputePool.shared.run {
          do {
            return try ask(query, engine)
          } catch {
            throw EvaluationError("\(queries.file): line \(query.line): \(error)")
          }
        })
    }
    return LibraryResult(answers: answers)
  }

  private func ask(_ query: LibraryQueries.Query, _ engine: QueryEngine) throws -> LibraryResult.Answer {
    var request = SearchRequest(
      terms: query.terms, limit: options.depth, cut: options.cut, fusion: options.fusion)
    request.sources = options.sources
    request.composeRule = options.composeRule
    let started = ContinuousClock.now
    let result = try engine.search(request)
    let elapsed = ContinuousClock.now - started
    let ranking = result.hits.map(\.item.id).filter { !query.excluded.contains($0) }
    return LibraryResult.Answer(
      kind: query.kind, hitCount: ranking.count,
      outcome: query.relevant.isEmpty ? nil : Outcome(of: query.relevant, in: ranking),
      milliseconds: Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) * 1e-15)
  }
}

/// How a library answered.
package struct LibraryResult: Sendable {
  /// One query's answer.
  package struct Answer: Sendable {
    package let kind: String
    /// How many hits were returned, at most ``LibraryRun/Options/depth``.
    package let hitCount: Int
    /// nil for a query that nothing answers.
    package let outcome: Outcome?
    package let milliseconds: Double

    package init(kind: String, hitCount: Int, outcome: Outcome?, milliseconds: Double) {
      self.kind = kind
      self.hitCount = hitCount
      self.outcome = outcome
      self.milliseconds = milliseconds
    }
  }

  /// A line of the table.
  package struct Row: Sendable {
    package let kind: String
    package let queryCount: Int
    /// Over the queries that something answers; nil when there is none.
    package let measures: Measures?
    /// The share of queries that returned nothing.
    package let nothing: Double
    /// The mean share of right answers among the hits, over the queries that something answers and that returned
    /// something; nil when there is none.
    package let right: Double?
    /// Of the time from request to answer, in milliseconds.
    package let medianTime: Double
    package let slowTime: Double
  }

  /// The name of the row over all kinds.
  package static let allName = "all"

  package let answers: [Answer]

  package init(answers: [Answer]) {
    self.answers = answers
  }

  /// A row for each kind, the three that queries have by nature first, then one over all where there are several.
  package var rows: [Row] {
    let natural = QueryKind.allCases.map(\.rawValue)
    var kinds = natural.filter { kind in answers.contains { $0.kind == kind } }
    for answer in answers where !kinds.contains(answer.kind) { kinds.append(answer.kind) }
    let rows = kinds.compactMap { kind in row(kind, answers.filter { $0.kind == kind }) }
    return rows.count > 1 ? rows + [row(Self.allName, answers)].compactMap(\.self) : rows
  }

  private func row(_ name: String, _ answers: [Answer]) -> Row? {
    guard let median = Statistics.median(answers.map(\.milliseconds)),
      let slow = Statistics.percentile(0.95, of: answers.map(\.milliseconds))
    else { return nil }
    let shares = answers.compactMap { answer in
      answer.hitCount > 0 ? answer.outcome.map { Double($0.ranks.count) / Double(answer.hitCount) } : nil
    }
    return Row(
      kind: name, queryCount: answers.count,
      measures: Measures(answers.compactMap(\.outcome), recallDepths: LibraryRun.recallDepths),
      nothing: Double(answers.count { $0.hitCount == 0 }) / Double(answers.count),
      right: shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count), medianTime: median,
      slowTime: slow)
  }
}
