// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import Embedders
package import VectorIndexes

/// A query: what is wanted, of what, how much of it, in which order.
package struct SearchRequest: Sendable {
  /// At least one wanted one.
  package var terms: [Term]
  /// Only items that pass all of these can be hits; none lets every item pass.
  package var filters: [CatalogFilter]
  /// How many hits at most.
  package var limit: Int
  /// How many of the best stand before the first one that is shown: those of earlier pages.
  package var offset = 0
  /// nil: `auto` for queries of wanted texts, `off` for others.
  package var cut: Cut?
  package var sort: SortOrder
  /// Turns ``sort`` around.
  package var isReversed: Bool
  package var fusion: Fusion
  /// Where hits are looked for; nil: everywhere for wanted texts, and not among the captions' vectors for others. With fewer
  /// than all an evaluation sees what each is worth.
  package var sources: Set<HitSource>?
  /// How much a source counts beside its own weight; 1 where nothing is said.
  package var sourceWeights: [HitSource: Double] = [:]
  /// How terms are added; nil for the way that the library's model was trained with.
  package var composeRule: ComposeRule?
  /// How many of the true nearest must be found. Lists go deep, so less than all pays in libraries of a million only.
  package var recall = Recall.exact
  /// Whether hits and result say where their scores come from.
  package var explains: Bool

  package init(
    terms: [Term], filters: [CatalogFilter] = [], limit: Int = 10, cut: Cut? = nil,
    sort: SortOrder = .relevance, isReversed: Bool = false, fusion: Fusion = .standard, explains: Bool = false
  ) {
    self.terms = terms
    self.filters = filters
    self.limit = limit
    self.cut = cut
    self.sort = sort
    self.isReversed = isReversed
    self.fusion = fusion
    self.explains = explains
  }

  /// The largest ``limit``; the lists that are fused are this deep whatever the limit is, so that the first five of
  /// fifteen hits are the five hits of a shorter answer.
  package static let largestLimit = 10_000

  /// Where the last hit that is shown may stand.
  var end: Int { offset + limit }

  func validate() throws(SearchError) {
    guard (1...SearchRequest.largestLimit).contains(limit) else {
      throw SearchError(
        .invalidRequest, "\(limit) hits were asked for: from 1 to \(SearchRequest.largestLimit) can be")
    }
    guard (0...SearchRequest.largestLimit - limit).contains(offset) else {
      throw SearchError(
        .invalidRequest,
        "\(limit) hits after \(offset) others were asked for: hits are listed up to number \(SearchRequest.largestLimit)"
      )
    }
    guard terms.count <= Term.Limits.terms else {
      throw SearchError(
        .invalidRequest, "\(terms.count) terms: a query has at most \(Term.Limits.terms)")
    }
    guard sources?.isEmpty != true else {
      throw SearchError(.invalidRequest, "nowhere to search: name at least one of image, caption and words")
    }
    guard terms.contains(where: { $0.role == .want }) else {
      throw SearchError(
        .invalidRequest,
        "nothing to search for: name at least one wanted text (TEXT, --text), picture (--image) or item (--item)"
      )
    }
  }
}

/// The order of the hits that stand.
package enum SortOrder: String, Sendable, CaseIterable {
  /// The best first.
  case relevance
  /// By the time the picture was taken, or else its file was changed: the latest first.
  case date
  /// By size in bytes: the largest first.
  case size
  /// By path below the root, byte by byte.
  case name

  /// The catalog's order, and whether it runs from large to small; nil for ``relevance``.
  var catalogOrder: (order: ItemOrder, descending: Bool)? {
    switch self {
    case .relevance: nil
    case .date: (.date, true)
    case .size: (.size, true)
    case .name: (.name, false)
    }
  }
}
