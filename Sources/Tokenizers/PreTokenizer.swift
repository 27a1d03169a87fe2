// SPDX-License-Identifier: Apache-2.0

/// A text on its way to the model: its bytes, and the pieces that it has been cut into so far.
struct Pieces {
  var text: [UInt8]
  /// In order; what lies between two pieces has been dropped. None is empty.
  var ranges: [Range<Int>]

  init(_ text: [UInt8]) {
    self.text = text
    ranges = text.isEmpty ? [] : [0..<text.count]
  }
}

/// How a text is cut into the pieces that the model sees: the `pre_tokenizer` of `tokenizer.json`.
indirect enum PreTokenizer: Sendable {
  /// What becomes of the matches of a `Split`.
  enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// Cuts at the matches, or with `inverted` at what lies between them.
  case split(Pattern, Behavior, inverted: Bool)
  /// Writes each byte as one printable character (GPT-2).
  case byteLevel(addsPrefixSpace: Bool, splits: Bool)
  case sequence([PreTokenizer])

  func apply(to pieces: inout Pieces) {
    switch self {
    case .split(let pattern, let behavior, let inverted):
      Self.split(&pieces, pattern, behavior, inverted: inverted)
    case .byteLevel(let addsPrefixSpace, let splits):
      if addsPrefixSpace { Self.addPrefixSpace(&pieces) }
      if splits { Self.split(&pieces, ByteLevel.pattern, .isolated, inverted: false) }
      ByteLevel.encode(&pieces)
    case .sequence(let steps): for step in steps { step.apply(to: &pieces) }
    }
  }

  private static func split(
    _ pieces: inout Pieces, _ pattern: Pattern, _ behavior: Behavior, inverted: Bool
  ) {
    var cut: [Range<Int>] = []
    cut.reserveCapacity(pieces.ranges.count * 4)
    let whole = pieces.text
    let text = whole.span
    for piece in pieces.ranges {
      var cutter = Cutter(behavior, firstOutput: cut.count)
      var at = piece.lowerBound
      while at < piece.upperBound {
        let match = pattern.firstMatch(in: text, from: at, to: piece.upperBound)
        let gapEnd = match?.lowerBound ?? piece.upperBound
        if gapEnd > at { cutter.add(at..<gapEnd, isDelimiter: inverted, to: &cut) }
        if let match { cutter.add(match, isDelimiter: !inverted, to: &cut) }
        at = match?.upperBound ?? piece.upperBound
      }
    }
    pieces.ranges = cut
  }

  private static func addPrefixSpace(_ pieces: inout Pieces) {
    let space = UInt8(ascii: " ")
    var spaced = Pieces([])
    for piece in pieces.ranges {
      let start = spaced.text.count
      if pieces.text[piece.lowerBound] != space { spaced.text.append(space) }
      spaced.text.append(contentsOf: pieces.text[piece])
      spaced.ranges.append(start..<spaced.text.count)
    }
    pieces = spaced
  }
}

/// Applies a split behaviour to the consecutive matches and gaps of one piece.
private struct Cutter {
  private let behavior: PreTokenizer.Behavior
  private let firstOutput: Int
  private var previousWasDelimiter: Bool?

  init(_ behavior: PreTokenizer.Behavior, firstOutput: Int) {
    self.behavior = behavior
    self.firstOutput = firstOutput
  }

  mutating func add(_ range: Range<Int>, isDelimiter: Bool, to cut: inout [Range<Int>]) {
    let joins =
      switch behavior {
      case .removed, .isolated: false
      case .contiguous: previousWasDelimiter == isDelimiter
      case .mergedWithPrevious: isDelimiter && previousWasDelimiter == false
      // A delimiter takes what follows: the following gap is joined to the delimiter before it.
      case .mergedWithNext: !isDelimiter && previousWasDelimiter == true
      }
    previousWasDelimiter = isDelimiter
    if behavior == .removed, isDelimiter { return }
    if joins, cut.count > firstOutput {
      cut[cut.count - 1] = cut[cut.count - 1].lowerBound..<range.upperBound
    } else {
      cut.append(range)
    }
  }
}

extension PreTokenizer {
  init(_ json: JSONValue) throws(TokenizerError) {
    let type = try json.required("type")
    switch try type.string() {
    case "Split":
      let behavior = try json.required("behavior")
      guard let known = Behavior(rawValue: try behavior.string()) else {
        throw behavior.unsupported(
          "\"\(try behavior.string())\"",
          supported: "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous")
      }
      self = .split(try Pattern(try json.required("pattern")), known, inverted: try json.flag("invert"))
    case "ByteLevel":
      self = .byteLevel(
        addsPrefixSpace: try json.flag("add_prefix_space", default: true),
        splits: try json.flag("use_regex", default: true))
    case "Sequence":
      var steps: [PreTokenizer] = []
      for step in try json.required("pretokenizers").elements() { steps.append(try PreTokenizer(step)) }
      self = .sequence(steps)
    case let other: throw type.unsupported("\"\(other)\"", supported: "Split, ByteLevel, Sequence")
    }
    try PipelineLimits.check(json, steps: stepCount, growth: growth)
  }

  /// How many times longer a text may become, at most: a byte becomes two, and a piece of one byte may gain a space.
  private var growth: Int {
    switch self {
    case .split: 1
    case .byteLevel: 4
    case .sequence(let steps): PipelineLimits.product(steps.map(\.growth))
    }
  }

  private var stepCount: Int {
    if case .sequence(let steps) = self { steps.reduce(1) { $0 + $1.stepCount } } else { 1 }
  }
}
