// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// How much a word counts by the place it stands in.
package struct WordWeights: Hashable, Sendable {
  package var caption = 1.0
  package var tag = 1.0
  package var name = 0.7
  package var folder = 0.3

  package init() {}
}

/// A token of a query, and how common it is.
package struct WordToken: Hashable, Sendable {
  package let text: String
  /// How many items hold it; counted up to half of the library only.
  package let itemCount: Int
  /// Held by fewer than a tenth of the items.
  package let isRare: Bool
}

/// An item that holds words of a query.
package struct WordHit: Hashable, Sendable {
  package let item: ItemID
  /// BM25; larger is nearer.
  package let score: Double
  /// How much of what was asked for the item holds, in 0...1: every token of the query counts by its inverse document
  /// frequency, `ln(1 + N / n)`; one that no item holds counts as one that a single item holds.
  package let share: Double
}

/// What a search for words found.
package struct WordMatches: Sendable {
  /// By score, then item id.
  package var hits: [WordHit]
  /// What the query was taken for.
  package var tokens: [WordToken]
}

extension CatalogStore {
  /// Queries are cut after so many different tokens; BM25 over more costs time and tells nothing.
  static let maximumQueryTokens = 64

  /// Finds items by the words of their captions, tags, names and folders.
  ///
  /// Any text is a valid query: it is cut into tokens as stored texts are, each is quoted, and none of FTS5's
  /// operators gets through. An item is a hit if it holds a rare token (one that fewer than a tenth of all items
  /// hold, or a single one), or all tokens. Rare tokens count double in the score; tokens that more than half
  /// of the items hold do not count at all where there are rarer ones.
  ///
  /// Words that say nothing of a picture ("of", "the") are left out where there are others: in a library of short
  /// captions they are rare, and everything that holds an "at" would answer "ships at sea".
  ///
  /// Of a run of signs (Chinese, Japanese, Korean, Thai, …) pairs are asked for; single signs when the run is
  /// one sign, or when none of its pairs is known.
  /// - Parameter limit: the best so many only.
  package func wordMatches(
    _ text: String, weights: WordWeights = WordWeights(), limit: Int? = nil
  ) throws(CatalogError) -> WordMatches {
    try read { db in
      let itemCount = try Self.itemCount(db)
      let tokens = try Self.queryTokens(db, text, itemCount: itemCount)
      guard let expression = Self.expression(tokens) else { return WordMatches(hits: [], tokens: tokens) }
      let sql = """
        SELECT rowid, -bm25(words, ?, ?, ?, ?) AS score FROM words WHERE words MATCH ?
        ORDER BY score DESC, rowid LIMIT ?
        """
      let rows = try Row.fetchCursor(
        db.cachedStatement(sql: sql),
        arguments: [
          weights.caption, weights.tag, weights.name, weights.folder, expression,
          limit.map { max(0, $0) } ?? -1,
        ])
      var scores: [(item: ItemID, score: Double)] = []
      while let row = try rows.next() { scores.append((try row.integer(0), try row.real(1))) }
      let shares = try Self.shares(db, tokens, of: scores.map(\.item), itemCount: itemCount)
      let hits = zip(scores, shares).map { WordHit(item: $0.item, score: $0.score, share: $1) }
      return WordMatches(hits: hits, tokens: tokens)
    }
  }

  /// ``WordHit/share`` of each item. With one token there is nothing to count: every hit holds it.
  ///
  /// - Complexity: O(items that hold a token, for each token).
  private static func shares(
    _ db: Database, _ tokens: [WordToken], of items: [ItemID], itemCount: Int
  ) throws -> [Double] {
    guard tokens.count > 1 else { return items.map { _ in 1 } }
    let places = Dictionary(items.enumerated().map { ($1, $0) }) { first, _ in first }
    var shares = [Double](repeating: 0, count: items.count)
    var whole = 0.0
    for token in tokens {
      let weight = log1p(Double(itemCount) / Double(max(token.itemCount, 1)))
      whole += weight
      guard token.itemCount > 0 else { continue }
      let sql = "SELECT rowid FROM words WHERE words MATCH ?"
      let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [quoted(token.text)])
      while let row = try rows.next() {
        if let place = places[try row.integer(0)] { shares[place] += weight }
      }
    }
    return shares.map { min($0 / whole, 1) }
  }

  /// The items that hold the tokens of `text` side by side, in one caption, tag, name or folder; ascending.
  /// None when `text` holds no word.
  package func items(withPhrase text: String) throws(CatalogError) -> [ItemID] {
    let tokens = WordSegmenter.tokens(text)
    guard !tokens.isEmpty else { return [] }
    return try read { db in
      let sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid"
      let rows = try Row.fetchCursor(
        db.cachedStatement(sql: sql), arguments: [Self.quoted(tokens.joined(separator: " "))])
      var items: [ItemID] = []
      while let row = try rows.next() { items.append(try row.integer(0)) }
      return items
    }
  }

  /// How many items hold each token, as FTS5 folds it.
  package func documentFrequencies(_ tokens: [String]) throws(CatalogError) -> [Int] {
    try read { db in try tokens.map { try Self.itemCount(db, holding: $0, upTo: .max) } }
  }

  // MARK: - From text to FTS5's language

  static func quoted(_ token: String) -> String {
    "\"" + token.replacing("\"", with: "\"\"").replacing("\0", with: " ") + "\""
  }

  private static func itemCount(_ db: Database, holding token: String, upTo limit: Int) throws -> Int {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
    return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [quoted(token), limit])?.int(0) ?? 0
  }

  private static func queryTokens(_ db: Database, _ text: String, itemCount: Int) throws -> [WordToken] {
    let rareBelow = max(2, (itemCount + 9) / 10)
    var tokens: [WordToken] = []
    var seen: Set<[UInt8]> = []
    func look(_ texts: [String]) throws -> [WordToken] {
      var found: [WordToken] = []
      for text in texts where seen.count < maximumQueryTokens && seen.insert(Array(text.utf8)).inserted {
        let count = try self.itemCount(db, holding: text, upTo: itemCount / 2 + 1)
        found.append(WordToken(text: text, itemCount: count, isRare: count < rareBelow))
      }
      return found
    }
    for run in FunctionWords.removed(from: WordSegmenter.runs(text)) {
      switch run {
      case .word(let word): tokens += try look([word])
      case .signs(let signs):
        let pairs = try look(zip(signs, signs.dropFirst()).map { $0 + $1 })
        // Two words written without a gap (猫狗) have no pair anywhere, but each is known.
        let isKnown = pairs.contains { $0.itemCount > 0 }
        tokens +=
          isKnown || (pairs.isEmpty && signs.count > 1) ? pairs : try look(FunctionWords.removed(from: signs))
      }
    }
    return tokens
  }

  private static func expression(_ tokens: [WordToken]) -> String? {
    let rare = tokens.filter { $0.isRare && $0.itemCount > 0 }.map { quoted($0.text) }
    guard rare.isEmpty else {
      let either = rare.joined(separator: " OR ")
      let telling = tokens.filter { !$0.isRare }.sorted { $0.itemCount < $1.itemCount }
      let common = telling.map { quoted($0.text) }
      return common.isEmpty ? either : "(\(either)) AND (\(either) OR \(common.joined(separator: " OR ")))"
    }
    guard !tokens.isEmpty, tokens.allSatisfy({ $0.itemCount > 0 }) else { return nil }
    return tokens.map { quoted($0.text) }.joined(separator: " AND ")
  }
}
