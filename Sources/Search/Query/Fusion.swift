// SPDX-License-Identifier: Apache-2.0

/// Where a hit was found.
package enum HitSource: String, Sendable, CaseIterable {
  /// The picture's embedding.
  case image
  /// The nearest of the item's captions' embeddings.
  case caption
  /// Words of captions, tags, file and folder names.
  case words
}

/// How the lists of several sources become one order.
package enum Fusion: Sendable, Equatable {
  /// Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): `Σ weight / (k + rank)`.
  ///
  /// Ranks alone cannot tell a match from the best of the noise: an item with a caption about something else has a rank
  /// among the captions, an item without a caption has none, and so the captioned ones move up.
  case reciprocalRank(k: Double)
  /// `Σ weight · z`, where other sources than the picture count from ``heard`` standard deviations on: what stands far
  /// out in one list counts for more than what leads another by a hair, and captions about something else are silent.
  case weightedZ

  package static let standard = Fusion.weightedZ
  /// Ranks for where there is no calibration.
  package static let uncalibrated = Fusion.reciprocalRank(k: 60)
  /// As plans name it.
  package var name: String {
    switch self {
    case .weightedZ: "z"
    case .reciprocalRank(let k): "reciprocal rank, k \(Int(k))"
    }
  }

  /// Below this z a caption says nothing of the query.
  package static let heard = 2.0

  /// What one source found, best first.
  package struct List: Sendable {
    package let source: HitSource
    package let weight: Double
    package let entries: [Entry]

    package init(_ source: HitSource, weight: Double, entries: [Entry]) {
      self.source = source
      self.weight = weight
      self.entries = entries
    }
  }

  /// One line of a list.
  package struct Entry: Sendable, Equatable {
    package let item: Int64
    /// Cosine or word score: larger is nearer.
    package let score: Float
    /// Comparable between sources.
    package let z: Float

    package init(item: Int64, score: Float, z: Float) {
      self.item = item
      self.score = score
      self.z = z
    }
  }

  /// An item's place in one list.
  package struct Share: Sendable, Equatable {
    package let source: HitSource
    /// From 1; equal scores share the better rank.
    package let rank: Int
    package let score: Float
    package let z: Float
    /// What the list adds to the fused score.
    package let value: Double
  }

  /// An item with everything that its sources said.
  package struct Fused: Sendable, Equatable {
    package let item: Int64
    /// Rounded to 10⁻⁹, so that the order of summation cannot decide between equals.
    package let score: Double
    /// In the order of the lists; a list that does not hold the item adds nothing and is missing here.
    package let shares: [Share]
  }

  /// Merges the lists: by fused score descending, then by item id ascending.
  ///
  /// - Parameter survivors: only these are returned; the ranks stay those of the full lists.
  /// - Complexity: O(n log n) for n entries in all.
  package func merge(_ lists: [List], keeping survivors: Set<Int64>) -> [Fused] {
    var shares: [Int64: [Share]] = [:]
    shares.reserveCapacity(survivors.count)
    for list in lists {
      var rank = 0
      for (index, entry) in list.entries.enumerated() {
        if index == 0 || entry.score != list.entries[index - 1].score { rank = index + 1 }
        guard survivors.contains(entry.item) else { continue }
        shares[entry.item, default: []].append(
          Share(
            source: list.source, rank: rank, score: entry.score, z: entry.z,
            value: value(list, rank: rank, z: entry.z)))
      }
    }
    return shares.map { item, shares in
      let sum = shares.reduce(0) { $0 + $1.value }
      return Fused(item: item, score: (sum * 1e9).rounded() / 1e9, shares: shares)
    }.sorted { ($1.score, $0.item) < ($0.score, $1.item) }
  }

  private func value(_ list: List, rank: Int, z: Float) -> Double {
    switch self {
    case .reciprocalRank(let k): list.weight / (k + Double(rank))
    case .weightedZ:
      list.weight * (list.source == .image ? Double(z) : max(Double(z) - Fusion.heard, 0))
    }
  }
}
