// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Captions

@Suite("Hostile caption files")
struct HostileCaptionTests {
  private static let files: [(name: String, kind: CaptionFile.Kind)] = [
    ("own.csv", .csv), ("own.tsv", .tsv), ("own.jsonl", .jsonl), ("own-list.json", .json),
    ("own-map.json", .json),
    ("coco.json", .json), ("karpathy.json", .json), ("flickr30k.token", .tsv), ("flickr30k.csv", .csv),
  ]

  /// What holds for every result, whatever the input.
  private func check(_ file: CaptionFile, _ size: Int) {
    #expect(Set(file.entries.map { Array($0.imageName.utf8) }).count == file.entries.count)
    for entry in file.entries {
      #expect(!entry.captions.isEmpty)
      #expect(!entry.imageName.hasPrefix("/") && !entry.imageName.split(separator: "/").contains(".."))
      #expect(entry.captions.allSatisfy { CaptionText.cleaned($0) == $0 })
    }
    #expect(file.entries.count <= size)
  }

  @Test("Every cut of every form is read without harm", arguments: files.indices)
  func truncations(index: Int) throws {
    let (name, kind) = Self.files[index]
    let bytes = try Fixture.bytes("Captions/\(name)")
    for count in 0...bytes.count { check(CaptionFile.parse(Array(bytes.prefix(count)), kind: kind), count) }
  }

  @Test("Changed bytes are read without harm, in every kind", arguments: files.indices)
  func flips(index: Int) throws {
    var random = SeededRandom(seed: UInt64(index))
    let bytes = try Fixture.bytes("Captions/\(Self.files[index].name)")
    let special = Array("\"\\{}[],:|\t\n\r#/.u0".utf8) + [0x00, 0xFF, 0xE9]
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        damaged[Int.random(in: 0..<damaged.count, using: &random)] =
          special.randomElement(using: &random) ?? 0
      }
      for kind in CaptionFile.Kind.allCases { check(CaptionFile.parse(damaged, kind: kind), damaged.count) }
    }
  }

  @Test(
    "Depth and size of JSON are bounded",
    arguments: [
      String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
      #"{"info":"# + String(repeating: #"{"a":["#, count: 50_000),
      #"[{"file":"a","x":"# + String(repeating: "[", count: 99_999),
      #"[{"x":["# + String(repeating: "0,", count: 300_000),
      #"["# + String(repeating: "1", count: 100_000),
    ])
  func deepJSON(text: String) {
    for kind in [CaptionFile.Kind.json, .jsonl] {
      let file = CaptionFile.parse(Array(text.utf8), kind: kind)
      #expect(file.entries == [])
      #expect(file.problems.count == 1)
    }
  }

  @Test(
    "What is no JSON is an error at its line",
    arguments: [
      "nul", "01x", "\"a\tb\"", "\"\\x\"", "\"\\u12\"", "[1,]", "{\"a\":}", "{\"a\" 1}", "{1:2}", "[1 2]",
      "\"abc", "-",
      "[1]]", "",
    ])
  func badJSON(text: String) {
    var reader = JSONReader(Array(("\n" + text).utf8))
    let error = #expect(throws: JSONError.self) {
      _ = try reader.readValue()
      if reader.peek() != nil { throw reader.failure("rest") }
    }
    #expect(error?.line == 2)
  }

  @Test(
    "Strings are decoded by the standard",
    arguments: [
      (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u4E2D""#, "é中"),
      (#""\ud83d\ude00""#, "😀"),
      (#""\ud83dx""#, "\u{FFFD}x"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
      ("\"中\"", "中"),
    ])
  func strings(text: String, expected: String) throws {
    var reader = JSONReader(Array(text.utf8))
    #expect(try reader.readValue().text == expected)
  }
}
