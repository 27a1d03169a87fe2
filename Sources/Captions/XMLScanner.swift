// SPDX-License-Identifier: Apache-2.0

/// The next piece of an XML text.
enum XMLPiece {
  case start(name: ArraySlice<UInt8>, attributes: [XMLAttribute], isEmpty: Bool)
  case end(name: ArraySlice<UInt8>)
  case text(String)
}

/// An attribute, its entities resolved.
struct XMLAttribute {
  let name: ArraySlice<UInt8>
  let value: String
}

/// Splits XML into tags and text, forgivingly and in one pass.
///
/// No validation, and no entities but the five of XML and character references, which are resolved once:
/// there is nothing to expand. Comments, instructions and document types are passed over.
struct XMLScanner {
  private static let maximumAttributes = 256

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next piece; nil at the end, or where the rest makes no sense.
  mutating func next() -> XMLPiece? {
    while position < bytes.count {
      guard bytes[position] == UInt8(ascii: "<") else {
        let start = position
        position = index(of: UInt8(ascii: "<"), from: start) ?? bytes.count
        return .text(Self.unescaped(bytes[start..<position]))
      }
      if starts(with: "<!--") {
        guard skip(past: "-->") else { return nil }
      } else if starts(with: "<![CDATA[") {
        let start = position + 9
        guard skip(past: "]]>") else { return nil }
        return start <= position - 3 ? .text(CaptionText.decoded(bytes[start..<position - 3])) : nil
      } else if starts(with: "<?") {
        guard skip(past: "?>") else { return nil }
      } else if starts(with: "<!") {
        guard skip(past: ">") else { return nil }
      } else {
        return readTag()
      }
    }
    return nil
  }

  private mutating func readTag() -> XMLPiece? {
    position += 1
    let isEnd = position < bytes.count && bytes[position] == UInt8(ascii: "/")
    if isEnd { position += 1 }
    let name = readName()
    guard !name.isEmpty else { return nil }
    var attributes: [XMLAttribute] = []
    while let byte = nextByte() {
      if byte == UInt8(ascii: ">") {
        position += 1
        return isEnd ? .end(name: name) : .start(name: name, attributes: attributes, isEmpty: false)
      }
      if byte == UInt8(ascii: "/") {
        position += 1
        guard nextByte() == UInt8(ascii: ">") else { return nil }
        position += 1
        return .start(name: name, attributes: attributes, isEmpty: true)
      }
      guard let attribute = readAttribute(), attributes.count < Self.maximumAttributes else { return nil }
      attributes.append(attribute)
    }
    return nil
  }

  private mutating func readAttribute() -> XMLAttribute? {
    let name = readName()
    guard !name.isEmpty, nextByte() == UInt8(ascii: "=") else { return nil }
    position += 1
    guard let quote = nextByte(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
      return nil
    }
    let start = position + 1
    guard let end = index(of: quote, from: start) else { return nil }
    position = end + 1
    return XMLAttribute(name: name, value: Self.unescaped(bytes[start..<end]))
  }

  private mutating func readName() -> ArraySlice<UInt8> {
    let start = position
    while position < bytes.count, !Self.endsName(bytes[position]) { position += 1 }
    return bytes[start..<position]
  }

  private static func endsName(_ byte: UInt8) -> Bool {
    byte <= 0x20
      || [UInt8(ascii: ">"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "<")].contains(byte)
  }

  /// The next byte that is not blank, not taken.
  private mutating func nextByte() -> UInt8? {
    while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private func index(of byte: UInt8, from start: Int) -> Int? {
    start <= bytes.count ? bytes[start...].firstIndex(of: byte) : nil
  }

  private mutating func skip(past text: String) -> Bool {
    let text = Array(text.utf8)
    var start = position
    while let found = index(of: text[0], from: start) {
      if bytes[found...].starts(with: text) {
        position = found + text.count
        return true
      }
      start = found + 1
    }
    return false
  }

  /// Text with the five entities and character references resolved, once; unknown ones stay as they are.
  static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
    guard bytes.contains(UInt8(ascii: "&")) else { return CaptionText.decoded(bytes) }
    var result: [UInt8] = []
    var position = bytes.startIndex
    while position < bytes.endIndex {
      guard bytes[position] == UInt8(ascii: "&"),
        let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: ";")),
        let scalar = entity(String(decoding: bytes[position + 1..<end], as: UTF8.self))
      else {
        result.append(bytes[position])
        position += 1
        continue
      }
      result += Array(String(Character(scalar)).utf8)
      position = end + 1
    }
    return CaptionText.decoded(result)
  }

  private static func entity(_ name: String) -> Unicode.Scalar? {
    switch name {
    case "lt": "<"
    case "gt": ">"
    case "amp": "&"
    case "quot": "\""
    case "apos": "'"
    case _ where name.hasPrefix("#x"): UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
    case _ where name.hasPrefix("#"): UInt32(name.dropFirst(1)).flatMap(Unicode.Scalar.init)
    default: nil
    }
  }
}
