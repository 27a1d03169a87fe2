// SPDX-License-Identifier: Apache-2.0

/// What is done to a text before it is cut: the `normalizer` of `tokenizer.json`.
indirect enum Normalizer: Sendable {
  /// Unicode form C.
  case canonicalComposition
  /// Every match of the pattern becomes `content`.
  case replace(Pattern, content: [UInt8])
  /// Full lowercase mapping of each scalar by itself: no final sigma, no language.
  case lowercase
  /// White space at the ends goes.
  case strip(left: Bool, right: Bool)
  case sequence([Normalizer])

  /// Changes valid UTF-8 into valid UTF-8.
  func apply(to text: inout [UInt8]) {
    switch self {
    case .canonicalComposition: CanonicalComposition.apply(to: &text)
    case .replace(let pattern, let content): text = Self.replaced(text, pattern, content)
    case .lowercase: text = Self.lowercased(text)
    case .strip(let left, let right): Self.strip(&text, left: left, right: right)
    case .sequence(let steps): for step in steps { step.apply(to: &text) }
    }
  }

  private static func replaced(_ text: [UInt8], _ pattern: Pattern, _ content: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var at = 0
    while let match = pattern.firstMatch(in: text.span, from: at, to: text.count) {
      result.append(contentsOf: text[at..<match.lowerBound])
      result.append(contentsOf: content)
      at = match.upperBound
    }
    result.append(contentsOf: text[at...])
    return result
  }

  private static func lowercased(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte < 0x80 {
        result.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
        at += 1
        continue
      }
      let (value, length) = ValidUTF8.scalar(text.span, at: at)
      // Ideographs and Hangul, which have no case, are the bulk of some texts.
      if (0x3040...0xD7A3).contains(value) && !(0xA000...0xABFF).contains(value) {
        result.append(contentsOf: text[at..<at + length])
      } else if let scalar = Unicode.Scalar(value) {
        result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      }
      at += length
    }
    return result
  }

  private static func strip(_ text: inout [UInt8], left: Bool, right: Bool) {
    let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
    var kept = scalars[...]
    if left { kept = kept.drop { $0.properties.isWhitespace } }
    if right { while let last = kept.last, last.properties.isWhitespace { kept.removeLast() } }
    text = Array(String(kept).utf8)
  }
}

extension Normalizer {
  private static let supported = "NFC, Replace, Lowercase, Strip, Sequence"

  init(_ json: JSONValue) throws(TokenizerError) {
    let type = try json.required("type")
    switch try type.string() {
    case "NFC": self = .canonicalComposition
    case "Lowercase": self = .lowercase
    case "Replace":
      self = .replace(
        try Pattern(try json.required("pattern")), content: try json.required("content").utf8())
    case "Strip":
      self = .strip(
        left: try json.flag("strip_left", default: true), right: try json.flag("strip_right", default: true))
    case "Sequence":
      var steps: [Normalizer] = []
      for step in try json.required("normalizers").elements() { steps.append(try Normalizer(step)) }
      self = .sequence(steps)
    case let other: throw type.unsupported("\"\(other)\"", supported: Self.supported)
    }
    try PipelineLimits.check(json, steps: stepCount, growth: growth)
  }

  /// How many times longer a text may become by replacing, at most.
  private var growth: Int {
    switch self {
    case .canonicalComposition, .lowercase, .strip: 1
    case .replace(_, let content): max(1, content.count)
    case .sequence(let steps): PipelineLimits.product(steps.map(\.growth))
    }
  }

  private var stepCount: Int {
    if case .sequence(let steps) = self { steps.reduce(1) { $0 + $1.stepCount } } else { 1 }
  }
}

/// Keeps a hostile file from making every text enormous: 40 replacements of one character by two would be enough.
enum PipelineLimits {
  static let maximumGrowth = 256
  static let maximumSteps = 64

  /// The product of factors, which stops growing above the limit.
  static func product(_ factors: [Int]) -> Int {
    factors.reduce(1) { min($0, maximumGrowth + 1) * min($1, maximumGrowth + 1) }
  }

  /// Throws when a chain of steps is longer, or lets a text grow further, than any real one.
  static func check(_ json: JSONValue, steps: Int, growth: Int) throws(TokenizerError) {
    guard steps <= maximumSteps else {
      throw TokenizerError(.tooLarge, json.path, "more than \(maximumSteps) steps")
    }
    guard growth <= maximumGrowth else {
      throw TokenizerError(.tooLarge, json.path, "lets a text become more than \(maximumGrowth) times longer")
    }
  }
}

extension Pattern {
  /// Reads `{"String": "…"}` or `{"Regex": "…"}`.
  init(_ json: JSONValue) throws(TokenizerError) {
    if let literal = try json.member("String") {
      let text = try literal.string()
      guard !text.isEmpty, text.utf8.count <= Vocabulary.maximumTokenLength else {
        throw TokenizerError(.invalidValue, literal.path, "empty, or longer than any token")
      }
      self.init(literal: text)
      return
    }
    let regex = try json.required("Regex")
    do {
      try self.init(regex: try regex.string())
    } catch let error as PatternSyntaxError {
      throw regex.unsupported(error.message, supported: Self.grammar)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw TokenizerError(.invalidValue, regex.path, "\(error)")
    }
  }
}
