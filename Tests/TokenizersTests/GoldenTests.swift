// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import Tokenizers

/// The golden texts and ids; `Fixtures/Tokenizers/make_tokenizers.py` made them with the reference.
enum Golden {
  static let texts: [String] = {
    do {
      return try JSONDecoder().decode(
        [String].self, from: Data(try Fixture.bytes("Tokenizers/strings.json")))
    } catch {
      Issue.record("strings.json: \(error)")
      return []
    }
  }()

  static func ids(_ name: String) throws -> [[Int32]] {
    let text = String(decoding: try Fixture.bytes("Tokenizers/\(name)"), as: UTF8.self)
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
      line.split(separator: " ").compactMap { Int32($0) }
    }
  }

  static func small() throws -> any Tokenizer {
    try TokenizerLoader.load(tokenizerJSON: Fixture.bytes("Tokenizers/small/tokenizer.json"))
  }

  static func smallFromParts() throws -> any Tokenizer {
    try TokenizerLoader.load(
      vocabularyJSON: Fixture.bytes("Tokenizers/small/vocab.json"),
      merges: Fixture.bytes("Tokenizers/small/merges.txt"))
  }

  /// Records the first few texts whose ids differ.
  static func expectEqual(
    _ tokenizer: any Tokenizer, _ expected: [[Int32]], texts: [String] = texts, escaping: Bool = false
  ) {
    #expect(expected.count == texts.count)
    var differences = 0
    for (text, ids) in zip(texts, expected) {
      let found = tokenizer.encode(text, escapingSpecialTokens: escaping)
      guard found != ids else { continue }
      differences += 1
      if differences <= 3 {
        Issue.record("\(text.debugDescription.prefix(200)): \(found) instead of \(ids)")
      }
    }
    #expect(differences == 0, "of \(texts.count) texts")
  }
}

/// OpenAI's merges are not in the repository; where they lie beside it, the real vocabulary is tested too.
enum StockCLIP {
  static let path: String? = [
    ProcessInfo.processInfo.environment["DUET_CLIP_MERGES"],
    Fixture.repository.appending(path: "../shared/data/clip-merges.txt").path(percentEncoded: false),
  ].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }

  static func merges() throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: try #require(path))))
  }

  /// `vocab.json` as it follows from the merges: bytes, bytes ending a word, merges, the two special tokens.
  static func vocabularyJSON(_ merges: [UInt8]) -> [UInt8] {
    let printable = (0..<256).filter {
      (33...126).contains($0) || (161...172).contains($0) || (174...255).contains($0)
    }
    var tokens = printable.map { String(ByteLevel.characters[$0]) }
    tokens += (256..<256 + 256 - printable.count).map { String(Character(Unicode.Scalar($0) ?? " ")) }
    tokens += tokens.map { $0 + "</w>" }
    tokens += String(decoding: merges, as: UTF8.self).split(separator: "\n").dropFirst().map {
      String($0).replacing(" ", with: "")
    }
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    let members = tokens.enumerated().map { "\(quoted($1)): \($0)" }
    return Array("{\(members.joined(separator: ", "))}".utf8)
  }

  /// The small file's `tokenizer.json` around the stock vocabulary, with merges as pairs or as strings.
  static func tokenizerJSON(_ merges: [UInt8], asPairs: Bool) throws -> [UInt8] {
    let small = String(decoding: try Fixture.bytes("Tokenizers/small/tokenizer.json"), as: UTF8.self)
    let head = try #require(small.firstRange(of: "\"vocab\":"))
    let lines = String(decoding: merges, as: UTF8.self).split(separator: "\n").dropFirst()
    let list = lines.map { line in
      asPairs ? "[\(line.split(separator: " ").map(quoted).joined(separator: ","))]" : quoted(line)
    }
    let vocabulary = String(decoding: vocabularyJSON(merges), as: UTF8.self)
    let file =
      small[..<head.upperBound] + vocabulary + ",\"merges\":[" + list.joined(separator: ",") + "]}}"
    return Array(
      file.replacing(":1521", with: ":49406").replacing(",1521", with: ",49406")
        .replacing(":1522", with: ":49407").replacing(",1522", with: ",49407").utf8)
  }

  /// Non-ASCII as `\u` escapes, as published files have it.
  private static func quoted(_ text: some StringProtocol) -> String {
    let body = text.utf16.map { unit in
      unit == 0x22 || unit == 0x5C
        ? "\\" + String(Character(Unicode.Scalar(UInt8(unit))))
        : unit < 0x80
          ? String(Character(Unicode.Scalar(UInt8(unit))))
          : "\\u" + String(Int(unit) + 0x10000, radix: 16).suffix(4)
    }
    return "\"\(body.joined())\""
  }
}

@Suite("Token ids equal the reference's")
struct GoldenTests {
  @Test("own vocabulary, from tokenizer.json")
  func small() throws {
    Golden.expectEqual(try Golden.small(), try Golden.ids("small.ids"))
  }

  @Test("own vocabulary, from vocab.json and merges.txt")
  func smallFromParts() throws {
    Golden.expectEqual(try Golden.smallFromParts(), try Golden.ids("small.ids"))
  }

  @Test("special tokens in the text, read as characters")
  func escaped() throws {
    let texts = Golden.texts.filter { $0.contains("<|") }
    #expect(texts.count > 100)
    let expected = try Golden.ids("escaped.ids")
    for tokenizer in [try Golden.small(), try Golden.smallFromParts()] {
      Golden.expectEqual(tokenizer, expected, texts: texts, escaping: true)
      let special = Set(tokenizer.prefix + tokenizer.suffix)
      #expect(special.isDisjoint(with: tokenizer.encode("a<|endoftext|>b", escapingSpecialTokens: true)))
    }
  }

  @Test(
    "CLIP's vocabulary, in three forms",
    .enabled(if: StockCLIP.path != nil, "OpenAI's merges are not beside the repository"))
  func stockCLIP() throws {
    let merges = try StockCLIP.merges()
    let expected = try Golden.ids("clip.ids")
    let fromParts = try TokenizerLoader.load(
      vocabularyJSON: StockCLIP.vocabularyJSON(merges), merges: merges)
    Golden.expectEqual(fromParts, expected)
    for asPairs in [false, true] {
      let file = try StockCLIP.tokenizerJSON(merges, asPairs: asPairs)
      let tokenizer = try TokenizerLoader.load(tokenizerJSON: file)
      Golden.expectEqual(tokenizer, expected)
      #expect(tokenizer.vocabularySize == 49408)
      #expect(
        tokenizer.encode("a photo of a cat", maxLength: 77).ids == [49406, 320, 1125, 539, 320, 2368, 49407])
    }
  }

  struct Variant: Decodable, CustomTestStringConvertible {
    let name: String
    let texts: [String]
    let ids: [[Int32]]
    var testDescription: String { name }
  }

  static let variants: [(Variant, [UInt8])] = {
    do {
      let file = try Fixture.bytes("Tokenizers/variants.json")
      let variants = try JSONDecoder().decode([Variant].self, from: Data(file))
      let raw = try #require(try JSONSerialization.jsonObject(with: Data(file)) as? [[String: Any]])
      return try zip(variants, raw).map { variant, raw in
        (variant, [UInt8](try JSONSerialization.data(withJSONObject: try #require(raw["tokenizer"]))))
      }
    } catch {
      Issue.record("variants.json: \(error)")
      return []
    }
  }()

  @Test("other components", arguments: variants.indices)
  func variant(_ index: Int) throws {
    let (variant, file) = Self.variants[index]
    let tokenizer = try TokenizerLoader.load(tokenizerJSON: file)
    for (text, ids) in zip(variant.texts, variant.ids) {
      let found = tokenizer.prefix + tokenizer.encode(text) + tokenizer.suffix
      #expect(found == ids, "\(variant.name): \(text.debugDescription)")
    }
  }
}
