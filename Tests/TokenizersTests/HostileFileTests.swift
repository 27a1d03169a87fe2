// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import Tokenizers

/// A tokenizer file small enough to break in every place.
struct TokenizerParts {
  var addedTokens = #"[{"id":4,"content":"<e>","special":true,"normalized":false}]"#
  var normalizer = #"{"type":"Lowercase"}"#
  var preTokenizer =
    #"{"type":"Split","pattern":{"Regex":"\\p{L}+|\\s"},"behavior":"Isolated","invert":false}"#
  var postProcessor = #"{"type":"BertProcessing","cls":["<e>",4],"sep":["<e>",4]}"#
  var modelType = #""BPE""#
  var unknown = #""?""#
  var vocabulary = #"{"a":0,"b":1,"ab":2,"?":3}"#
  var merges = #"["a b"]"#
  var extra = ""

  var file: String {
    """
    {"added_tokens":\(addedTokens),"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
     "post_processor":\(postProcessor),
     "model":{"type":\(modelType),"unk_token":\(unknown),"vocab":\(vocabulary),"merges":\(merges)\(extra)}}
    """
  }
}

@Suite("A broken tokenizer file is an error that says where")
struct HostileFileTests {
  /// What goes wrong with one part of the file.
  struct Breakage: CustomTestStringConvertible, Sendable {
    let field: String
    let code: TokenizerError.Code
    let parts: TokenizerParts
    var testDescription: String { field }

    init(
      _ part: WritableKeyPath<TokenizerParts, String>, _ value: String,
      _ code: TokenizerError.Code,
      _ field: String
    ) {
      var parts = TokenizerParts()
      parts[keyPath: part] = value
      self.parts = parts
      self.code = code
      self.field = field
    }
  }

  /// A chain of the same step.
  private static func bomb(_ list: String, _ step: String, _ count: Int) -> String {
    "{\"type\":\"Sequence\",\"\(list)\":[\(Array(repeating: step, count: count).joined(separator: ","))]}"
  }

  static let breakages = [
    Breakage(\.modelType, #""WordPiece""#, .unsupported, "model.type"),
    Breakage(\.modelType, "7", .invalidValue, "model.type"),
    Breakage(\.vocabulary, "[]", .invalidValue, "model.vocab"),
    Breakage(\.vocabulary, "{}", .invalidValue, "model.vocab"),
    Breakage(\.vocabulary, "null", .missingField, "model.vocab"),
    Breakage(\.vocabulary, #"{"a":0,"b":0,"ab":2,"?":3}"#, .invalidValue, "two tokens have the id 0"),
    Breakage(\.vocabulary, #"{"a":0,"b":1,"ab":2,"?":3,"a":5}"#, .invalidValue, "\"a\" is given twice"),
    Breakage(\.vocabulary, #"{"a":-1,"b":1,"ab":2,"?":3}"#, .invalidValue, "the id of \"a\""),
    Breakage(\.vocabulary, #"{"a":1e2,"b":1,"ab":2,"?":3}"#, .invalidValue, "the id of \"a\""),
    Breakage(\.vocabulary, #"{"a":4294967296,"b":1,"ab":2}"#, .invalidValue, "the id of \"a\""),
    Breakage(\.vocabulary, #"{"a":99999999999999999999999,"b":1}"#, .invalidValue, "the id of \"a\""),
    Breakage(\.vocabulary, "{\"\(String(repeating: "a", count: 5000))\":0}", .tooLarge, "model.vocab"),
    Breakage(\.merges, "null", .missingField, "model.merges"),
    Breakage(\.merges, #"{"a":"b"}"#, .invalidValue, "model.merges"),
    Breakage(\.merges, #"["a b","a c"]"#, .invalidValue, "model.merges[1]: the token \"c\" is not"),
    Breakage(\.merges, #"["b a"]"#, .invalidValue, "model.merges[0]: the token \"ba\" is not"),
    Breakage(\.merges, #"["ab"]"#, .invalidValue, "model.merges[0]"),
    Breakage(\.merges, #"["a b c"]"#, .invalidValue, "model.merges[0]"),
    Breakage(\.merges, "[5]", .invalidValue, "model.merges[0]"),
    Breakage(\.merges, #"[["a"]]"#, .invalidValue, "model.merges"),
    Breakage(\.merges, #"[["a","b","c"]]"#, .invalidValue, "model.merges"),
    Breakage(\.merges, #"[["a",["b"]]]"#, .invalidValue, "model.merges"),
    Breakage(\.unknown, #""!""#, .invalidValue, "model.unk_token"),
    Breakage(\.extra, #","dropout":0.1"#, .unsupported, "model.dropout"),
    Breakage(\.extra, #","byte_fallback":true"#, .unsupported, "model.byte_fallback"),
    Breakage(\.extra, #","fuse_unk":1"#, .invalidValue, "model.fuse_unk"),
    Breakage(\.extra, #","vocab":{}"#, .invalidValue, "model.vocab: given twice"),
    Breakage(\.normalizer, #"{"type":"Precompiled"}"#, .unsupported, "normalizer.type"),
    Breakage(
      \.normalizer, #"{"type":"Sequence","normalizers":[{"type":"NFC"},{}]}"#, .missingField,
      "normalizer.normalizers[1].type"),
    Breakage(
      \.normalizer, #"{"type":"Replace","pattern":{"String":""},"content":"a"}"#, .invalidValue,
      "normalizer.pattern.String"),
    Breakage(
      \.normalizer, #"{"type":"Replace","pattern":{},"content":"a"}"#, .missingField,
      "normalizer.pattern.Regex"),
    Breakage(
      \.normalizer, bomb("normalizers", #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#, 40),
      .tooLarge, "normalizer: lets a text"),
    Breakage(
      \.normalizer, bomb("normalizers", #"{"type":"Lowercase"}"#, 65), .tooLarge, "normalizer: more than"),
    Breakage(
      \.preTokenizer, bomb("pretokenizers", #"{"type":"ByteLevel"}"#, 40), .tooLarge,
      "pre_tokenizer: lets a text"),
    Breakage(\.preTokenizer, #"{"type":"Metaspace"}"#, .unsupported, "pre_tokenizer.type"),
    Breakage(
      \.preTokenizer, #"{"type":"Split","pattern":{"Regex":"(a)"},"behavior":"Removed"}"#, .unsupported,
      "pre_tokenizer.pattern.Regex"),
    Breakage(
      \.preTokenizer, #"{"type":"Split","pattern":{"Regex":"a"},"behavior":"Lost"}"#, .unsupported,
      "pre_tokenizer.behavior"),
    Breakage(\.postProcessor, #"{"type":"Other"}"#, .unsupported, "post_processor.type"),
    Breakage(
      \.postProcessor, #"{"type":"BertProcessing","cls":["<e>",5],"sep":["<e>",4]}"#, .invalidValue,
      "post_processor.cls[1]: 5 is no token"),
    Breakage(
      \.postProcessor, #"{"type":"BertProcessing","cls":["<e>",-4],"sep":["<e>",4]}"#, .invalidValue,
      "post_processor.cls[1]"),
    Breakage(
      \.postProcessor, #"{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#, .invalidValue,
      "post_processor.single"),
    Breakage(
      \.postProcessor,
      #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}"#,
      .missingField,
      "post_processor.special_tokens.x"),
    Breakage(\.addedTokens, #"[{"id":0,"content":"b"}]"#, .invalidValue, "added_tokens[0].id"),
    Breakage(\.addedTokens, #"[{"id":5,"content":""}]"#, .invalidValue, "added_tokens[0].content"),
    Breakage(\.addedTokens, #"[{"id":-5,"content":"x"}]"#, .invalidValue, "added_tokens[0].id"),
    Breakage(
      \.addedTokens, #"[{"id":5,"content":"x"},{"id":5,"content":"y"}]"#, .invalidValue, "added_tokens[1].id"),
    Breakage(\.addedTokens, #"[{"content":"x"}]"#, .missingField, "added_tokens[0].id"),
  ]

  @Test("the unbroken file works")
  func control() throws {
    let tokenizer = try TokenizerLoader.load(tokenizerJSON: Array(TokenizerParts().file.utf8))
    #expect(tokenizer.encode("AB a<e>!") == [2, 3, 0, 4, 3])
    #expect(
      tokenizer.encode("ab ab ab", maxLength: 5) == TokenizedText(ids: [4, 2, 3, 2, 4], droppedTokens: 2))
  }

  @Test("each part broken", arguments: breakages)
  func broken(_ breakage: Breakage) {
    let error = #expect(throws: TokenizerError.self) {
      try TokenizerLoader.load(tokenizerJSON: Array(breakage.parts.file.utf8))
    }
    #expect(error?.code == breakage.code, "\(error?.message ?? "")")
    #expect(error?.message.contains("tokenizer.json") == true)
    #expect(error?.message.contains(breakage.field) == true, "\(error?.message ?? "")")
  }

  @Test(
    "text that is not JSON",
    arguments: [
      "", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\"}", "{,}", "[1 2]", "nul", "truex", "01", "-", "1.", "1e",
      "\"a",
      "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\ud800\\", "\"\n\"",
      "{} {}",
      "[\"a\":1]", "{1:2}", "+1", "\u{FEFF}{}",
    ])
  func malformed(_ text: String) {
    let error = #expect(throws: TokenizerError.self) {
      try TokenizerLoader.load(tokenizerJSON: Array(text.utf8))
    }
    #expect(error?.code == .malformed)
  }

  @Test("bytes that are not UTF-8")
  func invalidUTF8() {
    for bytes in [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE3, 0x81],
    ] as [[UInt8]] {
      #expect(throws: TokenizerError.self) { try TokenizerLoader.load(tokenizerJSON: bytes) }
    }
  }

  @Test("nesting without end", arguments: ["[", "{\"a\":"])
  func nesting(_ opening: String) {
    let error = #expect(throws: TokenizerError.self) {
      try TokenizerLoader.load(tokenizerJSON: Array(String(repeating: opening, count: 1_000_000).utf8))
    }
    #expect(error?.code == .tooLarge)
  }

  @Test("every prefix of a file, and a thousand files with bytes changed, load or throw")
  func damaged() throws {
    let file = Array(TokenizerParts().file.utf8)
    for length in 0..<file.count {
      #expect(throws: TokenizerError.self) {
        try TokenizerLoader.load(tokenizerJSON: Array(file.prefix(length)))
      }
    }
    var random = SeededRandom(seed: 7)
    var loaded = 0
    for _ in 0..<1000 {
      var damaged = file
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: 0..<file.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
      }
      guard let tokenizer = try? TokenizerLoader.load(tokenizerJSON: damaged) else { continue }
      loaded += 1
      let ids = tokenizer.encode("Ab a  b<e>é?!", maxLength: 8).ids
      #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
    }
    #expect(loaded > 20, "so that damaged tokenizers are run too")
  }

  @Test(
    "vocab.json and merges.txt",
    arguments: [
      (#"{"a":0}"#, "", "<|startoftext|>"), (#"{"<|startoftext|>":0,"a":1}"#, "", "<|endoftext|>"),
      (#"{"<|startoftext|>":0,"<|endoftext|>":1,"a":2}"#, "#version: 0.2\na a\n", "merges.txt: line 2"),
      (#"{"<|startoftext|>":0,"<|endoftext|>":1,"a":2}"#, "a\n", "merges.txt: line 1"),
      (#"{"<|startoftext|>":0,"<|endoftext|>":1,"a":2}"#, "\u{FF}", "merges.txt: line 1"),
      ("7", "", "vocab.json"),
    ])
  func brokenParts(_ vocabulary: String, _ merges: String, _ field: String) {
    let error = #expect(throws: TokenizerError.self) {
      try TokenizerLoader.load(vocabularyJSON: Array(vocabulary.utf8), merges: Array(merges.utf8))
    }
    #expect(error?.message.contains(field) == true, "\(error?.message ?? "")")
  }

  @Test("line ends of Windows and a missing last line end are read")
  func windowsLines() throws {
    let vocabulary = #"{"<|startoftext|>":0,"<|endoftext|>":1,"a":2,"b</w>":3,"ab</w>":4}"#
    let tokenizer = try TokenizerLoader.load(
      vocabularyJSON: Array(vocabulary.utf8), merges: Array("#version: 0.2\r\n\r\na b</w>".utf8))
    #expect(tokenizer.encode("ab") == [4])
  }
}
