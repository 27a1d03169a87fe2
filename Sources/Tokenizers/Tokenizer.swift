// SPDX-License-Identifier: Apache-2.0

/// Turns text into the token ids of one model. Encoding never fails: every text has ids, perhaps none.
package protocol Tokenizer: Sendable {
  /// The largest id + 1; a model's token table must have at least as many rows.
  var vocabularySize: Int { get }

  /// The ids that open every text, such as BOS or CLS.
  var prefix: [Int32] { get }

  /// The ids that close every text, such as EOS or SEP.
  var suffix: [Int32] { get }

  /// The id of a token as the vocabulary spells it, such as `<|endoftext|>`.
  func id(ofToken token: String) -> Int32?

  /// The ids of a text, without prefix and suffix. O(length).
  ///
  /// A special token written out in the text, such as `<|endoftext|>`, becomes that token in the reference, and ends the
  /// text for a model that pools there. With `escapingSpecialTokens` it is read as the characters it is made of:
  /// what anyone types, or writes into a caption, should be encoded that way. A character that the vocabulary lacks, and
  /// that would become a special token, is then dropped. Everything else is as in the reference.
  func encode(_ text: String, escapingSpecialTokens: Bool) -> [Int32]
}

extension Tokenizer {
  /// The ids of a text as the reference sees it, without prefix and suffix.
  package func encode(_ text: String) -> [Int32] { encode(text, escapingSpecialTokens: false) }

  /// The ids of a text with prefix and suffix, at most `maximumLength` of them.
  ///
  /// A text that is too long loses tokens at its end, never the prefix and suffix; the result says how many.
  /// - Parameters:
  ///   - maximumLength: The model's context. When not even prefix and suffix fit, they are cut too.
  package func encode(
    _ text: String, maxLength maximumLength: Int, escapingSpecialTokens: Bool = false
  ) -> TokenizedText {
    let body = encode(text, escapingSpecialTokens: escapingSpecialTokens)
    let room = max(0, maximumLength - prefix.count - suffix.count)
    let ids = prefix + body.prefix(room) + suffix
    return TokenizedText(
      ids: Array(ids.prefix(max(0, maximumLength))), droppedTokens: max(0, body.count - room))
  }
}

/// A text as a model takes it.
package struct TokenizedText: Sendable, Equatable {
  /// Prefix, text, suffix.
  package let ids: [Int32]
  /// How many tokens at the text's end had no room.
  package let droppedTokens: Int

  /// Whether the text was too long.
  package var wasCut: Bool { droppedTokens > 0 }
}
