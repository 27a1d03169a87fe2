// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import Catalog

@Suite struct PathGlobTests {
  @Test(
    arguments: [
      ("*.jpg", "a.jpg", true), ("*.jpg", "x/y/a.jpg", true), ("*.jpg", "a.jpg/b", false),
      ("*.jpg", "a.JPG", false),
      ("/*.jpg", "a.jpg", true), ("/*.jpg", "x/a.jpg", false), ("x/*.jpg", "x/a.jpg", true),
      ("x/*.jpg", "x/y/a.jpg", false), ("x/**/*.jpg", "x/a.jpg", true), ("x/**/*.jpg", "x/y/z/a.jpg", true),
      ("x/**", "x/y/z", true), ("x/**", "x", false), ("**/y/*", "y/a", true), ("**/y/*", "x/y/a", true),
      ("**/y/*", "xy/a", false), ("x/", "x/a", true), ("x/", "w/x/a", true), ("/x/", "w/x/a", false),
      ("x/", "xx/a", false), ("a?c", "abc", true), ("a?c", "a/c", false), ("a?c", "aéc", true),
      ("a?c", "ac", false),
      ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[!a-c]x", "dx", true), ("[]]x", "]x", true),
      ("[a/]b", "/b", false), ("{a,b}*.{png,jpg}", "b1.jpg", true), ("{a,b}*.{png,jpg}", "c.jpg", false),
      ("{a,{b,c}}", "c", true), ("{,x}y", "y", true), ("\\*", "*", true), ("\\*", "a", false),
      ("a**b", "a/x/b", true),
      ("/a**b", "a/x/b", true), ("", "a", false), ("**", "a/b", true), ("*", "a/b", true), ("日*", "日本", true),
      ("caf\u{E9}", "cafe\u{301}", true), ("x/[{,}]", "x/{", true),
    ])
  func `patterns match as documented`(pattern: String, path: String, expected: Bool) throws {
    #expect(try PathGlob(pattern).matches(path) == expected)
  }

  @Test func `case can be ignored`() throws {
    #expect(try PathGlob("*.JPG", ignoringCase: true).matches("É.jpg"))
    #expect(try PathGlob("é*", ignoringCase: true).matches("É.jpg"))
  }

  @Test(arguments: ["[a", "{a", "a\\", "[b-a]", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"])
  func `broken patterns are refused`(pattern: String) throws {
    #expect(try CatalogError.Code.of { _ = try PathGlob(pattern) } == .invalidRequest)
  }

  @Test func `no pattern takes exponential time`() throws {
    let path = String(repeating: "a", count: 2000) + "b"
    let pattern = String(repeating: "*a", count: 60) + "c"
    #expect(try PathGlob(pattern).matches(path) == false)
    #expect(
      try PathGlob(String(repeating: "**/", count: 60) + "c").matches(
        String(repeating: "a/", count: 800) + "b") == false)
  }

  /// The definition, by recursion, for patterns without sets and braces that start with `/`.
  private func naive(_ pattern: Substring, _ path: Substring) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    if pattern.hasPrefix("**/") {
      let rest = pattern.dropFirst(3)
      if naive(rest, path) { return true }
      guard let slash = path.firstIndex(of: "/") else { return false }
      return naive(pattern, path[path.index(after: slash)...])
    }
    if pattern.hasPrefix("**") {
      return naive(pattern.dropFirst(2), path) || (!path.isEmpty && naive(pattern, path.dropFirst()))
    }
    if first == "*" {
      return naive(pattern.dropFirst(), path)
        || (path.first != nil && path.first != "/" && naive(pattern, path.dropFirst()))
    }
    guard let character = path.first else { return false }
    return (first == "?" ? character != "/" : first == character)
      && naive(pattern.dropFirst(), path.dropFirst())
  }

  @Test func `random patterns agree with the definition`() throws {
    var random = SeededRandom(seed: 9)
    let pieces = ["a", "b", "?", "*", "**", "/**/", "/"]
    var matched = 0
    for _ in 0..<4000 {
      let parts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? "a"
      }
      var pattern = parts.joined()
      while pattern.contains("***") { pattern.replace("***", with: "**") }
      while pattern.contains("//") { pattern.replace("//", with: "/") }
      // "x**/" in the middle of a part means something else; keep to whole parts.
      if pattern.hasSuffix("/") || pattern.contains(/[^\/]\*\*\//) { continue }
      let path = (0..<Int.random(in: 1...7, using: &random)).map { _ in
        ["a", "b", "/"].randomElement(using: &random) ?? "a"
      }
      .joined().split(separator: "/").joined(separator: "/")
      let body = pattern.hasPrefix("/") ? pattern.dropFirst() : pattern[...]
      let expected = naive(body, path[...])
      if expected { matched += 1 }
      #expect(try PathGlob("/" + body).matches(path) == expected, "\(pattern) \(path)")
    }
    #expect(matched > 200)
  }
}
