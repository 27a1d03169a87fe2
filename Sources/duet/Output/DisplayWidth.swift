// SPDX-License-Identifier: Apache-2.0

extension String {
  /// How many columns a terminal gives the text: two for a Chinese sign, none for a combining mark.
  var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// The text with blanks behind it, `width` columns wide; as it is where it is wider.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth))
  }

  /// On one line and no wider than `width` columns: line breaks and tabs become blanks, what is too much becomes "…".
  func shortened(to width: Int) -> String {
    let line = String(map { $0.isNewline || $0 == "\t" ? " " : $0 })
    guard line.displayWidth > width else { return line }
    var (kept, used) = ("", 0)
    for character in line {
      guard used + character.displayWidth < width else { break }
      used += character.displayWidth
      kept.append(character)
    }
    return kept + "…"
  }
}

extension Character {
  /// A cluster takes the room of its first scalar; a picture selector (U+FE0F) makes it a picture.
  fileprivate var displayWidth: Int {
    guard let first = unicodeScalars.first else { return 0 }
    if unicodeScalars.contains("\u{FE0F}") { return 2 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return first.isWide ? 2 : 1
    }
  }
}

extension Unicode.Scalar {
  /// East_Asian_Width W or F (UAX #11), by blocks.
  fileprivate var isWide: Bool {
    switch value {
    case 0..<0x1100: false
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF,
      0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x20000...0x3FFFD:
      true
    default: properties.isEmojiPresentation
    }
  }
}
