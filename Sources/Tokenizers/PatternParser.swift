// SPDX-License-Identifier: Apache-2.0

/// What `PatternParser` cannot read.
struct PatternSyntaxError: Error {
  let message: String
}

/// Reads the regular expressions of `Pattern`.
struct PatternParser {
  /// Alternatives are kept in the bits of one word.
  private static let maximumAlternatives = 64
  private static let maximumLength = 4096
  /// Bounds the matcher's backtracking to 2^4 per place.
  private static let maximumOptionals = 4

  private let scalars: [Unicode.Scalar]
  private var at = 0

  init(_ regex: String) { scalars = Array(regex.unicodeScalars) }

  mutating func parse() throws(PatternSyntaxError) -> [[Pattern.Element]] {
    guard scalars.count <= Self.maximumLength else { throw error("longer than \(Self.maximumLength)") }
    var alternatives: [[Pattern.Element]] = []
    repeat {
      alternatives.append(try sequence())
    } while accept("|")
    guard at == scalars.count else { throw error("')' without '('") }
    guard alternatives.count <= Self.maximumAlternatives else {
      throw error("more than \(Self.maximumAlternatives) alternatives")
    }
    return alternatives
  }

  private mutating func sequence() throws(PatternSyntaxError) -> [Pattern.Element] {
    var elements: [Pattern.Element] = []
    while let next = peek, next != "|", next != ")" {
      if let last = elements.last, last.repeats { throw error("something follows a '+'") }
      elements.append(try element())
    }
    let optionals = elements.count(where: \.isOptional)
    guard optionals < elements.count else { throw error("an alternative that matches the empty text") }
    guard optionals <= Self.maximumOptionals else { throw error("more than \(Self.maximumOptionals) '?'") }
    return elements
  }

  private mutating func element() throws(PatternSyntaxError) -> Pattern.Element {
    let set = try set()
    var element = Pattern.Element(set: CompiledScalarSet(set))
    if accept("?") {
      element.isOptional = true
    } else if accept("+") {
      element.repeats = true
      if scalars[at...].starts(with: #"(?!\S)"#.unicodeScalars) {
        guard set == ScalarSet(whitespace: true) else {
          throw error(#"(?!\S) after something else than \s+"#)
        }
        at += 6
        element.endsBeforeOther = true
      }
    }
    if let next = peek, "?+*{".unicodeScalars.contains(next) { throw error("the quantifier '\(next)'") }
    return element
  }

  private mutating func set() throws(PatternSyntaxError) -> ScalarSet {
    let scalar = scalars[at]
    at += 1
    switch scalar {
    case "\\": return try escape()
    case "[": return try characterClass()
    case "(", "*", "+", "?", "{", ".", "^", "$": throw error("'\(scalar)'")
    default: return ScalarSet(scalar)
    }
  }

  /// Behind the backslash.
  private mutating func escape() throws(PatternSyntaxError) -> ScalarSet {
    guard let scalar = peek else { throw error("a '\\' at the end") }
    at += 1
    switch scalar {
    case "s": return ScalarSet(whitespace: true)
    case "S": return ScalarSet(nonWhitespace: true)
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "p":
      for (name, categories) in Self.categories where scalars[at...].starts(with: name.unicodeScalars) {
        at += name.unicodeScalars.count
        return ScalarSet(categories: categories)
      }
      throw error("a property other than \\p{L}, \\p{N}, \\p{M}")
    case _ where scalar.isASCII && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar):
      return ScalarSet(scalar)
    default: throw error("'\\\(scalar)'")
    }
  }

  private static let categories: [(String, GeneralCategories)] = [
    ("{L}", .letters), ("{N}", .numbers), ("{M}", .marks),
  ]

  /// Behind the opening bracket.
  private mutating func characterClass() throws(PatternSyntaxError) -> ScalarSet {
    var set = ScalarSet()
    set.isNegated = accept("^")
    var isEmpty = true
    while let scalar = peek, scalar != "]" {
      at += 1
      isEmpty = false
      if scalar == "[" || scalar == "&" { throw error("'\(scalar)' in a class") }
      let member = scalar == "\\" ? try escape() : ScalarSet(scalar)
      guard peek == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
        set.formUnion(member)
        continue
      }
      let upper = scalars[at + 1]
      at += 2
      guard let lower = member.ranges.first?.lowerBound, upper != "\\", upper != "[", lower <= upper.value
      else {
        throw error("this range in a class")
      }
      set.ranges.append(lower...upper.value)
    }
    guard accept("]"), !isEmpty else { throw error("an empty or unfinished class") }
    return set
  }

  private var peek: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    at += 1
    return true
  }

  private func error(_ problem: String) -> PatternSyntaxError {
    PatternSyntaxError(message: "\(problem) at character \(at)")
  }
}
