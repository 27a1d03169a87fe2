// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import SystemPackage

/// An answer. No hits are an answer too.
package struct SearchResult: Sendable {
  package let hits: [Hit]
  package let summary: SearchSummary
  /// Present when it was asked for.
  package let plan: QueryPlan?
}

/// An item that answers a query.
package struct Hit: Sendable {
  package let item: Item
  /// Where the file is.
  package let path: FilePath
  /// The cosine of the field that speaks for the item the loudest; nil when only its words do.
  package let score: Float?
  /// That cosine in standard deviations above unrelated; nil without a calibration.
  package let z: Float?
  /// Which field that is.
  package let source: HitSource
  /// Whether its words answer the query, too.
  package let holdsWords: Bool
  /// What the order goes by.
  package let fused: Double
  package let captions: [String]
  package let tags: [String]
  /// Present when it was asked for.
  package let explanation: HitExplanation?
}

/// Where a hit's place comes from.
package struct HitExplanation: Sendable {
  /// A term's part in the cosine of the image field: the parts of wanted and avoided terms add up to it.
  package struct TermShare: Sendable {
    package let label: String
    /// The item's cosine to the term alone.
    package let cosine: Float
    /// The term's part in the query's cosine; nil for an exclude term.
    package let share: Float?
  }

  /// Ranks, cosines, z and what each list added.
  package let lists: [Fusion.Share]
  package let terms: [TermShare]
  /// Words of the query that the item holds.
  package let words: [String]
}

/// How much was looked at and how much was found.
package struct SearchSummary: Sendable {
  /// Items that the filter allows.
  package let searched: Int
  /// Hits that stand; the answer holds the first of them. More than can be listed is told by ``isFoundCapped``.
  package let found: Int
  /// Whether `found` is only how far the lists go.
  package let isFoundCapped: Bool
  /// Whether more hits follow those that are shown, for a request with a larger ``SearchRequest/offset``. None do where the
  /// best by relevance are put in another order: of another number of hits that would be another list.
  package let isFollowed: Bool
  /// Hits taken away by exclude terms.
  package let excluded: Int
  /// The cut that was applied.
  package let cut: Cut
  package let generation: Int64
  /// What the reader should know: text that was not read, a model that is missing.
  package let notes: [String]
}

/// How the query was read, and against what its scores were measured.
package struct QueryPlan: Sendable {
  package struct TermPlan: Sendable {
    package let label: String
    package let role: Term.Role
    package let weight: Float
    /// The length of its vector before anything was normalised; nil without a vector.
    package let norm: Float?
    /// Tokens that the model had no room for.
    package let droppedTokens: Int
  }

  package struct WordPlan: Sendable {
    package let word: String
    /// Items that hold it.
    package let items: Int
    /// In fewer than a tenth of the items.
    package let isRare: Bool
  }

  package struct ListPlan: Sendable {
    package let source: HitSource
    package let weight: Double
    /// How many items it ranks.
    package let ranked: Int
    /// How many of them stand by themselves.
    package let passing: Int
    package let null: NullDistribution?
    /// How its vectors were looked through, and why so: one for each segment, and one for the fresh ones.
    package let paths: [String]
  }

  package let kind: QueryKind
  package let composeRule: String?
  /// Length of the composed sum against its terms', 1 for a single term.
  package let coherence: Float?
  package let terms: [TermPlan]
  package let words: [WordPlan]
  package let lists: [ListPlan]
  package let fusion: Fusion
  package let cut: Cut
}

/// What a query is made of, as calibration tells kinds of scores apart.
package enum QueryKind: String, Sendable, CaseIterable {
  /// Texts only.
  case text
  /// Pictures, items or vectors only.
  case image
  /// Both.
  case composed
}
