// SPDX-License-Identifier: Apache-2.0

/// The rules of one ignore file, in the language of gitignore(5): the last rule that matches decides.
package struct IgnoreRules: Sendable {
  /// What a file of rules says about a path.
  package enum Verdict: Sendable, Hashable {
    /// Leave it out.
    case ignored
    /// Take it, whatever a weaker file says (`!pattern`).
    case included
  }

  /// A line that is no rule.
  package struct Problem: Sendable, Hashable {
    /// The line, from 1.
    package let line: Int
    /// What is wrong with it.
    package let message: String
  }

  /// The most bytes a file of rules may have.
  package static let maximumSize = 1 << 20

  private let rules: [(glob: Glob, isNegated: Bool)]

  /// Whether there is no rule.
  package var isEmpty: Bool { rules.isEmpty }

  /// Reads a file of rules; bad lines are reported and passed over.
  package static func parse(_ bytes: [UInt8]) -> (rules: IgnoreRules, problems: [Problem]) {
    var rules: [(glob: Glob, isNegated: Bool)] = []
    var problems: [Problem] = []
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard let text = String(validating: line, as: UTF8.self) else {
        problems.append(Problem(line: index + 1, message: "this is not UTF-8"))
        continue
      }
      do {
        if let rule = try rule(text, isFirst: index == 0) { rules.append(rule) }
      } catch {
        problems.append(Problem(line: index + 1, message: error.description))
      }
    }
    return (IgnoreRules(rules: rules), problems)
  }

  /// What the rules say about a path relative to the folder of their file; nil when nothing.
  package func verdict(on path: some StringProtocol, isFolder: Bool) -> Verdict? {
    for rule in rules.reversed() where rule.glob.matches(path, isFolder: isFolder) {
      return rule.isNegated ? .included : .ignored
    }
    return nil
  }

  private static func rule(_ line: String, isFirst: Bool) throws(GlobError) -> (glob: Glob, isNegated: Bool)?
  {
    var text = Array(line.unicodeScalars)[...]
    if isFirst, text.first == "\u{FEFF}" { text.removeFirst() }
    if text.last == "\r" { text.removeLast() }
    // Blanks at the end do not count, unless a backslash stands before them.
    while text.last == " ", !isEscaped(at: text.endIndex - 1, in: text) { text.removeLast() }
    if text.isEmpty || text.first == "#" { return nil }
    var isNegated = false
    if text.first == "!" {
      isNegated = true
      text.removeFirst()
    }
    var pattern = String.UnicodeScalarView()
    pattern.append(contentsOf: text)
    return (try Glob(String(pattern)), isNegated)
  }

  private static func isEscaped(at index: Int, in text: ArraySlice<Unicode.Scalar>) -> Bool {
    let backslashes = text[..<index].reversed().prefix { $0 == "\\" }.count
    return backslashes % 2 == 1
  }
}
