// SPDX-License-Identifier: Apache-2.0

/// A pattern for paths, with the rules of gitignore(5).
///
/// A pattern without a slash (but at its end) is for the last component, at any depth; any other is for the
/// whole path. `*` and `?` do not cross a slash, `**` as a component does, `[a-z]`, `[!a]` and `[[:alpha:]]`
/// are sets, `\` takes the next character as it is, a slash at the end asks for a folder. Characters are
/// Unicode scalars.
///
/// - Complexity: matching takes O(pattern × path), whatever the pattern: all alternatives are followed at
///   once (Thompson, "Regular expression search algorithm", 1968), never one after the other.
package struct Glob: Sendable, CustomStringConvertible {
  /// How a pattern is read.
  package struct Options: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// Upper and lower case are the same.
    package static let ignoresCase = Options(rawValue: 1)
    /// `{jpg,png}` means one or the other, as in shells; not part of gitignore's language.
    package static let braces = Options(rawValue: 2)
  }

  /// The pattern as written.
  package let description: String
  /// Whether it ends in a slash: then it matches folders alone.
  package let matchesOnlyFolders: Bool

  private let alternatives: [GlobProgram]

  /// Reads a pattern.
  ///
  /// - Throws: ``GlobError`` for an empty or over-long pattern, an open bracket or brace, a lone backslash.
  package init(_ pattern: String, options: Options = []) throws(GlobError) {
    guard !pattern.isEmpty else { throw GlobError(pattern, "an empty pattern matches nothing") }
    guard pattern.utf8.count <= 4096 else {
      throw GlobError(pattern, "the pattern is longer than 4,096 bytes")
    }
    let scalars = Array(pattern.unicodeScalars)
    let spelled = options.contains(.braces) ? try BraceExpansion.expand(scalars, pattern: pattern) : [scalars]
    var alternatives: [GlobProgram] = []
    for spelling in spelled {
      alternatives.append(
        try GlobProgram(spelling, ignoresCase: options.contains(.ignoresCase), pattern: pattern))
    }
    description = pattern
    matchesOnlyFolders = scalars.last == "/"
    self.alternatives = alternatives
  }

  /// Whether the pattern matches `path`, relative to the folder that the pattern is for, `/` between
  /// components.
  package func matches(_ path: some StringProtocol, isFolder: Bool = false) -> Bool {
    if matchesOnlyFolders && !isFolder { return false }
    return alternatives.contains { $0.matches(Substring(path)) }
  }

  /// Whether the pattern matches the file `path` or a folder above it: what a filter `trips/` or `2019`
  /// means.
  package func covers(_ path: String) -> Bool {
    if matches(path) { return true }
    var end = path.startIndex
    while let slash = path[end...].firstIndex(of: "/") {
      if matches(path[..<slash], isFolder: true) { return true }
      end = path.index(after: slash)
    }
    return false
  }
}

/// A pattern that cannot be read.
package struct GlobError: Error, CustomStringConvertible, Sendable {
  /// The pattern as written.
  package let pattern: String
  /// What is wrong with it.
  package let message: String

  init(_ pattern: String, _ message: String) {
    self.pattern = String(pattern.prefix(200))
    self.message = message
  }

  /// `pattern 'x': message`.
  package var description: String { "pattern '\(pattern)': \(message)" }
}

/// Spells out `a{b,c}d` as `abd` and `acd`.
enum BraceExpansion {
  private static let limit = 256

  static func expand(_ scalars: [Unicode.Scalar], pattern: String) throws(GlobError) -> [[Unicode.Scalar]] {
    var done: [[Unicode.Scalar]] = []
    var open = [scalars]
    // Each round replaces the first braces of one spelling; nested ones come up in a later round.
    while let next = open.popLast() {
      guard let braces = try firstBraces(in: next, pattern: pattern) else {
        done.append(next)
        continue
      }
      let head = next[..<braces.start]
      let tail = next[(braces.end + 1)...]
      for part in braces.parts.reversed() { open.append(Array(head + next[part] + tail)) }
      guard open.count + done.count <= limit else {
        throw GlobError(pattern, "the braces spell out more than \(limit) patterns")
      }
    }
    return done
  }

  private struct Braces {
    let start: Int
    let end: Int
    let parts: [Range<Int>]
  }

  private static func firstBraces(in scalars: [Unicode.Scalar], pattern: String) throws(GlobError) -> Braces?
  {
    var depth = 0
    var start = 0
    var partStart = 0
    var parts: [Range<Int>] = []
    var index = 0
    while index < scalars.count {
      switch scalars[index] {
      case "\\": index += 1
      case "{":
        if depth == 0 {
          start = index
          partStart = index + 1
        }
        depth += 1
      case "," where depth == 1:
        parts.append(partStart..<index)
        partStart = index + 1
      case "}" where depth > 0:
        depth -= 1
        if depth == 0 { return Braces(start: start, end: index, parts: parts + [partStart..<index]) }
      default: break
      }
      index += 1
    }
    if depth > 0 { throw GlobError(pattern, "a brace is not closed: add '}' or write '\\{'") }
    return nil
  }
}
