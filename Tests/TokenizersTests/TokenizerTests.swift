// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import Tokenizers

@Suite("Tokenizer")
struct TokenizerTests {
  @Test(
    "a long text keeps its first and last token, and the cut is counted",
    arguments: [0, 1, 2, 3, 10, 12, 13, 77])
  func cut(_ maximumLength: Int) throws {
    let tokenizer = try Golden.small()
    let text = "a b c d e f g h i j"
    let body = tokenizer.encode(text)
    #expect(body.count == 10)
    let cut = tokenizer.encode(text, maxLength: maximumLength)
    let kept = max(0, min(10, maximumLength - 2))
    #expect(cut.droppedTokens == 10 - kept)
    #expect(cut.wasCut == (maximumLength < 12))
    let whole = tokenizer.prefix + body.prefix(kept) + tokenizer.suffix
    #expect(cut.ids == Array(whole.prefix(maximumLength)))
  }

  @Test("tokens are found by their spelling, added ones too")
  func lookup() throws {
    let tokenizer = try Golden.small()
    #expect(tokenizer.id(ofToken: "<|endoftext|>") == tokenizer.suffix.first)
    #expect(tokenizer.id(ofToken: "!") == 0)
    #expect(tokenizer.id(ofToken: "no such token") == nil)
    #expect(tokenizer.vocabularySize == 1523)
  }

  @Test("an unknown character is the unknown token; when that ends the text, escaping drops it")
  func unknownEndsText() throws {
    var parts = TokenizerParts()
    parts.vocabulary = #"{"a":0,"b":1,"ab":2,"?":3,"<e>":4}"#
    for (unknown, escaped) in [("\"?\"", [2, 3, 0]), ("\"<e>\"", [2, 0])] as [(String, [Int32])] {
      parts.unknown = unknown
      let tokenizer = try TokenizerLoader.load(tokenizerJSON: Array(parts.file.utf8))
      #expect(tokenizer.encode("ab;a") == [2, unknown == "\"?\"" ? 3 : 4, 0])
      #expect(tokenizer.encode("ab;a", escapingSpecialTokens: true) == escaped)
    }
  }

  @Test("tokens that String calls equal stay apart")
  func canonicalEquivalents() throws {
    var parts = TokenizerParts()
    parts.normalizer = "null"
    parts.preTokenizer = "null"
    parts.vocabulary = #"{"a":0,"b":1,"ab":2,"?":3,"\u00e9":5,"\u212b":6,"\u00c5":7}"#
    let tokenizer = try TokenizerLoader.load(tokenizerJSON: Array(parts.file.utf8))
    #expect(tokenizer.encode("\u{212B}\u{C5}é") == [6, 7, 5])
  }

  /// Quadratic work on these takes minutes in a debug build; the test's own time limit would show it.
  @Test(
    "texts of 200,000 scalars that invite quadratic work", .timeLimit(.minutes(1)),
    arguments: [
      String(repeating: "a", count: 200_000), String(repeating: "ab", count: 100_000),
      String(repeating: " ", count: 200_000), String(repeating: "!", count: 200_000),
      "a" + String(repeating: "\u{301}\u{323}", count: 100_000),
      String(repeating: "<|endoftext", count: 20_000),
      "a" + String(repeating: "\u{1DFA}\u{301}", count: 100_000),
      String(repeating: "\u{3042}", count: 200_000),
    ])
  func longTexts(_ text: String) throws {
    let tokenizer = try Golden.small()
    let encoded = tokenizer.encode(text, maxLength: 77)
    #expect(encoded.ids.count <= 77)
    #expect(encoded.ids.last == tokenizer.suffix.first)
    // The oracle: 512 equal letters cut into the same tokens over and over.
    if text.allSatisfy({ $0 == "a" }) { #expect(encoded.droppedTokens > 1000) }
  }

  @Test("a run of marks longer than the normaliser's patience keeps its meaning")
  func longRunsOfMarks() {
    let marks = (0..<200).map { _ in "\u{301}\u{323}" }.joined()
    var text = Array("e\(marks)x".utf8)
    CanonicalComposition.apply(to: &text)
    // The first dot below joins the letter; the acutes follow all other dots.
    let sorted =
      "\u{1EB9}" + String(repeating: "\u{323}", count: 199) + String(repeating: "\u{301}", count: 200) + "x"
    #expect(Array(sorted.utf8) == text)
  }
}

@Suite("Merging")
struct MergingTests {
  /// The definition, word for word: while some adjacent pair is in the list, join the one that stands first, leftmost.
  private func merged(_ symbols: [String], _ merges: [(String, String)]) -> [String] {
    var symbols = symbols
    while true {
      var best: (rank: Int, at: Int)?
      for at in symbols.indices.dropLast() {
        let rank = merges.firstIndex { $0 == (symbols[at], symbols[at + 1]) }
        if let rank, rank < best?.rank ?? .max { best = (rank, at) }
      }
      guard let best else { return symbols }
      symbols.replaceSubrange(best.at...best.at + 1, with: [symbols[best.at] + symbols[best.at + 1]])
    }
  }

  @Test("the heap does what the definition says, on random merges and words", arguments: 0..<20)
  func definition(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var tokens = ["a", "b", "c"]
    var merges: [(String, String)] = []
    for _ in 0..<30 {
      guard let left = tokens.randomElement(using: &random), let right = tokens.randomElement(using: &random),
        !tokens.contains(left + right), left.count + right.count < 10
      else { continue }
      merges.append((left, right))
      tokens.append(left + right)
    }
    let vocabulary = tokens.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
    let list = merges.map { "[\"\($0)\",\"\($1)\"]" }.joined(separator: ",")
    let file = "{\"model\":{\"vocab\":{\(vocabulary)},\"merges\":[\(list)]}}"
    let tokenizer = try TokenizerLoader.load(tokenizerJSON: Array(file.utf8))
    for _ in 0..<50 {
      let word = (0..<Int.random(in: 1...25, using: &random)).map { _ in
        ["a", "b", "c"].randomElement(using: &random) ?? "a"
      }
      let expected = merged(word, merges).compactMap { tokens.firstIndex(of: $0) }.map(Int32.init)
      #expect(tokenizer.encode(word.joined()) == expected)
    }
  }
}

@Suite("Pattern")
struct PatternTests {
  private func matches(_ regex: String, _ text: String) throws -> [String] {
    let pattern = try Pattern(regex: regex)
    let bytes = Array(text.utf8)
    var found: [String] = []
    var at = 0
    while let match = pattern.firstMatch(in: bytes.span, from: at, to: bytes.count) {
      found.append(String(decoding: bytes[match], as: UTF8.self))
      at = match.upperBound
    }
    return found
  }

  @Test(
    "finds what a regular expression finds",
    arguments: [
      (#"ab|a"#, "aab", ["a", "ab"]), (#"a|ab"#, "ab", ["a"]), (#" ?\p{L}+"#, "a b  c", ["a", " b", " c"]),
      (#"\s+(?!\S)|\s+"#, "a   b  ", ["  ", " ", "  "]), (#"[^\s\p{L}\p{N}]+"#, "é!?１ €", ["!?", "€"]),
      (#"[a-c]x?y"#, "ay bxy dy cxxy", ["ay", "bxy"]), (#"\<\|x\|\>"#, "<|x|>", ["<|x|>"]),
      (#"[\p{M}\-]+"#, "e\u{301}-", ["\u{301}-"]), (#"\r?\n"#, "a\r\nb\n", ["\r\n", "\n"]),
      (#"é|\S"#, "é日", ["é", "日"]), (#"[\S]+"#, "ab c", ["ab", "c"]),
      (#"a?a?b"#, "aab ab b aaab", ["aab", "ab", "b", "aab"]),
    ])
  func finds(_ regex: String, _ text: String, _ expected: [String]) throws {
    let found = try matches(regex, text)
    #expect(found.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
  }

  @Test("agrees with Swift's own engine on random texts")
  func oracle() throws {
    let regex = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    let engine = try Regex(regex).matchingSemantics(.unicodeScalar)
    var random = SeededRandom(seed: 3)
    let pieces = ["'s", "'", "t", " ", "  ", "\n", "é", "日", "12", "!", "…", "\u{301}", "\u{3000}", "l"]
    for _ in 0..<300 {
      let text = (0..<12).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let expected = text.matches(of: engine).map { Array(text[$0.range].utf8) }
      #expect(try matches(regex, text).map { Array($0.utf8) } == expected, "\(text.debugDescription)")
    }
  }

  @Test(
    "refuses what it does not know",
    arguments: [
      "", "a||b", "a*", "a{2}", "(a)", "(?i:a)", "a+b", "a+?", "a++", ".", "^a", "a$", #"\w"#, #"\d"#,
      #"\p{Lu}"#,
      #"\P{L}"#, #"a+(?!\S)"#, #"\s(?!\S)"#, "[", "[]", "[a", "[z-a]", "[a&&b]", "[[:alpha:]]", #"\"#, "a?",
      "a)",
      "a?b?c?d?e?f", Array(repeating: "a", count: 65).joined(separator: "|"),
      String(repeating: "a", count: 5000),
    ])
  func refuses(_ regex: String) {
    #expect(throws: PatternSyntaxError.self) { try Pattern(regex: regex) }
  }

  @Test(
    "\\s, \\p{L} and \\p{N} contain the scalars that the reference's do, all of Unicode",
    arguments: ["s", "L", "N"])
  func scalarSets(_ name: String) throws {
    let golden = try JSONDecoder().decode(
      [String: [UInt32]].self, from: Data(try Fixture.bytes("Tokenizers/scalars.json")))
    let bounds = try #require(golden[name])
    let set = CompiledScalarSet(
      name == "s" ? ScalarSet(whitespace: true) : ScalarSet(categories: name == "L" ? .letters : .numbers))
    var members: [UInt32] = []
    var isInside = false
    for value in UInt32(0)...0x110000 where value < 0xD800 || value >= 0xE000 {
      let contains = value < 0x110000 && set.contains(value)
      if contains != isInside { members.append(contains ? value : value - 1) }
      isInside = contains
    }
    #expect(members == bounds)
  }
}
