// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Cuts texts into words, for storing and for asking.
///
/// FTS5's unicode61 takes a whole Chinese or Thai sentence for one word. Here, scripts that write no spaces
/// (Han, kana, Thai, Lao, Khmer, Burmese), and Hangul, whose words carry endings, are cut into single signs and
/// pairs of neighbours; the rest is cut where unicode61 would cut it. What is stored are these tokens with
/// spaces between them, so that plain FTS5 finds them again. Case and diacritics are left to unicode61.
package enum WordSegmenter {
  /// One stretch of a text that is a word, or a run of signs of an unspaced script.
  package enum Run: Equatable, Sendable {
    case word(String)
    /// Signs with the marks that belong to them, at least one.
    case signs([String])
  }

  /// The runs of `text`, in order. Compatibility forms (full-width letters, half-width kana, decomposed
  /// Hangul) are brought to one form first (NFKC).
  package static func runs(_ text: String) -> [Run] {
    let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
    let text = isASCII ? text : text.precomposedStringWithCompatibilityMapping
    var runs: [Run] = []
    var word = String.UnicodeScalarView()
    var signs: [String] = []
    func endWord() {
      if !word.isEmpty { runs.append(.word(String(word))) }
      word = String.UnicodeScalarView()
    }
    func endSigns() {
      if !signs.isEmpty { runs.append(.signs(signs)) }
      signs = []
    }
    for scalar in text.unicodeScalars {
      switch kind(of: scalar) {
      case .letter:
        endSigns()
        word.append(scalar)
      case .sign:
        endWord()
        signs.append(String(scalar))
      case .mark:
        // A mark belongs to the sign or letter before it; alone it is nothing.
        if let last = signs.indices.last {
          signs[last].unicodeScalars.append(scalar)
        } else if !word.isEmpty {
          word.append(scalar)
        }
      case .gap:
        endWord()
        endSigns()
      case .nothing: break
      }
    }
    endWord()
    endSigns()
    return runs
  }

  /// The tokens of `text` in order: words as they are; of a run of signs each sign followed by its pair with
  /// the next one. A part of a run then has a contiguous part of the run's tokens, so phrases work.
  package static func tokens(_ text: String) -> [String] {
    var tokens: [String] = []
    for run in runs(text) {
      switch run {
      case .word(let word): tokens.append(word)
      case .signs(let signs):
        for index in signs.indices {
          tokens.append(signs[index])
          if index + 1 < signs.count { tokens.append(signs[index] + signs[index + 1]) }
        }
      }
    }
    return tokens
  }

  /// Stands between texts that share a column, so that no phrase reaches from one into the next.
  static let boundary = "\u{E000}"

  /// What is stored for `texts` in one column of the words table.
  static func stored(_ texts: [String]) -> String {
    texts.map { tokens($0).joined(separator: " ") }.filter { !$0.isEmpty }
      .joined(separator: " \(boundary) ")
  }

  private enum Kind { case letter, sign, mark, gap, nothing }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    let value = scalar.value
    if value < 0x80 {
      switch value {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return .letter
      default: return .gap
      }
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      return isUnspaced(scalar) ? .sign : .letter
    case .privateUse:
      return value == 0xE000 ? .gap : .letter
    case .nonspacingMark, .spacingMark:
      return isOptional(scalar) ? .nothing : .mark
    case .format:
      return .nothing
    default:
      return .gap
    }
  }

  /// Hebrew and Arabic vowel points, which the same word is written with and without.
  private static func isOptional(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0591...0x05C7, 0x0610...0x061A, 0x064B...0x065F, 0x0670, 0x06D6...0x06ED: true
    default: false
    }
  }

  private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF: true  // Thai, Lao; Burmese; Khmer
    case 0x1100...0x11FF, 0xA960...0xA97F, 0xAC00...0xD7FF: true  // Hangul
    case 0x3005...0x3007, 0x3041...0x30FF, 0x31F0...0x31FF, 0x3400...0x9FFF, 0xF900...0xFAFF: true
    case 0x1AFF0...0x1B16F, 0x20000...0x3FFFF: true
    default: scalar.properties.isIdeographic
    }
  }
}
