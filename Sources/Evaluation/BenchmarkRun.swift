// SPDX-License-Identifier: Apache-2.0
import Compute
package import Embedders
import SystemPackage

/// Runs a benchmark with a model.
package struct BenchmarkRun: Sendable {
  /// Tokens of a composed query's text, as in BGE-VL's own evaluation; a text alone may fill the model's context.
  package static let composedTokens = 75
  private static let textBatch = 128

  private let embedder: any Embedder
  private let composeRule: ComposeRule
  private let modes: [QueryMode]
  private let pictures: PictureProjector
  private let progress: @Sendable (EvaluationProgress) -> Void

  /// - Parameters:
  ///   - composeRule: nil for the model's own.
  ///   - cache: nil to embed everything anew.
  package init(
    embedder: any Embedder, composeRule: ComposeRule? = nil, modes: [QueryMode] = QueryMode.allCases,
    cache: ProjectionCache?, progress: @escaping @Sendable (EvaluationProgress) -> Void = { _ in }
  ) {
    self.embedder = embedder
    self.composeRule = composeRule ?? embedder.composeRule
    self.modes = modes
    self.progress = progress
    pictures = PictureProjector(embedder: embedder, cache: cache, progress: progress)
  }

  /// Embeds, ranks, measures.
  ///
  /// - Throws: ``EvaluationError`` for pictures that are missing or unreadable; `CancellationError`.
  package func run(_ benchmark: Benchmark) async throws -> BenchmarkResult {
    guard embedder.embedsTexts || modes == [.image] else {
      throw EvaluationError("\(embedder.id) reads no texts: use --mode image, or another model")
    }
    let projected = try await pictures.project(
      benchmark.parts.flatMap { part in part.pictures.map(\.path) })
    var first = 0
    var asked = 0
    let total = modes.count * benchmark.parts.reduce(0) { $0 + $1.queries.count }
    var parts: [BenchmarkResult.Part] = []
    var cutTexts = 0
    for part in benchmark.parts {
      let rows = first..<first + part.pictures.count
      first = rows.upperBound
      let gallery = rows.prefix(part.galleryCount).flatMap { projected.embedding($0) }
      let ranking = try Ranking(part, gallery: gallery, dimension: embedder.dimension)
      var answers: [QueryMode: [RankedAnswer]] = [:]
      for mode in modes {
        let (vectors, cut) = try await vectors(of: part, mode) { projected[rows.lowerBound + $0] }
        cutTexts += mode == .image ? 0 : cut
        let before = asked
        answers[mode] = try await ranking.answers(to: vectors) {
          progress(.asking(done: before + $0, total: total))
        }
        asked += part.queries.count
      }
      parts.append(BenchmarkResult.Part(name: part.name, answers: answers))
    }
    return BenchmarkResult(
      benchmark: benchmark, model: embedder.id, composeRule: composeRule, modes: modes, parts: parts,
      cutTexts: cutTexts)
  }

  /// The unit vectors of the queries that have what a mode asks with, and how many texts were cut.
  private func vectors(
    of part: Benchmark.Part, _ mode: QueryMode, picture: (Int) -> [Float]
  ) async throws -> (vectors: [(place: Int, vector: [Float])], cutTexts: Int) {
    let places = part.queries.indices.filter { place in
      let query = part.queries[place]
      return (mode == .text || query.reference != nil) && (mode == .image || query.text != nil)
    }
    var texts: [[Float]] = []
    var cut = 0
    if mode != .image {
      (texts, cut) = try await project(
        places.compactMap { part.queries[$0].text },
        maxTokens: mode == .composed ? Self.composedTokens : nil)
    }
    let vectors = places.enumerated().map { row, place in
      var terms: [Embedding.Term] = []
      if mode != .text, let reference = part.queries[place].reference {
        terms.append(Embedding.Term(picture(reference)))
      }
      if mode != .image { terms.append(Embedding.Term(texts[row])) }
      // A single term has nothing to be added to: the rules agree.
      return (place: place, vector: Embedding.sum(terms, rule: composeRule).embedding)
    }
    return (vectors, cut)
  }

  private func project(_ texts: [String], maxTokens: Int?) async throws -> ([[Float]], cut: Int) {
    var rows: [[Float]] = []
    var cut = 0
    for start in stride(from: 0, to: texts.count, by: Self.textBatch) {
      try Task.checkCancellation()
      let batch = Array(texts[start..<min(start + Self.textBatch, texts.count)])
      let projected = try await ComputePool.shared.run {
        try embedder.projectTexts(readingSpecialTokens: batch, maxTokens: maxTokens)
      }
      rows += batch.indices.map { projected.projections[$0] }
      cut += projected.droppedTokens.count { $0 > 0 }
    }
    return (rows, cut)
  }
}

/// What a benchmark came to.
package struct BenchmarkResult: Sendable {
  /// One part's answers.
  package struct Part: Sendable {
    package let name: String
    package let answers: [QueryMode: [RankedAnswer]]
  }

  /// A line of the table.
  package struct Row: Sendable {
    /// The part's name, or ``meanName``.
    package let part: String
    package let mode: QueryMode
    package let measures: Measures
  }

  /// The name of the row that weighs all parts alike.
  package static let meanName = "mean"

  package let benchmark: Benchmark
  /// The model's name.
  package let model: String
  package let composeRule: ComposeRule
  package let modes: [QueryMode]
  package let parts: [Part]
  /// Texts that the model did not read to their ends, over all modes.
  package let cutTexts: Int

  /// The measures of each part and mode, then, for several parts, their unweighted mean.
  package var rows: [Row] {
    var rows: [Row] = []
    for part in parts {
      rows += modes.compactMap { mode in
        Measures(
          (part.answers[mode] ?? []).compactMap(\.outcome), recallDepths: benchmark.recallDepths,
          subsetDepths: benchmark.subsetDepths
        ).map { Row(part: part.name, mode: mode, measures: $0) }
      }
    }
    guard parts.count > 1 else { return rows }
    return rows
      + modes.compactMap { mode in
        Measures.mean(rows.filter { $0.mode == mode }.map(\.measures)).map {
          Row(part: Self.meanName, mode: mode, measures: $0)
        }
      }
  }
}
