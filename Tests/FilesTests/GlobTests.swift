// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing

@Suite("Globs")
struct GlobTests {
  @Test(
    "A pattern matches what gitignore(5) says",
    arguments: [
      ("*.jpg", "a.jpg", true), ("*.jpg", "x/y/a.jpg", true), ("*.jpg", "a.jpg/b", false),
      ("*.jpg", "a.JPG", false),
      ("a", "a", true), ("a", "b/a", true), ("/a", "a", true), ("/a", "b/a", false), ("b/a", "b/a", true),
      ("b/a", "c/b/a", false), ("**/b/a", "c/b/a", true), ("**/b/a", "b/a", true), ("a/**", "a/b/c", true),
      ("a/**", "a", false), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("a/**/b", "a/xb", false),
      ("a/**/b", "ax/b", false), ("a**b", "axxb", true), ("x/a**b", "x/a/b", false), ("a?c", "abc", true),
      ("a?c", "aéc", true), ("a?c", "a/c", false), ("x/a?c", "x/a/c", false), ("[a-c]x", "bx", true),
      ("[a-c]x", "dx", false), ("[!a-c]x", "dx", true), ("[^a-c]x", "bx", false), ("[]]x", "]x", true),
      ("[!]]x", "]x", false), ("[a-]x", "-x", true), ("[[:digit:]]x", "7x", true),
      ("[[:alpha:]]x", "7x", false),
      ("[α-ω]x", "λx", true), ("[c-a]x", "bx", false), ("x/[!b]y", "x//y", false), ("\\*a", "*a", true),
      ("\\*a", "xa", false), ("[\\]]a", "]a", true), ("a\\?", "a?", true), ("*", "anything", true),
      ("**", "x/y", true), ("**/*.png", "a.png", true), ("*a*b*c*", "xxaxxbxxc", true),
      ("*a*b*c*", "xxaxxcxxb", false),
      ("日本/*", "日本/写真", true), ("{a,b}", "{a,b}", true), ("{a,b}", "a", false),
      ("*.tar.gz", "x.tar.gz", true),
      ("a*/b", "abc/b", true), ("a*/b", "abc/d/b", false), ("**/a/**/b/**", "x/a/y/b/z", true),
      ("**/a/**/b/**", "x/a/y/b", false),
    ])
  func matches(pattern: String, path: String, expected: Bool) throws {
    #expect(try Glob(pattern).matches(path) == expected)
  }

  @Test("A slash at the end asks for a folder; covers() looks at the folders above")
  func folders() throws {
    let glob = try Glob("trips/")
    #expect(!glob.matches("trips"))
    #expect(glob.matches("trips", isFolder: true))
    #expect(glob.matches("x/trips", isFolder: true))
    #expect(glob.covers("x/trips/a.jpg"))
    #expect(!glob.covers("x/trips.jpg"))
    #expect(try Glob("2019").covers("2019/01/a.jpg"))
    #expect(try Glob("2019/*").covers("2019/01/a.jpg"))
    #expect(try !Glob("/01").covers("2019/01/a.jpg"))
  }

  @Test("Case can be ignored, beyond ASCII too")
  func ignoresCase() throws {
    #expect(try Glob("*.JPG", options: .ignoresCase).matches("a.jpg"))
    #expect(try Glob("[A-C]É?", options: .ignoresCase).matches("béx"))
    #expect(try Glob("[A-C]x", options: .ignoresCase).matches("bX"))
  }

  @Test("Braces spell out alternatives when asked for")
  func braces() throws {
    let glob = try Glob("img_{1,2{a,b},}.{jpg,png}", options: .braces)
    for name in ["img_1.jpg", "img_2a.png", "img_2b.jpg", "img_.png"] { #expect(glob.matches(name)) }
    for name in ["img_2.png", "img_3.jpg", "img_1.gif"] { #expect(!glob.matches(name)) }
    #expect(try Glob("a\\{b", options: .braces).matches("a{b"))
  }

  @Test(
    "What cannot be read is an error",
    arguments: ["", "/", "[a", "[", "[!", "a\\", "[\\", String(repeating: "a", count: 5000)])
  func refuses(pattern: String) { #expect(throws: GlobError.self) { try Glob(pattern) } }

  @Test("Open braces and floods of alternatives are errors")
  func refusesBraces() {
    #expect(throws: GlobError.self) { try Glob("{a,b", options: .braces) }
    #expect(throws: GlobError.self) { try Glob(String(repeating: "{a,b}", count: 30), options: .braces) }
  }

  @Test("No pattern takes exponential time")
  func isPolynomial() throws {
    let start = ContinuousClock.now
    let glob = try Glob(String(repeating: "*a", count: 50) + "b")
    #expect(!glob.matches(String(repeating: "a", count: 2000)))
    let deep = try Glob(String(repeating: "**/a/", count: 50) + "b")
    #expect(!deep.matches(String(repeating: "a/", count: 500) + "c"))
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test("Random patterns match as a plain backtracking matcher says", arguments: 0..<8)
  func twin(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    for _ in 0..<300 {
      let pattern = "x" + randomText("ab*?/", 1...7, &random) + "/y"
      let path = "x" + randomText("ab/", 0...7, &random) + "/y"
      if pattern.contains("**") || pattern.contains("//") || path.contains("//") { continue }
      #expect(
        try Glob(pattern).matches(path) == backtrack(Array(pattern)[...], Array(path)[...]),
        "\(pattern) on \(path)")
    }
  }

  private func randomText(_ letters: String, _ count: ClosedRange<Int>, _ random: inout SeededRandom)
    -> String
  {
    let letters = Array(letters)
    return String(
      (0..<Int.random(in: count, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" })
  }

  private func backtrack(_ pattern: ArraySlice<Character>, _ path: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    let rest = pattern.dropFirst()
    if first == "*" {
      return backtrack(rest, path)
        || (!path.isEmpty && path.first != "/" && backtrack(pattern, path.dropFirst()))
    }
    guard let next = path.first, first == next || (first == "?" && next != "/") else { return false }
    return backtrack(rest, path.dropFirst())
  }
}

@Suite("Ignore rules")
struct IgnoreRulesTests {
  @Test("The last rule that matches decides; comments, blanks, escapes, CRLF and a byte order mark are read")
  func verdicts() {
    let text = "\u{FEFF}*.tmp\r\n# note\n\n!keep.tmp\n\\#hash\n\\!bang\ntrail   \nspace\\ \n/top\nsub/\n"
    let (rules, problems) = IgnoreRules.parse(Array(text.utf8))
    #expect(problems.isEmpty)
    let expected: [(String, IgnoreRules.Verdict?)] = [
      ("a.tmp", .ignored), ("x/a.tmp", .ignored), ("keep.tmp", .included), ("#hash", .ignored),
      ("!bang", .ignored),
      ("trail", .ignored), ("space ", .ignored), ("space", nil), ("top", .ignored), ("x/top", nil),
      ("sub", nil),
      ("# note", nil),
    ]
    for (path, verdict) in expected {
      #expect(rules.verdict(on: path, isFolder: false) == verdict, "\(path)")
    }
    #expect(rules.verdict(on: "x/sub", isFolder: true) == .ignored)
  }

  @Test("Bad lines are reported with their number, the others kept")
  func problems() {
    let (rules, problems) = IgnoreRules.parse(Array("a\n[b\n".utf8) + [0xFF, 0x0A] + Array("c\n".utf8))
    #expect(problems.map(\.line) == [2, 3])
    #expect(rules.verdict(on: "a", isFolder: false) == .ignored)
    #expect(rules.verdict(on: "c", isFolder: false) == .ignored)
  }

  @Test("Any bytes are read without harm", arguments: 0..<50)
  func fuzz(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let alphabet = Array("ab*?[]!^-\\/{},:# \n".utf8) + [0xFF]
    let bytes = (0..<200).map { _ in alphabet.randomElement(using: &random) ?? 0 }
    let (rules, _) = IgnoreRules.parse(bytes)
    _ = rules.verdict(on: "a/b-c", isFolder: false)
  }
}
