// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import VectorIndexes

/// Answers queries on one commit of a library.
///
///     let engine = QueryEngine(library: snapshot)
///     let result = try engine.search(SearchRequest(terms: [try .text("a dog on a beach")]))
///
/// Terms become one query vector, each field is searched with it, scores are read against their nulls, the lists are
/// cut and fused, excluded and sorted. The same request on the same commit gives the same answer, on any number of
/// threads. Calls compute and read: run them on a compute thread.
package struct QueryEngine: Sendable {
  package let library: LibrarySnapshot
  /// How deep the lists go that are fused: the same for every limit.
  let depth: Int

  package init(library: LibrarySnapshot) {
    self.init(library: library, depth: SearchRequest.largestLimit)
  }

  init(library: LibrarySnapshot, depth: Int) {
    self.library = library
    self.depth = depth
  }

  /// - Throws: ``SearchError``, and the errors of the model, the catalog and the index.
  package func search(_ request: SearchRequest) throws -> SearchResult {
    try request.validate()
    var run = try QueryRun(request, library: library, depth: depth)
    try run.collect()
    return try run.result()
  }
}

/// One query under way.
struct QueryRun {
  let request: SearchRequest
  let library: LibrarySnapshot
  let depth: Int
  let kind: QueryKind
  let cut: Cut
  let sources: Set<HitSource>
  let terms: TermVectors
  let composeRule: ComposeRule
  let composition: Composition?
  /// The terms of the composition's shares.
  let composedTerms: [Term]
  let selection: Selection?
  var lists = QueryLists()
  /// Hits taken away by exclude terms.
  var excludedCount = 0

  init(_ request: SearchRequest, library: LibrarySnapshot, depth: Int) throws {
    self.request = request
    self.library = library
    self.depth = depth
    kind = QueryRun.kind(of: request.terms)
    let hasAvoid = request.terms.contains { $0.role == .avoid }
    cut = request.cut ?? (kind == .text && !hasAvoid ? .auto : .off)
    terms = try TermVectors(request.terms, library: library)
    composeRule =
      request.composeRule ?? ComposeRule(rawValue: library.state.space?.identity.composeRule ?? "")
      ?? .unitSum
    let composed = try terms.composition(rule: composeRule)
    composition = composed?.sum
    composedTerms = composed?.terms ?? []
    sources = request.sources ?? QueryRun.sources(of: kind)
    selection = try library.selection(request.filters)
  }

  private static func kind(of terms: [Term]) -> QueryKind {
    let composed = terms.filter { $0.role != .exclude }
    let texts = composed.count { $0.text != nil }
    return texts == composed.count ? .text : texts == 0 ? .image : .composed
  }

  /// Where hits are looked for by default. Beside a picture a text says what is to change: its words may swap neighbours,
  /// the captions' vectors, which are near all that resembles the text, are not asked. `Benchmarks/decide.py` measures it.
  private static func sources(of kind: QueryKind) -> Set<HitSource> {
    kind == .text ? Set(HitSource.allCases) : [.image, .words]
  }

  /// Asks every source.
  mutating func collect() throws {
    lists.imageDecides = kind != .text && composition != nil && sources.contains(.image)
    if let composition {
      for field in fields {
        if let list = try neighbors(of: composition.vector, in: field) { lists.fields.append(list) }
      }
    }
    let wanted = request.terms.filter { $0.role == .want }.compactMap(\.text)
    guard !wanted.isEmpty, sources.contains(.words) else { return }
    var matches = try library.catalog.wordMatches(
      wanted.joined(separator: "\n"), limit: selection == nil ? depth : nil)
    if let selection { matches.hits.removeAll { !selection.contains($0.item) } }
    lists.words = matches
    lists.wordWeight = weight(of: .words)
  }

  /// The fields that are asked.
  private var fields: [VectorField] {
    VectorField.allCases.filter { sources.contains($0 == .image ? .image : .caption) }
  }

  private func weight(of source: HitSource) -> Double {
    SourceWeights.weight(of: source, kind: kind) * (request.sourceWeights[source] ?? 1)
  }

  private func neighbors(of vector: [Float], in field: VectorField) throws -> QueryLists.Field? {
    let vectors = library.vectors(of: field)
    let weight = weight(of: field == .image ? .image : .caption)
    guard vectors.vectorCount > 0, weight > 0 else { return nil }
    let filter = selection?.prepared(field)
    let neighbors = try vectors.neighbors(of: vector, k: depth, filter: filter, recall: request.recall)
    let population = filter?.vectorCount ?? vectors.vectorCount
    let fieldCount = fields.count { library.vectors(of: $0).vectorCount > 0 }
    let null = try library.null(field, kind, for: vector)
    return QueryLists.Field(
      field: field, null: null, neighbors: neighbors,
      // Two fields have two chances of a false hit.
      paths: request.explains ? vectors.paths(k: depth, filter: filter, recall: request.recall) : [],
      passing: cut.passing(
        neighbors.map(\.score), population: population * fieldCount, null: null,
        falseHitsComeTogether: field == .caption),
      population: population, weight: weight)
  }

  // MARK: - Excluding

  /// Takes away what exclude terms name, and the items that stand in the query themselves.
  private mutating func exclude(from survivors: inout Set<ItemID>) throws {
    for term in request.terms where term.role == .want {
      if case .item(let id) = term.content { survivors.remove(id) }
    }
    let before = survivors.count
    for entry in terms.entries where entry.term.role == .exclude {
      if let text = entry.term.text {
        survivors.subtract(try library.catalog.items(withPhrase: text))
      }
      if let vector = entry.vector { try excludeNeighbors(of: vector, entry.term, from: &survivors) }
    }
    excludedCount = before - survivors.count
  }

  private func excludeNeighbors(
    of vector: [Float], _ term: Term, from survivors: inout Set<ItemID>
  ) throws {
    let unit = Embedding.unit(vector)
    let excludedNull = try library.null(.image, term.text == nil ? .image : .text, for: unit)
    let queryNull = try composition.flatMap { try library.null(.image, kind, for: $0.vector) }
    let items = survivors.sorted()
    let excluded = try scores(of: unit, items)
    let queried = try composition.map { try scores(of: $0.vector, items) }
    for (item, score) in excluded {
      let isDropped = Exclusion.drops(
        excluded: score, query: queried?[item], excludedNull: excludedNull, queryNull: queryNull)
      if isDropped { survivors.remove(item) }
    }
  }

  /// The image field's scores of some items.
  private func scores(of vector: [Float], _ items: [ItemID]) throws -> [ItemID: Float] {
    let found = try library.image.scores(of: vector, items: items)
    return Dictionary(found.compactMap { $0 }.map { ($0.item, $0.score) }) { first, _ in first }
  }

  // MARK: - Ordering

  /// Fuses, excludes, sorts, and looks the best up.
  mutating func result() throws -> SearchResult {
    var survivors = lists.survivors(cut: cut)
    try exclude(from: &survivors)
    let fusionLists = lists.fusionLists()
    let isCalibrated = lists.fields.allSatisfy { $0.null != nil }
    let fusion = isCalibrated ? request.fusion : .uncalibrated
    let fused = fusion.merge(fusionLists, keeping: survivors)
    let shown = try ordered(fused)
    let isCapped = lists.fields.contains {
      $0.passing == $0.neighbors.count && $0.neighbors.count == depth && $0.population > depth
    }
    let summary = SearchSummary(
      searched: selection?.items.count ?? library.state.itemCount, found: fused.count,
      isFoundCapped: isCapped,
      isFollowed: !ordersTheBest && min(fused.count, SearchRequest.largestLimit) > request.end,
      excluded: excludedCount, cut: cut, generation: library.state.generation, notes: terms.notes)
    return SearchResult(
      hits: try HitLoader(self).hits(shown), summary: summary,
      plan: request.explains ? plan(fusion) : nil)
  }

  /// Whether not all hits are put in order but the best by relevance only: a sort orders all hits above the cut; without a
  /// cut there is no such set.
  private var ordersTheBest: Bool { request.sort == .relevance ? request.isReversed : cut == .off }

  /// The hits from the offset on, in the order that was asked for.
  private func ordered(_ fused: [Fusion.Fused]) throws -> ArraySlice<Fusion.Fused> {
    let candidates = ordersTheBest ? Array(fused.prefix(request.end)) : fused
    return try inOrder(candidates).dropFirst(request.offset).prefix(request.limit)
  }

  private func inOrder(_ candidates: [Fusion.Fused]) throws -> [Fusion.Fused] {
    guard let (order, descending) = request.sort.catalogOrder else {
      return request.isReversed ? candidates.reversed() : candidates
    }
    let places = Dictionary(
      uniqueKeysWithValues: candidates.enumerated().map { ($0.element.item, $0.offset) })
    let sorted = try library.catalog.sorted(
      candidates.map(\.item), by: order, descending: descending != request.isReversed)
    return sorted.compactMap { places[$0].map { candidates[$0] } }
  }

  private func plan(_ fusion: Fusion) -> QueryPlan {
    let fields = lists.fields.map { field in
      QueryPlan.ListPlan(
        source: field.field == .image ? .image : .caption, weight: field.weight,
        ranked: field.neighbors.count,
        passing: field.passing, null: field.null, paths: field.paths)
    }
    let words = lists.words.map { words in
      [
        QueryPlan.ListPlan(
          source: .words, weight: lists.wordWeight, ranked: words.hits.count,
          passing: lists.wordsPassing(cut).count, null: nil, paths: [])
      ]
    }
    return QueryPlan(
      kind: kind, composeRule: composeRule.rawValue, coherence: composition?.coherence,
      terms: terms.entries.map {
        QueryPlan.TermPlan(
          label: $0.term.label, role: $0.term.role, weight: $0.term.weight, norm: $0.vector?.length,
          droppedTokens: $0.droppedTokens)
      },
      words: lists.words?.tokens.map {
        QueryPlan.WordPlan(word: $0.text, items: $0.itemCount, isRare: $0.isRare)
      } ?? [],
      lists: fields + (words ?? []), fusion: fusion, cut: cut)
  }
}
