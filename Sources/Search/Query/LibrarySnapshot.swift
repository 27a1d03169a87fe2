// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import Embedders
import Synchronization
package import SystemPackage
package import VectorIndexes

/// A library in the state of one commit, with all that a query needs: immutable, so that any number of queries read it
/// without a lock.
package final class LibrarySnapshot: Sendable {
  /// What the vectors are of; read for items, words and filters.
  package let catalog: CatalogStore
  /// The commit.
  package let state: CatalogSnapshot
  /// The model that made the vectors; nil when it is not here.
  package let embedder: (any Embedder)?
  /// Why there is no ``embedder``, and what to do about it.
  package let missingModel: String?
  /// The embeddings of the pictures.
  package let image: VectorSearch
  /// The embeddings of the captions.
  package let caption: VectorSearch
  /// Where the roots are, absolute.
  package let rootPaths: [RootID: FilePath]

  private let cache: Mutex<Cache>

  private struct Cache {
    /// The filters of the last queries and what they allow; the commit is the snapshot's own.
    var selections: [(filters: [CatalogFilter], selection: Selection)] = []
    /// Nulls by field and kind; `.some(nil)` where the library is too small for one.
    var nulls: [NullKey: NullDistribution?] = [:]
    var areNullsComputed = false
    var samples: [VectorField: VectorSample] = [:]
  }

  private struct NullKey: Hashable {
    var field: VectorField
    var kind: QueryKind
  }

  package init(
    catalog: CatalogStore, state: CatalogSnapshot, embedder: (any Embedder)?, missingModel: String? = nil,
    image: VectorSearch, caption: VectorSearch, rootPaths: [RootID: FilePath]
  ) {
    self.catalog = catalog
    self.state = state
    self.embedder = embedder
    self.missingModel = missingModel
    self.image = image
    self.caption = caption
    self.rootPaths = rootPaths
    cache = Mutex(Cache())
  }

  /// The vectors of a field.
  package func vectors(of field: VectorField) -> VectorSearch { field == .image ? image : caption }

  /// The items that pass all filters; nil when every item does. Kept for the queries that follow.
  func selection(_ filters: [CatalogFilter]) throws -> Selection? {
    let filters = filters.filter { !$0.isEmpty }
    guard !filters.isEmpty else { return nil }
    if let known = cache.withLock({ $0.selections.first { $0.filters == filters } }) {
      return known.selection
    }
    var items = try catalog.items(matching: filters[0])
    for filter in filters.dropFirst() {
      let others = Set(try catalog.items(matching: filter))
      items.removeAll { !others.contains($0) }
    }
    let selection = Selection(items: items, image: image, caption: caption)
    cache.withLock { cache in
      if cache.selections.count >= 8 { cache.selections.removeFirst() }
      cache.selections.append((filters, selection))
    }
    return selection
  }

  /// What unrelated items score for one query in a field: the null of its kind, moved to where this query's scores sit.
  func null(_ field: VectorField, _ kind: QueryKind, for query: [Float]) throws -> NullDistribution? {
    guard let null = try null(field, kind) else { return nil }
    return null.adjusted(to: sample(of: field).scores(of: query))
  }

  /// The items of a field that stand for all of them; always the same.
  func sample(of field: VectorField) -> VectorSample {
    if let known = cache.withLock({ $0.samples[field] }) { return known }
    let sample = vectors(of: field).sample(atMost: Calibrator.sampleLimit)
    cache.withLock { $0.samples[field] = sample }
    return sample
  }

  /// What unrelated queries of a kind score in a field; nil when the library is too small to tell, or when it would
  /// take the missing model to find out.
  ///
  /// The catalog's, where it has one; otherwise computed once and kept in memory, since a reader may not write.
  func null(_ field: VectorField, _ kind: QueryKind) throws -> NullDistribution? {
    if let stored = state.calibration(of: field, kind: kind.rawValue), let null = NullDistribution(stored) {
      return null
    }
    let key = NullKey(field: field, kind: kind)
    let (known, isComputed) = cache.withLock { ($0.nulls[key], $0.areNullsComputed) }
    if let known { return known }
    if isComputed { return nil }
    let computed = try Calibrator(library: self).nulls()
    return cache.withLock { cache in
      cache.areNullsComputed = true
      for entry in computed { cache.nulls[NullKey(field: entry.field, kind: entry.kind)] = entry.null }
      return cache.nulls[key] ?? nil
    }
  }

  /// Where an item's file is.
  func path(of item: Item) -> FilePath {
    rootPaths[item.file.root].map { $0.pushing(item.file.path) } ?? item.file.path
  }
}
