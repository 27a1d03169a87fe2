// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Foundation
import SystemPackage
import VectorIndexes

/// Fetches what is shown of the hits.
struct HitLoader {
  private let run: QueryRun

  init(_ run: QueryRun) { self.run = run }

  /// The hits of fused items, in their order. An item that left the catalog since the snapshot is left out.
  func hits(_ fused: ArraySlice<Fusion.Fused>) throws -> [Hit] {
    let catalog = run.library.catalog
    let ids = fused.map(\.item)
    let items = Dictionary(try catalog.items(ids).map { ($0.id, $0) }) { first, _ in first }
    let captions = try catalog.captions(of: ids)
    let tags = try catalog.tags(of: ids)
    return fused.compactMap { fused in
      guard let item = items[fused.item] else { return nil }
      let texts = (captions[item.id] ?? []).filter { !$0.isBoilerplate }.map(\.text)
      // The field that speaks loudest; words have no cosine.
      let loudest = fused.shares.filter { $0.source != .words }.max { $0.z < $1.z }
      let isCalibrated = run.lists.fields.contains { $0.null != nil }
      return Hit(
        item: item, path: run.library.path(of: item), score: loudest?.score,
        z: isCalibrated ? loudest?.z : nil, source: loudest?.source ?? .words,
        holdsWords: fused.shares.contains { $0.source == .words }, fused: fused.score,
        captions: texts, tags: tags[item.id] ?? [],
        explanation: run.request.explains
          ? explanation(of: fused, item: item, texts: texts + (tags[item.id] ?? [])) : nil)
    }
  }

  private func explanation(
    of fused: Fusion.Fused, item: Item, texts: [String]
  ) -> HitExplanation {
    let vector = run.library.image.vectors(ofItem: item.id).first?.vector
    var shares = zip(run.composedTerms, run.composition?.shares ?? []).makeIterator()
    let terms = run.terms.entries.compactMap { entry -> HitExplanation.TermShare? in
      guard let own = entry.vector?.normalized else { return nil }
      let share = entry.term.role == .exclude ? nil : shares.next()?.1
      guard let vector else { return nil }
      return HitExplanation.TermShare(
        label: entry.term.label, cosine: own.dot(vector), share: share?.dot(vector))
    }
    let held = Set((texts + [item.file.path.string]).flatMap(WordSegmenter.tokens).map(folded))
    let words = run.lists.words?.tokens.map(\.text).filter { held.contains(folded($0)) } ?? []
    return HitExplanation(lists: fused.shares, terms: terms, words: words)
  }

  /// As FTS5's unicode61 compares words.
  private func folded(_ word: String) -> String {
    word.folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
  }
}
