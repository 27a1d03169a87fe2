// SPDX-License-Identifier: Apache-2.0
import Embedders
import Images
import LinearAlgebra
import Synchronization

/// A model that remembers the texts of the last queries.
///
/// A text is computed alone, whatever stands beside it (``Embedder/projectTexts(_:inBulk:)``), so that a remembered vector
/// is the same bits as a fresh one.
final class CachingEmbedder: Embedder {
  /// Texts that are remembered.
  static let limit = 4_096
  /// Longer texts are not; in bytes.
  static let longestText = 1_024

  private struct Row {
    let vector: [Float]
    let droppedTokens: Int
    /// When it was last asked for.
    var tick: UInt64
  }

  private struct Cache {
    var rows: [String: Row] = [:]
    var tick: UInt64 = 0
    var hits = 0
    var misses = 0
  }

  let base: any Embedder
  private let cache = Mutex(Cache())

  init(_ base: any Embedder) { self.base = base }

  /// Texts that were remembered, and texts that had to be computed.
  var counts: (hits: Int, misses: Int) { cache.withLock { ($0.hits, $0.misses) } }

  /// Computes the texts that are not remembered in one pass. Errors are left to the call that needs the vectors.
  func embedAhead(_ texts: [String]) {
    let missing = cache.withLock { cache in
      Array(Set(texts.filter { cache.rows[$0] == nil && $0.utf8.count <= CachingEmbedder.longestText }))
    }
    guard !missing.isEmpty, let projected = try? base.projectTexts(missing, inBulk: false) else { return }
    remember(missing, projected)
  }

  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections {
    if inBulk { return try base.projectTexts(texts, inBulk: true) }
    let known = recall(texts)
    let missing = texts.indices.filter { known[$0] == nil }
    guard !missing.isEmpty else { return assembled(known.compactMap(\.self)) }
    let projected = try base.projectTexts(missing.map { texts[$0] }, inBulk: false)
    remember(missing.map { texts[$0] }, projected)
    var rows = known
    for (row, index) in missing.enumerated() {
      rows[index] = Row(
        vector: projected.projections[row], droppedTokens: projected.droppedTokens[row], tick: 0)
    }
    return assembled(rows.compactMap(\.self))
  }

  private func recall(_ texts: [String]) -> [Row?] {
    cache.withLock { cache in
      texts.map { text in
        cache.tick += 1
        guard var row = cache.rows[text] else {
          cache.misses += 1
          return nil
        }
        cache.hits += 1
        row.tick = cache.tick
        cache.rows[text] = row
        return row
      }
    }
  }

  private func remember(_ texts: [String], _ projected: TextProjections) {
    cache.withLock { cache in
      for (row, text) in texts.enumerated() where text.utf8.count <= CachingEmbedder.longestText {
        cache.tick += 1
        cache.rows[text] = Row(
          vector: projected.projections[row], droppedTokens: projected.droppedTokens[row], tick: cache.tick)
      }
      guard cache.rows.count > CachingEmbedder.limit else { return }
      // Half at once: sorting them costs less than keeping a list in order would.
      let ticks = cache.rows.values.map(\.tick).sorted()
      let oldest = ticks[ticks.count / 2]
      cache.rows = cache.rows.filter { $0.value.tick > oldest }
    }
  }

  private func assembled(_ rows: [Row]) -> TextProjections {
    TextProjections(
      projections: Projections(dimension: dimension, values: rows.flatMap(\.vector)),
      droppedTokens: rows.map(\.droppedTokens))
  }

  // MARK: - The model's own

  var id: String { base.id }
  var dimension: Int { base.dimension }
  var precision: Precision { base.precision }
  var composeRule: ComposeRule { base.composeRule }
  var imageInput: ImageInput? { base.imageInput }
  var embedsTexts: Bool { base.embedsTexts }
  var backgroundTexts: [String] { base.backgroundTexts }
  var warnings: [String] { base.warnings }

  func identity(view: ImageView) throws(EmbedderError) -> ModelIdentity { try base.identity(view: view) }

  func warmUp(texts: Bool, images: Bool) throws(EmbedderError) {
    try base.warmUp(texts: texts, images: images)
  }

  func projectTexts(
    readingSpecialTokens texts: [String], maxTokens: Int?
  ) throws(EmbedderError) -> TextProjections {
    try base.projectTexts(readingSpecialTokens: texts, maxTokens: maxTokens)
  }

  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage { try base.prepare(image) }

  func projectImages(_ images: [PreparedImage]) throws(EmbedderError) -> Projections {
    try base.projectImages(images)
  }
}
