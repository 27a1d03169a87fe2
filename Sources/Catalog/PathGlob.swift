// SPDX-License-Identifier: Apache-2.0

/// A pattern over paths relative to a root.
///
/// - `?` is one character and `*` any number of them, neither crosses a `/`; `**` crosses, and `**/` is any
///   number of whole folders, also none.
/// - `[a-z]`, `[!a-z]`: one character of a set, or not of it. `{a,b}`: either. `\` makes the next character plain.
/// - A pattern without `/` is matched against names in any folder; with one, against the path from the root. A
///   pattern that ends in `/` means everything below that folder.
///
/// Characters are Unicode scalars; pattern and path are compared in composed form (NFC), so it does not matter
/// how a file system decomposed `é`. Matching takes time in proportion to pattern × path, for any pattern.
package struct PathGlob: Hashable, Sendable {
  private enum Token: Hashable, Sendable {
    case literal(UInt32)
    case any
    case set([ClosedRange<UInt32>], isNegated: Bool)
    case star
    case globstar
    /// `**/` takes two places: between folders, and inside one.
    case folders
    case insideFolder
  }

  private static let slash = UInt32(UInt8(ascii: "/"))
  private let alternatives: [[Token]]
  private let ignoresCase: Bool

  /// Compiles a pattern.
  /// - Throws: `invalidRequest` when a bracket or brace is not closed, or braces make too many patterns.
  package init(_ pattern: String, ignoringCase: Bool = false) throws(CatalogError) {
    ignoresCase = ignoringCase
    let text = ignoringCase ? CaptionText.folded(pattern) : CaptionText.composed(pattern)
    var alternatives: [[Token]] = []
    for scalars in try Self.expandBraces(Array(text.unicodeScalars), of: pattern) {
      alternatives.append(try Self.parse(Self.anchored(scalars), of: pattern))
    }
    self.alternatives = alternatives
  }

  /// The pattern that covers `text` itself and nothing else.
  package static func escaped(_ text: String) -> String {
    String(text.flatMap { "\\*?[]{}!,".contains($0) ? ["\\", $0] : [$0] })
  }

  /// Whether the pattern covers all of `path`.
  package func matches(_ path: String) -> Bool {
    let text = ignoresCase ? CaptionText.folded(path) : CaptionText.composed(path)
    return alternatives.contains { Self.matches(text, $0) }
  }

  // MARK: - Matching

  private static func matches(_ path: String, _ tokens: [Token]) -> Bool {
    // The places in the pattern that may come next, ascending; a set, so nothing is tried twice.
    var places: [Int] = []
    var next: [Int] = []
    enter(0, tokens, &places)
    for scalar in path.unicodeScalars {
      if places.isEmpty { return false }
      next.removeAll(keepingCapacity: true)
      for place in places where place < tokens.count {
        if let following = step(tokens[place], at: place, scalar.value) { enter(following, tokens, &next) }
      }
      swap(&places, &next)
    }
    return places.contains(tokens.count)
  }

  /// Adds a place, and those reached from it without a character.
  private static func enter(_ place: Int, _ tokens: [Token], _ places: inout [Int]) {
    var place = place
    while !places.contains(place) {
      places.append(place)
      guard place < tokens.count else { return }
      switch tokens[place] {
      case .star, .globstar: place += 1
      case .folders: place += 2
      default: return
      }
    }
  }

  private static func step(_ token: Token, at place: Int, _ value: UInt32) -> Int? {
    switch token {
    case .literal(let expected): value == expected ? place + 1 : nil
    case .any: value != slash ? place + 1 : nil
    case .set(let ranges, let isNegated):
      value != slash && ranges.contains { $0.contains(value) } != isNegated ? place + 1 : nil
    case .star: value != slash ? place : nil
    case .globstar: place
    case .folders: value == slash ? nil : place + 1
    case .insideFolder: value == slash ? place - 1 : place
    }
  }

  // MARK: - Parsing

  /// The pattern as it stands from the root.
  private static func anchored(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var scalars = scalars
    let isAnchored = scalars.dropLast().contains("/")
    if scalars.last == "/" { scalars += ["*", "*"] }
    if scalars.first == "/" {
      scalars.removeFirst()
    } else if !isAnchored {
      scalars = ["*", "*", "/"] + scalars
    }
    return scalars
  }

  private static func parse(_ scalars: [Unicode.Scalar], of pattern: String) throws(CatalogError) -> [Token] {
    var tokens: [Token] = []
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      switch scalar {
      case "?": tokens.append(.any)
      case "*":
        let isDouble = index < scalars.count && scalars[index] == "*"
        while index < scalars.count, scalars[index] == "*" { index += 1 }
        let startsPart = tokens.isEmpty || tokens.last == .literal(slash) || tokens.last == .insideFolder
        if isDouble && startsPart && index < scalars.count && scalars[index] == "/" {
          index += 1
          tokens += [.folders, .insideFolder]
        } else {
          tokens.append(isDouble ? .globstar : .star)
        }
      case "[": tokens.append(try parseSet(scalars, &index, of: pattern))
      case "\\":
        guard index < scalars.count else { throw invalid(pattern, "ends in a backslash") }
        tokens.append(.literal(scalars[index].value))
        index += 1
      default: tokens.append(.literal(scalar.value))
      }
    }
    return tokens
  }

  private static func parseSet(
    _ scalars: [Unicode.Scalar], _ index: inout Int, of pattern: String
  ) throws(CatalogError) -> Token {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    if index < scalars.count, scalars[index] == "!" || scalars[index] == "^" {
      isNegated = true
      index += 1
    }
    var isFirst = true
    while index < scalars.count, isFirst || scalars[index] != "]" {
      isFirst = false
      if scalars[index] == "\\" && index + 1 < scalars.count { index += 1 }
      let low = scalars[index].value
      index += 1
      if index + 1 < scalars.count, scalars[index] == "-", scalars[index + 1] != "]" {
        let high = scalars[index + 1].value
        guard low <= high else { throw invalid(pattern, "has a range that runs backwards") }
        ranges.append(low...high)
        index += 2
      } else {
        ranges.append(low...low)
      }
    }
    guard index < scalars.count else { throw invalid(pattern, "has a [ without ]") }
    index += 1
    return .set(ranges, isNegated: isNegated)
  }

  /// One pattern for each choice among braces.
  private static func expandBraces(
    _ scalars: [Unicode.Scalar], of pattern: String
  ) throws(CatalogError) -> [[Unicode.Scalar]] {
    var finished: [[Unicode.Scalar]] = []
    var waiting = [scalars]
    while let next = waiting.popLast() {
      guard finished.count + waiting.count < 256 else {
        throw invalid(pattern, "has braces for over 256 patterns")
      }
      guard let (open, commas, close) = try firstBrace(next, of: pattern) else {
        finished.append(next)
        continue
      }
      var start = open + 1
      for end in commas + [close] {
        waiting.append(Array(next[..<open]) + next[start..<end] + next[(close + 1)...])
        start = end + 1
      }
    }
    return finished
  }

  private static func firstBrace(
    _ scalars: [Unicode.Scalar], of pattern: String
  ) throws(CatalogError) -> (open: Int, commas: [Int], close: Int)? {
    var open: Int?
    var commas: [Int] = []
    var depth = 0
    var index = 0
    while index < scalars.count {
      switch scalars[index] {
      case "\\": index += 1
      case "[":
        // Braces and commas of a set are plain.
        var unused = index + 1
        _ = try parseSet(scalars, &unused, of: pattern)
        index = unused - 1
      case "{":
        depth += 1
        if open == nil { open = index }
      case "," where depth == 1: commas.append(index)
      case "}" where depth > 0:
        depth -= 1
        if depth == 0, let open { return (open, commas, index) }
      default: break
      }
      index += 1
    }
    guard open == nil else { throw invalid(pattern, "has a { without }") }
    return nil
  }

  private static func invalid(_ pattern: String, _ problem: String) -> CatalogError {
    CatalogError(.invalidRequest, "the glob '\(pattern)' \(problem)")
  }
}
