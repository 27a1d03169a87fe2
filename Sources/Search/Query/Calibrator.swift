// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Embedders
import VectorIndexes

/// Measures what queries score that have nothing to do with a library's items.
///
/// Scores of different fields and kinds of query are not comparable, and neither are those of two models, so each
/// (field, kind) has a null of its own: background texts, pairs of items, and background texts composed with items,
/// against a sample of the field. See ``NullDistribution``.
package struct Calibrator {
  /// A null, or that there are too few scores for one.
  package struct Entry: Sendable {
    package let field: VectorField
    package let kind: QueryKind
    package let null: NullDistribution
    /// Items of the field, to notice growth.
    package let itemCount: Int
  }

  /// At most so many items of a field are scored.
  package static let sampleLimit = 2_000
  /// At most so many items stand in for image queries.
  package static let queryLimit = 256
  /// A field that grew or shrank by more than this is measured anew.
  package static let staleGrowth = 0.25

  let library: LibrarySnapshot

  package init(library: LibrarySnapshot) {
    self.library = library
  }

  /// What the catalog should keep, or nothing when what it keeps will do. For the end of an ingest run.
  ///
  /// - Complexity: the background texts through the model, then O(queries · sample · d): a second or a few.
  package func calibrationsToStore(force: Bool = false) throws -> [Calibration] {
    guard force || isStale else { return [] }
    return try nulls().map { $0.null.calibration(field: $0.field, kind: $0.kind, items: $0.itemCount) }
  }

  /// Whether the kept calibrations are missing, or were made when the library was of quite another size.
  package var isStale: Bool {
    VectorField.allCases.contains { field in
      let now = library.vectors(of: field).vectorCount
      guard now > 0 else { return false }
      return QueryKind.allCases.contains { kind in
        guard let stored = library.state.calibration(of: field, kind: kind.rawValue) else {
          // Too few items for any null: nothing to miss.
          return now >= NullDistribution.smallestCount
        }
        guard let then = NullDistribution.itemCount(of: stored) else { return true }
        return abs(Double(now - then)) > Calibrator.staleGrowth * Double(max(then, 1))
      }
    }
  }

  /// Computes all nulls that there are enough items for, and for which the model is here.
  func nulls() throws -> [Entry] {
    let texts = try backgroundTexts()
    let pictures = library.image.sample(atMost: Calibrator.queryLimit)
    var entries: [Entry] = []
    for field in VectorField.allCases {
      let vectors = library.vectors(of: field)
      guard vectors.vectorCount > 0 else { continue }
      let sample = library.sample(of: field)
      for kind in QueryKind.allCases {
        let queries = queries(of: kind, texts: texts, pictures: pictures)
        guard !queries.isEmpty else { continue }
        let rows = queries.map { query in
          // A picture's own score says nothing about unrelated ones.
          zip(sample.items, sample.scores(of: query.vector)).compactMap { $0 == query.item ? nil : $1 }
        }
        if let null = NullDistribution(rows: rows) {
          entries.append(Entry(field: field, kind: kind, null: null, itemCount: vectors.vectorCount))
        }
      }
    }
    return entries
  }

  /// A stand-in for an unrelated query, and the item it was made of.
  private struct Query {
    var vector: [Float]
    var item: ItemID?
  }

  private func queries(of kind: QueryKind, texts: [[Float]], pictures: VectorSample) -> [Query] {
    switch kind {
    case .text:
      return texts.map { Query(vector: Embedding.unit($0), item: nil) }
    case .image:
      return pictures.items.indices.map { Query(vector: pictures.vector($0), item: pictures.items[$0]) }
    case .composed:
      guard !texts.isEmpty, let rule = library.embedder?.composeRule else { return [] }
      // A stored vector has lost its length; the library's typical one stands in.
      let norm = library.imageNorm ?? texts.reduce(0) { $0 + $1.length } / Float(texts.count)
      return pictures.items.indices.prefix(Calibrator.queryLimit / 2).map { index in
        let picture = pictures.vector(index).map { $0 * norm }
        let sum = Embedding.sum(
          [Embedding.Term(picture), Embedding.Term(texts[index % texts.count])], rule: rule)
        return Query(vector: sum.embedding, item: pictures.items[index])
      }
    }
  }

  /// The model's background texts, un-normalised; none without a model that reads texts.
  private func backgroundTexts() throws -> [[Float]] {
    guard let embedder = library.embedder, embedder.embedsTexts else { return [] }
    let projected = try embedder.projectTexts(embedder.backgroundTexts).projections
    return (0..<projected.count).map { projected[$0] }.filter { $0.normalized != nil }
  }
}

extension LibrarySnapshot {
  /// How long a picture's projection typically is before it is normalised; nil where ingest did not note it.
  ///
  /// Stored vectors are unit vectors. Where a model adds un-normalised projections, an item that stands in a query
  /// beside a text would count for nothing with length 1, so it is given this length.
  package var imageNorm: Float? {
    guard let space = state.space?.id, let lengths = try? ProjectionLengths(of: space, in: catalog),
      let mean = lengths.mean, mean.isFinite, mean > 0
    else { return nil }
    return mean
  }
}
