// SPDX-License-Identifier: Apache-2.0

/// Tokens that are found in the text itself, before the model sees it: the `added_tokens` of `tokenizer.json`.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    let content: [UInt8]
    let id: Int32
    /// Structure, such as the end of the text; not part of what a person writes.
    let isSpecial: Bool
    /// Matched in the normalised text, itself normalised, instead of in the raw one.
    let isNormalized: Bool
    /// Matched only as a word of its own.
    let isSingleWord: Bool
    /// Takes the white space before (behind) it along.
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A stretch of text, or a token found between two.
  enum Segment: Equatable {
    case text(Range<Int>)
    case token(Int32)
  }

  let tokens: [Token]
  /// Byte → next node, for each (node << 8 | byte).
  private var edges: [UInt64: Int] = [:]
  /// The token that ends at each node.
  private var endings: [Int?] = [nil]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  /// Tokens by the text they are matched as, which `spelling` gives.
  init(_ tokens: [Token], spelling: (Token) -> [UInt8]) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() {
      let spelled = spelling(token)
      guard let first = spelled.first else { continue }
      isFirstByte[Int(first)] = true
      var node = 0
      for byte in spelled {
        let edge = UInt64(node) << 8 | UInt64(byte)
        if edges[edge] == nil {
          edges[edge] = endings.count
          endings.append(nil)
        }
        node = edges[edge] ?? 0
      }
      endings[node] = index
    }
  }

  /// Cuts a text at the tokens in it: leftmost first, longest of those. O(length × longest token).
  func segments(of text: Span<UInt8>, skippingSpecial: Bool) -> [Segment] {
    var segments: [Segment] = []
    var textStart = 0
    var at = 0
    while at < text.count {
      guard isFirstByte[Int(text[at])], let (index, end) = longestMatch(in: text, at: at) else {
        at += 1
        continue
      }
      let matchStart = at
      at = end
      let token = tokens[index]
      if skippingSpecial, token.isSpecial { continue }
      if token.isSingleWord, !standsAlone(matchStart..<end, in: text) { continue }
      let start = token.stripsLeft ? max(textStart, spaceStart(before: matchStart, in: text)) : matchStart
      if start > textStart { segments.append(.text(textStart..<start)) }
      segments.append(.token(token.id))
      textStart = token.stripsRight ? spaceEnd(from: end, in: text) : end
    }
    if textStart < text.count { segments.append(.text(textStart..<text.count)) }
    return segments
  }

  private func longestMatch(in text: Span<UInt8>, at: Int) -> (token: Int, end: Int)? {
    var node = 0
    var end = at
    var found: (Int, Int)?
    while end < text.count, let next = edges[UInt64(node) << 8 | UInt64(text[end])] {
      node = next
      end += 1
      if let token = endings[node] { found = (token, end) }
    }
    return found
  }

  private func standsAlone(_ range: Range<Int>, in text: Span<UInt8>) -> Bool {
    let before = range.lowerBound == 0 || !Self.isWord(Self.scalar(before: range.lowerBound, in: text))
    let after =
      range.upperBound == text.count || !Self.isWord(ValidUTF8.scalar(text, at: range.upperBound).value)
    return before && after
  }

  /// `\w` of the reference's other regex engine (Unicode TR 18).
  private static func isWord(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }

  private static func start(before end: Int, in text: Span<UInt8>) -> Int {
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  private static func scalar(before end: Int, in text: Span<UInt8>) -> UInt32 {
    ValidUTF8.scalar(text, at: start(before: end, in: text)).value
  }

  private static func isSpace(_ value: UInt32) -> Bool {
    Unicode.Scalar(value)?.properties.isWhitespace ?? false
  }

  private func spaceStart(before end: Int, in text: Span<UInt8>) -> Int {
    var at = end
    while at > 0, Self.isSpace(Self.scalar(before: at, in: text)) { at = Self.start(before: at, in: text) }
    return at
  }

  private func spaceEnd(from start: Int, in text: Span<UInt8>) -> Int {
    var at = start
    while at < text.count {
      let (value, length) = ValidUTF8.scalar(text, at: at)
      guard Self.isSpace(value) else { break }
      at += length
    }
    return at
  }
}

extension AddedTokens.Token {
  /// Most added tokens that are accepted.
  private static let maximumCount = 1 << 16

  /// Reads the list, and checks its ids against the vocabulary's.
  static func list(_ json: JSONValue?, vocabulary: Vocabulary) throws(TokenizerError) -> [Self] {
    guard let json else { return [] }
    let elements = try json.elements()
    guard elements.count <= maximumCount else {
      throw TokenizerError(.tooLarge, json.path, "\(elements.count) tokens; at most \(maximumCount) are read")
    }
    var tokens: [Self] = []
    var owners: [Int32: [UInt8]] = [:]
    for element in elements {
      let token = try Self(element)
      if let known = vocabulary.id(of: token.content), known != token.id {
        throw TokenizerError(
          .invalidValue, "\(element.path).id", "\(token.id), but the vocabulary says \(known)")
      }
      if let other = owners.updateValue(token.content, forKey: token.id), other != token.content {
        throw TokenizerError(.invalidValue, "\(element.path).id", "two added tokens have the id \(token.id)")
      }
      tokens.append(token)
    }
    return tokens
  }

  private init(_ json: JSONValue) throws(TokenizerError) {
    content = try json.required("content").utf8()
    let id = try json.required("id")
    let value = try id.integer()
    guard value >= 0, value <= Vocabulary.maximumID else {
      throw TokenizerError(.invalidValue, id.path, "must be from 0 to \(Vocabulary.maximumID)")
    }
    self.id = Int32(value)
    // A long token would make every text slow to search.
    guard !content.isEmpty, content.count <= 512 else {
      throw TokenizerError(.invalidValue, "\(json.path).content", "must be 1 to 512 bytes long")
    }
    isSpecial = try json.flag("special")
    isNormalized = try json.flag("normalized", default: !isSpecial)
    isSingleWord = try json.flag("single_word")
    stripsLeft = try json.flag("lstrip")
    stripsRight = try json.flag("rstrip")
  }
}
