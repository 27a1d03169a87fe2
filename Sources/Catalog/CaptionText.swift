// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// How the catalog compares texts.
enum CaptionText {
  /// FNV-1a of the text's bytes, to find equal captions by an index of integers.
  static func hash(_ text: String) -> Int64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return Int64(bitPattern: hash)
  }

  /// Composed and in lower case: texts that look the same but for case compare equal by their bytes.
  static func folded(_ text: String) -> String {
    composed(text.lowercased())
  }

  /// In Unicode's normal form C.
  static func composed(_ text: String) -> String {
    text.unicodeScalars.allSatisfy(isComposedAlready) ? text : text.precomposedStringWithCanonicalMapping
  }

  /// Scalars that no neighbour of these ranges composes with: Latin, kana, Han, Hangul syllables. Foundation
  /// takes microseconds for what is in form C already.
  private static func isComposedAlready(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x300, 0x3000...0x3098, 0x309B...0x30FF, 0x4E00...0x9FFF, 0xAC00...0xD7A3: true
    default: false
    }
  }

  /// SQLite would cut a text at a NUL.
  static func withoutNull(_ text: String) -> String {
    text.utf8.contains(0) ? String(text.unicodeScalars.map { $0 == "\0" ? " " : Character($0) }) : text
  }

  /// The file's name without its extension, and the folders above it.
  static func namesInPath(_ path: String) -> (name: String, folders: [String]) {
    var parts = path.split(separator: "/").map(String.init)
    var name = parts.popLast() ?? ""
    if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = String(name[..<dot]) }
    return (name, parts)
  }

  /// Whether `text` holds `needle`, folded already, as a run of bytes after folding.
  static func contains(_ text: String, folded needle: String) -> Bool {
    let haystack = folded(text)
    let text = haystack.utf8.span
    let part = needle.utf8.span
    guard part.count > 0 else { return true }
    guard text.count >= part.count else { return false }
    for start in 0...(text.count - part.count) where text[start] == part[0] {
      var length = 1
      while length < part.count, text[start + length] == part[length] { length += 1 }
      if length == part.count { return true }
    }
    return false
  }

  /// `duetContains(text, foldedNeedle)` in SQL.
  static let containsFunction = DatabaseFunction("duetContains", argumentCount: 2, pure: true) { values in
    guard let text = String.fromDatabaseValue(values[0]), let needle = String.fromDatabaseValue(values[1])
    else { return false }
    return contains(text, folded: needle)
  }
}
