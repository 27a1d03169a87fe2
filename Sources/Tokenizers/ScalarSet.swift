// SPDX-License-Identifier: Apache-2.0

/// Reading scalars from UTF-8 that is known to be valid (it came out of a `String`).
enum ValidUTF8 {
  /// The scalar at byte `at`, and the number of its bytes.
  static func scalar(_ text: Span<UInt8>, at: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(text[at])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(text[at + 1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(text[at + 2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(text[at + 3] & 0x3F), 4)
  }

  /// The number of bytes of the scalar that starts with `byte`.
  static func length(_ byte: UInt8) -> Int { byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4 }
}

/// General categories as bits.
struct GeneralCategories: OptionSet, Sendable {
  let rawValue: UInt32

  static let letters = Self([
    .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
  ])
  static let numbers = Self([.decimalNumber, .letterNumber, .otherNumber])
  static let marks = Self([.nonspacingMark, .spacingMark, .enclosingMark])

  init(rawValue: UInt32) { self.rawValue = rawValue }

  init(_ categories: [Unicode.GeneralCategory]) {
    rawValue = categories.reduce(0) { $0 | Self.bit($1) }
  }

  /// The category of a scalar as the reference sees it.
  ///
  /// The reference (tokenizers 0.23, Oniguruma) stands at Unicode 16 and the standard library at 17: what is younger
  /// counts as unassigned, so that both split a text in the same places.
  init(of scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0xAC00...0xD7A3: self = Self([.otherLetter])
    default:
      let properties = scalar.properties
      let isYounger = scalar.value > 0x7FF && (properties.age?.major ?? 0) > 16
      self = Self([isYounger ? .unassigned : properties.generalCategory])
    }
  }

  private static func bit(_ category: Unicode.GeneralCategory) -> UInt32 {
    switch category {
    case .uppercaseLetter: 1 << 0
    case .lowercaseLetter: 1 << 1
    case .titlecaseLetter: 1 << 2
    case .modifierLetter: 1 << 3
    case .otherLetter: 1 << 4
    case .decimalNumber: 1 << 5
    case .letterNumber: 1 << 6
    case .otherNumber: 1 << 7
    case .nonspacingMark: 1 << 8
    case .spacingMark: 1 << 9
    case .enclosingMark: 1 << 10
    default: 1 << 31
    }
  }
}

/// A set of scalars, as a pattern's `\p{L}`, `\s`, `x` or `[^\s\p{L}\p{N}]` describes it.
struct ScalarSet: Sendable, Equatable {
  var categories: GeneralCategories = []
  var ranges: [ClosedRange<UInt32>] = []
  /// Contains all white space (Unicode White_Space, which is also what the reference's `\s` means).
  var whitespace = false
  /// Contains all that is not white space.
  var nonWhitespace = false
  var isNegated = false

  /// One scalar.
  init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

  init(categories: GeneralCategories = [], whitespace: Bool = false, nonWhitespace: Bool = false) {
    self.categories = categories
    self.whitespace = whitespace
    self.nonWhitespace = nonWhitespace
  }

  /// Adds what `other`, which is not negated, contains.
  mutating func formUnion(_ other: ScalarSet) {
    categories.formUnion(other.categories)
    ranges += other.ranges
    whitespace = whitespace || other.whitespace
    nonWhitespace = nonWhitespace || other.nonWhitespace
  }

  func contains(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    return isMember(scalar) != isNegated
  }

  private func isMember(_ scalar: Unicode.Scalar) -> Bool {
    for range in ranges where range.contains(scalar.value) { return true }
    if whitespace || nonWhitespace, scalar.properties.isWhitespace ? whitespace : nonWhitespace {
      return true
    }
    return !categories.isEmpty && !categories.isDisjoint(with: GeneralCategories(of: scalar))
  }
}

/// A set with its ASCII part in two words; what the matcher runs on.
struct CompiledScalarSet: Sendable {
  private let low: UInt64
  private let high: UInt64
  private let set: ScalarSet

  init(_ set: ScalarSet) {
    self.set = set
    low = (0..<64).reduce(0) { set.contains($1) ? $0 | 1 << UInt64($1) : $0 }
    high = (64..<128).reduce(0) { set.contains($1) ? $0 | 1 << UInt64($1 - 64) : $0 }
  }

  func contains(_ value: UInt32) -> Bool {
    if value < 64 { return low >> UInt64(value) & 1 != 0 }
    if value < 128 { return high >> UInt64(value - 64) & 1 != 0 }
    return set.contains(value)
  }
}
