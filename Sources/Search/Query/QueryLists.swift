// SPDX-License-Identifier: Apache-2.0
import Catalog
import VectorIndexes

/// What the sources found for one query, before anything is fused.
struct QueryLists {
  /// One field's neighbours.
  struct Field {
    let field: VectorField
    let null: NullDistribution?
    let neighbors: [Neighbor]
    /// The best so many stand by themselves.
    let passing: Int
    /// Vectors of the field that could have made a hit.
    let population: Int
    let weight: Double

    func entries(among window: Set<ItemID>? = nil) -> [Fusion.Entry] {
      neighbors.compactMap { neighbor in
        guard window?.contains(neighbor.item) ?? true else { return nil }
        return Fusion.Entry(
          item: neighbor.item, score: neighbor.score, z: null?.z(neighbor.score) ?? neighbor.score)
      }
    }
  }

  var fields: [Field] = []
  var words: WordMatches?
  var wordWeight = 0.0
  /// In a composed query: only what the image list holds may be a hit.
  var imageDecides = false

  /// Words and captions re-order so many of a composed query's best, whatever the limit.
  static let rerankWindow = 100
  /// The z that the best match of words counts as, where z are added up.
  static let wordsZ: Float = 6

  /// The items that stand.
  func survivors(cut: Cut) -> Set<ItemID> {
    var items = Set<ItemID>()
    for field in fields where !imageDecides || field.field == .image {
      items.formUnion(field.neighbors.prefix(field.passing).lazy.map(\.item))
    }
    if !imageDecides, let words { items.formUnion(words.hits.lazy.map(\.item)) }
    return items
  }

  /// The lists as fusion takes them.
  func fusionLists() -> [Fusion.List] {
    let window: Set<ItemID>? =
      imageDecides
      ? Set(fields.first { $0.field == .image }?.neighbors.prefix(QueryLists.rerankWindow).map(\.item) ?? [])
      : nil
    var lists = fields.map { field in
      Fusion.List(
        field.field == .image ? .image : .caption, weight: field.weight,
        entries: field.entries(among: field.field == .image ? nil : window))
    }
    if let words, let best = words.hits.first?.score {
      let entries = words.hits.compactMap { hit -> Fusion.Entry? in
        guard window?.contains(hit.item) ?? true else { return nil }
        // Rounded, so that equal texts share a rank.
        let relative = best > 0 ? Float(hit.score / best) : 1
        return Fusion.Entry(
          item: hit.item, score: Float(hit.score), z: QueryLists.wordsZ * max(relative, 0))
      }
      lists.append(Fusion.List(.words, weight: wordWeight, entries: entries))
    }
    return lists
  }
}

/// How much the sources count. Texts are looked for everywhere alike; with a picture in the query its composed vector
/// leads, and what captions and words add can only swap neighbours.
enum SourceWeights {
  static func weight(of source: HitSource, kind: QueryKind) -> Double {
    switch (source, kind) {
    case (.image, _): 1
    case (_, .text): 1
    case (.caption, _), (.words, _): 0.25
    }
  }
}
