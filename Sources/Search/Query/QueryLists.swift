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
    /// How each source of vectors was looked through; empty unless asked for.
    let paths: [String]
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
  /// The z that the best match of words counts as, where z are added up, if it holds all that was asked for.
  static let wordsZ: Float = 6
  /// What a match of hardly anything counts as: where other sources than the picture begin to be heard.
  static let leastWordsZ = Float(Fusion.heard)
  /// A match of words stands by itself if it holds this share of what was asked for, see `WordHit.share`: of "flag of
  /// Sikkim" all flags hold a word, and none is the answer.
  static let leastShare = 0.3

  /// The items that stand.
  func survivors(cut: Cut) -> Set<ItemID> {
    var items = Set<ItemID>()
    for field in fields where !imageDecides || field.field == .image {
      items.formUnion(field.neighbors.prefix(field.passing).lazy.map(\.item))
    }
    if !imageDecides { items.formUnion(wordsPassing(cut)) }
    return items
  }

  /// The matches of words that stand by themselves.
  func wordsPassing(_ cut: Cut) -> [ItemID] {
    switch cut {
    case .off: words?.hits.map(\.item) ?? []
    case .auto: words?.hits.filter { $0.share >= QueryLists.leastShare }.map(\.item) ?? []
    case .z(let least): wordEntries().prefix { $0.z >= least }.map(\.item)
    }
  }

  /// The matches of words, with a z that can stand beside the fields'.
  private func wordEntries(among window: Set<ItemID>? = nil) -> [Fusion.Entry] {
    guard let words, let first = words.hits.first else { return [] }
    let best = first.score
    return words.hits.compactMap { hit in
      guard window?.contains(hit.item) ?? true else { return nil }
      // Rounded, so that equal texts share a rank.
      let relative = best > 0 ? Float(hit.score / best) : 1
      return Fusion.Entry(
        item: hit.item, score: Float(hit.score),
        z: QueryLists.leastWordsZ
          + (QueryLists.wordsZ - QueryLists.leastWordsZ) * Float(first.share) * max(relative, 0))
    }
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
    if words?.hits.isEmpty == false {
      lists.append(Fusion.List(.words, weight: wordWeight, entries: wordEntries(among: window)))
    }
    return lists
  }
}

/// How much the sources count. Texts are looked for everywhere alike; with text and picture in the query its composed
/// vector leads, and what captions and words add, where they are asked for, can only swap neighbours. A picture by itself
/// is compared with pictures alone: no caption may put another before the very same picture.
enum SourceWeights {
  static func weight(of source: HitSource, kind: QueryKind) -> Double {
    switch (source, kind) {
    case (.image, _): 1
    case (_, .text): 1
    case (_, .image): 0
    case (_, .composed): 0.25
    }
  }
}
