// SPDX-License-Identifier: Apache-2.0

/// How much Duet takes from one file of captions; whatever is beyond is reported, not swallowed.
package struct CaptionLimits: Sendable, Hashable {
  /// The most bytes of a caption file that are read: COCO's largest has 91 MB.
  package var fileBytes = 256 << 20
  /// The most bytes of a sidecar file.
  package var sidecarBytes = 1 << 20
  /// The most bytes of one caption; a longer one is cut.
  package var captionBytes = 8192
  /// The most captions of one image.
  package var captionsPerImage = 256
  /// The most problems that are listed one by one.
  package var problems = 1000
  package init() {}
}

/// A line of a caption file that could not be used, or not wholly.
package struct CaptionProblem: Sendable, Hashable, CustomStringConvertible {
  /// The line, from 1; nil when it is about the whole file.
  package let line: Int?
  /// What is wrong, and what was done about it.
  package let message: String

  /// `line 7: message`.
  package var description: String { line.map { "line \($0): \(message)" } ?? message }

  /// `captions.jsonl: line 7: message`.
  package func description(in file: String) -> String { "\(file): \(description)" }
}

/// Text as it comes out of files, made fit to be a caption.
enum CaptionText {
  /// One line without control characters: every run of blanks and controls becomes a space, the ends are
  /// trimmed. Nil when nothing is left.
  static func cleaned(_ text: String) -> String? {
    if isCleanASCII(text) { return text }
    var clean = String.UnicodeScalarView()
    var isGap = false
    for scalar in text.unicodeScalars {
      // U+FEFF is a byte order mark that strayed; U+FFFF and its like are no characters.
      if scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
        || scalar == "\u{FEFF}"
      {
        isGap = true
        continue
      }
      if isGap, !clean.isEmpty { clean.append(" ") }
      isGap = false
      clean.append(scalar)
    }
    return clean.isEmpty ? nil : String(clean)
  }

  /// Whether ``cleaned(_:)`` would change nothing; true for most English captions, and quick to see.
  private static func isCleanASCII(_ text: String) -> Bool {
    var previous = UInt8(ascii: " ")
    for byte in text.utf8 {
      guard byte >= 0x20, byte < 0x7F, byte != 0x20 || previous != 0x20 else { return false }
      previous = byte
    }
    return previous != 0x20
  }

  /// The longest start of `text` with at most `limit` bytes, ending between characters.
  static func cut(_ text: String, toBytes limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var end = text.startIndex
    var used = 0
    for index in text.indices {
      let next = text.index(after: index)
      used += text[index..<next].utf8.count
      if used > limit { break }
      end = next
    }
    return String(text[..<end])
  }

  /// Text of a metadata field, whose encoding nobody states: UTF-8 where it is that, Windows-1252 (a superset
  /// of Latin-1) otherwise. It ends at the first NUL.
  static func decoded(_ bytes: some Collection<UInt8>) -> String {
    let bytes = bytes.prefix { $0 != 0 }
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = String.UnicodeScalarView()
    for byte in bytes {
      let value = (0x80..<0xA0).contains(byte) ? windows1252[Int(byte) - 0x80] : UInt32(byte)
      text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    }
    return String(text)
  }

  /// UTF-16 text; a byte order mark outranks `isBigEndian`. It ends at the first NUL.
  static func decodedUTF16(_ bytes: some Collection<UInt8>, isBigEndian: Bool) -> String {
    let bytes = Array(bytes)
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2)
    var isBigEndian = isBigEndian
    for index in stride(from: 0, to: bytes.count - 1, by: 2) {
      if index == 0, bytes[0] == 0xFE, bytes[1] == 0xFF {
        isBigEndian = true
      } else if index == 0, bytes[0] == 0xFF, bytes[1] == 0xFE {
        isBigEndian = false
      } else {
        let (high, low) = isBigEndian ? (bytes[index], bytes[index + 1]) : (bytes[index + 1], bytes[index])
        let unit = UInt16(high) << 8 | UInt16(low)
        if unit == 0 { break }
        units.append(unit)
      }
    }
    return String(decoding: units, as: UTF16.self)
  }

  /// A whole text file as UTF-8 bytes without byte order mark; UTF-16 with one is converted.
  static func utf8(_ file: [UInt8]) -> [UInt8] {
    if file.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(file.dropFirst(3)) }
    if file.starts(with: [0xFF, 0xFE]) || file.starts(with: [0xFE, 0xFF]) {
      return Array(decodedUTF16(file, isBigEndian: false).utf8)
    }
    return file
  }

  private static let windows1252: [UInt32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152,
    0x8D, 0x017D,
    0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
    0x0153, 0x9D,
    0x017E, 0x0178,
  ]
}

/// Text whose equality is that of its bytes: `String ==` takes composed and decomposed letters for one.
struct ExactText: Hashable {
  private let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }
}
