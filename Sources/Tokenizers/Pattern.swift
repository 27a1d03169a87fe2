// SPDX-License-Identifier: Apache-2.0

/// The part of regular expressions that tokenizers are written in, matched without a general engine.
///
/// An alternation of sequences of sets. A set is a character, an escape, a category or a class; all but the last of a
/// sequence stand for one scalar, or none with `?`; the last may repeat with `+`. `\s+(?!\S)` is understood as a whole.
/// That covers CLIP's and GPT-2's patterns. There is no backtracking beyond the optional sets, so a match costs
/// O(length), and finding all matches of a text O(length) too.
struct Pattern: Sendable {
  /// One set of a sequence.
  struct Element: Sendable {
    var set: CompiledScalarSet
    var isOptional = false
    var repeats = false
    /// Followed by "not followed by a scalar outside the set": a run gives back its last scalar unless it ends the text.
    var endsBeforeOther = false
  }

  /// Tried in this order at each place; the first that matches wins, as in every backtracking engine.
  let alternatives: [[Element]]
  /// For each ASCII character the alternatives that can start with it.
  private let startingWithASCII: [UInt64]

  init(alternatives: [[Element]]) {
    self.alternatives = alternatives
    startingWithASCII = (0..<128).map { value in
      alternatives.indices.reduce(0) { bits, index in
        Self.canStart(alternatives[index], value) ? bits | 1 << UInt64(index) : bits
      }
    }
  }

  private static func canStart(_ sequence: [Element], _ value: UInt32) -> Bool {
    for element in sequence {
      if element.set.contains(value) { return true }
      if !element.isOptional { return false }
    }
    return false
  }

  /// The first match at or after `start` that ends at or before `end`. Matches are never empty.
  func firstMatch(in text: Span<UInt8>, from start: Int, to end: Int) -> Range<Int>? {
    var at = start
    while at < end {
      if let matchEnd = matchEnd(in: text, at: at, to: end) { return at..<matchEnd }
      at += ValidUTF8.length(text[at])
    }
    return nil
  }

  private func matchEnd(in text: Span<UInt8>, at: Int, to end: Int) -> Int? {
    var candidates = text[at] < 128 ? startingWithASCII[Int(text[at])] : .max
    while candidates != 0 {
      let index = candidates.trailingZeroBitCount
      guard index < alternatives.count else { return nil }
      if let matchEnd = Self.matchEnd(alternatives[index], 0, text, at, end) { return matchEnd }
      candidates &= candidates - 1
    }
    return nil
  }

  /// Recursion is as deep as the sequence is long.
  private static func matchEnd(
    _ sequence: [Element], _ index: Int, _ text: Span<UInt8>, _ at: Int, _ end: Int
  ) -> Int? {
    guard index < sequence.count else { return at }
    let element = sequence[index]
    if at < end {
      let (value, length) = ValidUTF8.scalar(text, at: at)
      if element.set.contains(value) {
        if element.repeats { return runEnd(element, text, at, end) }
        if let matchEnd = matchEnd(sequence, index + 1, text, at + length, end) { return matchEnd }
      }
    }
    return element.isOptional ? matchEnd(sequence, index + 1, text, at, end) : nil
  }

  /// `at` stands on a member of the set.
  private static func runEnd(_ element: Element, _ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var at = start
    var last = start
    while at < end {
      let (value, length) = ValidUTF8.scalar(text, at: at)
      guard element.set.contains(value) else { break }
      last = at
      at += length
    }
    guard element.endsBeforeOther, at < end else { return at }
    return last > start ? last : nil
  }
}

extension Pattern {
  /// Oniguruma's `\w` is not among the escapes: no pattern that we read needs it.
  static let grammar = #"""
    an alternation of characters, \p{L}, \p{N}, \p{M}, \s, \S, [classes] of these, the quantifiers ? and + (+ only at \#
    the end of an alternative), and \s+(?!\S)
    """#

  /// Matches exactly `text`.
  init(literal text: String) {
    self.init(alternatives: [text.unicodeScalars.map { Element(set: CompiledScalarSet(ScalarSet($0))) }])
  }

  /// Reads a regular expression. Throws what is wrong with it, without its place.
  init(regex: String) throws(PatternSyntaxError) {
    var parser = PatternParser(regex)
    self.init(alternatives: try parser.parse())
  }
}
