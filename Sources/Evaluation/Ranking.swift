// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import LinearAlgebra
import VectorIndexes

/// Which parts of a query are asked with: all three over the same annotations tell what composing is worth.
package enum QueryMode: String, Sendable, CaseIterable {
  /// Picture and text.
  case composed
  /// The picture alone.
  case image
  /// The text alone.
  case text
}

/// How one query's pictures came out.
package struct RankedAnswer: Sendable {
  /// The query's place in its part.
  package let query: Int
  /// Names of the best, best first.
  package let best: [String]
  /// Names of the query's subset, best first.
  package let subset: [String]
  /// nil where the annotations hold no answer.
  package let outcome: Outcome?
}

/// Exact rankings of one gallery: float32 dot products, ties by the gallery's order.
struct Ranking: Sendable {
  /// Queries that are ranked together; each of them ranks the whole gallery.
  private static let batch = 16
  /// So many names of a ranking are kept.
  private static let keptDepth = 50

  private let part: Benchmark.Part
  private let search: VectorSearch

  /// - Parameter gallery: unit vectors, `[part.galleryCount, dimension]`.
  init(_ part: Benchmark.Part, gallery: [Float], dimension: Int) throws {
    self.part = part
    let vectors = try FreshVectors(
      dimension: dimension, storage: .float32,
      keys: (0..<part.galleryCount).map { VectorKey(item: Int64($0)) },
      rows: gallery)
    search = try VectorSearch(dimension: dimension, sources: [VectorSource(vectors)])
  }

  /// Ranks the gallery for each query, given by its place and its unit vector.
  ///
  /// - Complexity: O(queries · gallery · (dimension + log gallery)).
  func answers(
    to queries: [(place: Int, vector: [Float])], progress: @Sendable (Int) -> Void
  ) async throws -> [RankedAnswer] {
    var answers: [RankedAnswer] = []
    for start in stride(from: 0, to: queries.count, by: Self.batch) {
      try Task.checkCancellation()
      progress(start)
      let batch = Array(queries[start..<min(start + Self.batch, queries.count)])
      answers += try await ComputePool.shared.run {
        let ranked = try search.neighbors(
          ofEach: batch.flatMap(\.vector), count: batch.count, k: part.galleryCount)
        return zip(batch, ranked).map { answer(to: $0.place, $1) }
      }
    }
    return answers
  }

  private func answer(to place: Int, _ neighbors: [Neighbor]) -> RankedAnswer {
    let query = part.queries[place]
    let removed = query.removesReference ? query.reference : nil
    let ranking = neighbors.lazy.map { Int($0.item) }.filter { $0 != removed }
    let members = Set(query.subset)
    let subset = members.isEmpty ? [] : ranking.filter { members.contains($0) }.map(\.self)
    var outcome: Outcome?
    if !query.relevant.isEmpty {
      outcome = Outcome(of: query.relevant, target: query.target, in: ranking)
      outcome?.subsetRank = query.target.flatMap { subset.firstIndex(of: $0) }.map { $0 + 1 }
    }
    return RankedAnswer(
      query: place, best: ranking.prefix(Self.keptDepth).map { part.pictures[$0].name },
      subset: subset.map { part.pictures[$0].name }, outcome: outcome)
  }
}
