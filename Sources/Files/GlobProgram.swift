// SPDX-License-Identifier: Apache-2.0

/// A pattern as a machine: a step per token, and the set of steps that the path read so far may stand at.
struct GlobProgram: Sendable {
  private enum Step: Sendable {
    case scalar(Unicode.Scalar)
    case set(GlobSet)
    /// `?`
    case any
    /// `*`: none or more, no slash.
    case run
    /// `**/`, at the start of a component: none or more whole components. Always followed by `.component`.
    case components
    /// Inside a component that `**/` passes over.
    case component
    /// `/**` at the end: everything below, at least one character.
    case rest
  }

  private let steps: [Step]
  private let isForWholePath: Bool
  private let ignoresCase: Bool
  /// The text of a pattern without wildcards, and of one like `*.jpg` behind its star: compared at once.
  private let literal: [Unicode.Scalar]?
  private let suffix: [Unicode.Scalar]?

  init(_ scalars: [Unicode.Scalar], ignoresCase: Bool, pattern: String) throws(GlobError) {
    var body = scalars[...]
    if body.last == "/" { body.removeLast() }
    isForWholePath = body.contains("/")
    if body.first == "/" { body.removeFirst() }
    guard !body.isEmpty else { throw GlobError(pattern, "there is nothing beside slashes") }
    self.ignoresCase = ignoresCase
    steps = try Self.compile(
      Array(body), wholePath: isForWholePath, ignoresCase: ignoresCase, pattern: pattern)
    literal = Self.literal(steps[...])
    if case .run? = steps.first, !isForWholePath {
      suffix = Self.literal(steps.dropFirst())
    } else {
      suffix = nil
    }
  }

  /// Whether the path, or its last component, is spelled by the pattern.
  func matches(_ path: Substring) -> Bool {
    var subject = path.unicodeScalars[...]
    if !isForWholePath, let slash = subject.lastIndex(of: "/") {
      subject = subject[subject.index(after: slash)...]
    }
    if !ignoresCase {
      if let literal { return subject.elementsEqual(literal) }
      if let suffix { return subject.reversed().starts(with: suffix.reversed()) }
    }
    return run(over: subject)
  }

  private func run(over subject: Substring.UnicodeScalarView) -> Bool {
    var here = [Bool](repeating: false, count: steps.count + 1)
    var next = here
    enter(0, &here)
    for scalar in subject {
      for index in next.indices { next[index] = false }
      let folded = ignoresCase ? scalar.folded : scalar
      var isAlive = false
      for (index, step) in steps.enumerated() where here[index] {
        if advance(step, at: index, over: folded, into: &next) { isAlive = true }
      }
      guard isAlive else { return false }
      swap(&here, &next)
    }
    return here[steps.count]
  }

  /// Marks the steps that follow when `step` takes `scalar`.
  private func advance(_ step: Step, at index: Int, over scalar: Unicode.Scalar, into next: inout [Bool])
    -> Bool
  {
    let target: Int? =
      switch step {
      case .scalar(let wanted): wanted == scalar ? index + 1 : nil
      case .set(let set): set.contains(scalar, ignoresCase: ignoresCase) ? index + 1 : nil
      case .any: scalar != "/" ? index + 1 : nil
      case .run: scalar != "/" ? index : nil
      case .components: scalar != "/" ? index + 1 : nil
      case .component: scalar == "/" ? index - 1 : index
      case .rest: index + 1
      }
    guard let target else { return false }
    enter(target, &next)
    if case .rest = step { enter(index, &next) }
    return true
  }

  /// Marks a step, and those behind it that may take nothing.
  private func enter(_ start: Int, _ states: inout [Bool]) {
    var index = start
    while !states[index] {
      states[index] = true
      guard index < steps.count else { return }
      switch steps[index] {
      case .run: index += 1
      case .components: index += 2
      default: return
      }
    }
  }

  private static func literal(_ steps: ArraySlice<Step>) -> [Unicode.Scalar]? {
    var scalars: [Unicode.Scalar] = []
    for step in steps {
      guard case .scalar(let scalar) = step else { return nil }
      scalars.append(scalar)
    }
    return scalars
  }

  private static func compile(
    _ body: [Unicode.Scalar], wholePath: Bool, ignoresCase: Bool, pattern: String
  ) throws(GlobError) -> [Step] {
    var steps: [Step] = []
    var index = 0
    while index < body.count {
      let scalar = body[index]
      if wholePath, index == 0 || body[index - 1] == "/", body[index...].starts(with: ["*", "*"]) {
        if index + 2 == body.count {
          steps.append(.rest)
          return steps
        }
        if body[index + 2] == "/" {
          steps += [.components, .component]
          index += 3
          continue
        }
      }
      switch scalar {
      case "*":
        if case .run? = steps.last {} else { steps.append(.run) }
      case "?": steps.append(.any)
      case "[":
        let (set, end) = try GlobSet.parse(body, at: index, pattern: pattern)
        steps.append(.set(set))
        index = end
      case "\\":
        index += 1
        guard index < body.count else {
          throw GlobError(pattern, "a backslash at the end takes nothing: write '\\\\'")
        }
        steps.append(.scalar(ignoresCase ? body[index].folded : body[index]))
      default: steps.append(.scalar(ignoresCase ? scalar.folded : scalar))
      }
      index += 1
    }
    return steps
  }
}

/// A bracketed set of characters.
struct GlobSet: Sendable {
  private var isNegated = false
  private var ranges: [ClosedRange<UInt32>] = []

  func contains(_ scalar: Unicode.Scalar, ignoresCase: Bool) -> Bool {
    guard scalar != "/" else { return false }
    var isListed = ranges.contains { $0.contains(scalar.value) }
    if ignoresCase, !isListed {
      let upper = scalar.properties.uppercaseMapping.unicodeScalars
      if upper.count == 1, let upper = upper.first { isListed = ranges.contains { $0.contains(upper.value) } }
    }
    return isListed != isNegated
  }

  /// Reads the set that opens at `start`; returns it and where its closing bracket is.
  static func parse(
    _ body: [Unicode.Scalar], at start: Int, pattern: String
  ) throws(GlobError) -> (set: GlobSet, end: Int) {
    var set = GlobSet()
    var index = start + 1
    if index < body.count, body[index] == "!" || body[index] == "^" {
      set.isNegated = true
      index += 1
    }
    let first = index
    while index < body.count {
      // A closing bracket in the first place is a character.
      if body[index] == "]", index > first { return (set, index) }
      if let (ranges, next) = namedClass(in: body, at: index) {
        set.ranges += ranges
        index = next
        continue
      }
      let lower = try scalar(in: body, at: &index, pattern: pattern)
      guard index + 1 < body.count, body[index] == "-", body[index + 1] != "]" else {
        set.ranges.append(lower.value...lower.value)
        continue
      }
      index += 1
      let upper = try scalar(in: body, at: &index, pattern: pattern)
      // A range that runs backwards holds nothing, as in git.
      if lower <= upper { set.ranges.append(lower.value...upper.value) }
    }
    throw GlobError(pattern, "a bracket is not closed: add ']' or write '\\['")
  }

  private static func scalar(
    in body: [Unicode.Scalar], at index: inout Int, pattern: String
  ) throws(GlobError) -> Unicode.Scalar {
    if body[index] == "\\" { index += 1 }
    guard index < body.count else {
      throw GlobError(pattern, "a bracket is not closed: add ']' or write '\\['")
    }
    defer { index += 1 }
    return body[index]
  }

  /// `[:alpha:]` and its like, in ASCII; nil where there is none.
  private static func namedClass(
    in body: [Unicode.Scalar], at index: Int
  ) -> (ranges: [ClosedRange<UInt32>], next: Int)? {
    guard body[index...].starts(with: ["[", ":"]) else { return nil }
    for (name, ranges) in classes where body[(index + 2)...].starts(with: (name + ":]").unicodeScalars) {
      return (ranges, index + name.unicodeScalars.count + 4)
    }
    return nil
  }

  private static let classes: [(String, [ClosedRange<UInt32>])] = [
    ("alpha", [0x41...0x5A, 0x61...0x7A]), ("digit", [0x30...0x39]),
    ("alnum", [0x30...0x39, 0x41...0x5A, 0x61...0x7A]), ("upper", [0x41...0x5A]), ("lower", [0x61...0x7A]),
    ("xdigit", [0x30...0x39, 0x41...0x46, 0x61...0x66]), ("space", [0x09...0x0D, 0x20...0x20]),
    ("blank", [0x09...0x09, 0x20...0x20]), ("cntrl", [0x00...0x1F, 0x7F...0x7F]),
    ("print", [0x20...0x7E]), ("graph", [0x21...0x7E]),
    ("punct", [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
  ]
}

extension Unicode.Scalar {
  /// The scalar in lower case, where that is one scalar.
  fileprivate var folded: Unicode.Scalar {
    if value < 0x80 { return (0x41...0x5A).contains(value) ? Unicode.Scalar(UInt8(value) + 32) : self }
    let lower = properties.lowercaseMapping.unicodeScalars
    guard lower.count == 1, let first = lower.first else { return self }
    return first
  }
}
