// SPDX-License-Identifier: Apache-2.0

/// A parsed JSON text (RFC 8259), made for tokenizer files: half a million small strings in one object.
///
/// The parser writes one node per value into a flat array, in document order, and leaves strings and numbers where they
/// stand in the bytes. That reads the 2.2 MB of CLIP in a few milliseconds, and keeps tokens apart that `String` would
/// call equal (canonical equivalence). Untrusted input: depth, size and node count are bounded, everything is validated
/// before the first value is handed out.
final class JSONDocument: Sendable {
  /// Longest accepted text. The largest published `tokenizer.json` files are near 34 MB.
  static let maximumSize = 128 << 20
  /// Deepest accepted nesting of arrays and objects.
  static let maximumDepth = 64
  /// Most values and keys; 16 bytes of memory each.
  static let maximumNodes = 8 << 20

  enum Kind: UInt8, Sendable {
    case null, boolean, number, string, escapedString, array, object
  }

  /// One value. A container's children follow it directly; an object's alternate between key and value.
  struct Node: Sendable {
    let kind: Kind
    /// The value's bytes: without quotes for a string.
    let start: UInt32
    var end: UInt32
    /// The index of the first node after this value and everything in it.
    var next: UInt32
  }

  let bytes: [UInt8]
  let nodes: [Node]

  /// Parses and validates a whole text. `name` is what errors call it.
  init(_ bytes: [UInt8], name: String) throws(TokenizerError) {
    guard bytes.count <= Self.maximumSize else {
      throw TokenizerError(.tooLarge, name, "\(bytes.count) bytes; at most \(Self.maximumSize) are read")
    }
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw TokenizerError(.malformed, name, "not UTF-8 at byte \(error.byteOffsets.lowerBound)")
    }
    var parser = JSONParser(bytes: bytes, name: name)
    nodes = try parser.parse()
    self.bytes = bytes
  }

  /// The first node.
  func root(name: String) -> JSONValue { JSONValue(document: self, node: 0, path: name) }

  /// Appends the text of a string node to `buffer`, escapes resolved. O(length).
  func appendString(_ node: Int, to buffer: inout [UInt8]) {
    let range = Int(nodes[node].start)..<Int(nodes[node].end)
    guard nodes[node].kind == .escapedString else {
      buffer.append(contentsOf: bytes[range])
      return
    }
    var at = range.lowerBound
    while at < range.upperBound {
      guard bytes[at] == UInt8(ascii: "\\") else {
        buffer.append(bytes[at])
        at += 1
        continue
      }
      at += 2
      switch bytes[at - 1] {
      case UInt8(ascii: "b"): buffer.append(8)
      case UInt8(ascii: "t"): buffer.append(9)
      case UInt8(ascii: "n"): buffer.append(10)
      case UInt8(ascii: "f"): buffer.append(12)
      case UInt8(ascii: "r"): buffer.append(13)
      case UInt8(ascii: "u"): appendUnicodeEscape(&at, to: &buffer)
      case let other: buffer.append(other)
      }
    }
  }

  /// `at` stands behind `\u`. The parser has checked digits and surrogate pairs.
  private func appendUnicodeEscape(_ at: inout Int, to buffer: inout [UInt8]) {
    var value = JSONParser.hexadecimal(bytes, at) ?? 0
    at += 4
    if value & 0xFC00 == 0xD800 {
      value = 0x10000 + (value & 0x3FF) << 10 + ((JSONParser.hexadecimal(bytes, at + 2) ?? 0) & 0x3FF)
      at += 6
    }
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    buffer.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// The integer of a number node, `nil` when it has a fraction, an exponent or more than 18 digits.
  func integer(_ node: Int) -> Int? {
    guard nodes[node].kind == .number else { return nil }
    var at = Int(nodes[node].start)
    let end = Int(nodes[node].end)
    let negative = bytes[at] == UInt8(ascii: "-")
    if negative { at += 1 }
    guard end - at <= 18 else { return nil }
    var value = 0
    while at < end {
      guard case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[at] else { return nil }
      value = value * 10 + Int(bytes[at] - UInt8(ascii: "0"))
      at += 1
    }
    return negative ? -value : value
  }
}

/// Writes the nodes of one text, without recursion.
struct JSONParser {
  private let bytes: [UInt8]
  private let name: String
  private var at = 0
  private var nodes: [JSONDocument.Node] = []
  private var open: [Int] = []

  init(bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
  }

  mutating func parse() throws(TokenizerError) -> [JSONDocument.Node] {
    nodes.reserveCapacity(bytes.count / 10 + 16)
    try value()
    while let container = open.last {
      let isObject = nodes[container].kind == .object
      let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
      let isFirst = nodes.count == container + 1
      skipSpace()
      if peek == close {
        at += 1
        nodes[container].end = UInt32(at)
        nodes[container].next = UInt32(nodes.count)
        open.removeLast()
        continue
      }
      if !isFirst {
        try expect(UInt8(ascii: ","))
        skipSpace()
      }
      if isObject {
        try expect(UInt8(ascii: "\""))
        try string()
        skipSpace()
        try expect(UInt8(ascii: ":"))
      }
      try value()
    }
    skipSpace()
    guard at == bytes.count else { throw malformed("text after the end of the JSON value") }
    return nodes
  }

  /// Reads one value; for a container only its opening bracket.
  private mutating func value() throws(TokenizerError) {
    skipSpace()
    guard nodes.count < JSONDocument.maximumNodes else {
      throw TokenizerError(.tooLarge, name, "more than \(JSONDocument.maximumNodes) JSON values")
    }
    switch peek {
    case UInt8(ascii: "{"): try container(.object)
    case UInt8(ascii: "["): try container(.array)
    case UInt8(ascii: "\""):
      at += 1
      try string()
    case UInt8(ascii: "t"): try word("true", .boolean)
    case UInt8(ascii: "f"): try word("false", .boolean)
    case UInt8(ascii: "n"): try word("null", .null)
    default: try number()
    }
  }

  private mutating func container(_ kind: JSONDocument.Kind) throws(TokenizerError) {
    guard open.count < JSONDocument.maximumDepth else {
      throw TokenizerError(
        .tooLarge, name, "nested deeper than \(JSONDocument.maximumDepth) levels at byte \(at)")
    }
    open.append(nodes.count)
    append(kind, from: at)
    at += 1
  }

  /// `at` stands behind the opening quote.
  private mutating func string() throws(TokenizerError) {
    let start = at
    var kind = JSONDocument.Kind.string
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        append(kind, from: start)
        at += 1
        return
      case UInt8(ascii: "\\"):
        kind = .escapedString
        try escape()
      case 0..<0x20: throw malformed("a control character in a string")
      default: at += 1
      }
    }
    throw malformed("a string without end")
  }

  private mutating func escape() throws(TokenizerError) {
    at += 1
    switch peek {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      at += 1
    case UInt8(ascii: "u"):
      let high = try codeUnit()
      if high & 0xFC00 == 0xD800 {
        guard peek == UInt8(ascii: "\\") else { throw malformed("half a surrogate pair") }
        at += 1
        guard peek == UInt8(ascii: "u"), try codeUnit() & 0xFC00 == 0xDC00 else {
          throw malformed("half a surrogate pair")
        }
      } else if high & 0xFC00 == 0xDC00 {
        throw malformed("half a surrogate pair")
      }
    default: throw malformed("an unknown escape in a string")
    }
  }

  /// `at` stands on the `u`; four digits follow.
  private mutating func codeUnit() throws(TokenizerError) -> UInt32 {
    guard let unit = Self.hexadecimal(bytes, at + 1) else { throw malformed("an unfinished \\u escape") }
    at += 5
    return unit
  }

  /// The value of four hexadecimal digits.
  static func hexadecimal(_ bytes: [UInt8], _ start: Int) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for index in start..<start + 4 {
      switch bytes[index] {
      case let digit where digit >= 0x30 && digit <= 0x39: value = value << 4 | UInt32(digit - 0x30)
      case let digit where digit >= 0x41 && digit <= 0x46: value = value << 4 | UInt32(digit - 0x37)
      case let digit where digit >= 0x61 && digit <= 0x66: value = value << 4 | UInt32(digit - 0x57)
      default: return nil
      }
    }
    return value
  }

  private mutating func number() throws(TokenizerError) {
    let start = at
    if peek == UInt8(ascii: "-") { at += 1 }
    if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      at += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      at += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    append(.number, from: start)
  }

  private mutating func digits() throws(TokenizerError) {
    let start = at
    while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39 { at += 1 }
    guard at > start else {
      throw malformed(at < bytes.count ? "a character that JSON has no use for" : "the text ends too early")
    }
  }

  private mutating func word(_ word: StaticString, _ kind: JSONDocument.Kind) throws(TokenizerError) {
    let start = at
    for expected in word.description.utf8 { try expect(expected) }
    append(kind, from: start)
  }

  /// Ends the value that starts at `start` here.
  private mutating func append(_ kind: JSONDocument.Kind, from start: Int) {
    nodes.append(
      JSONDocument.Node(
        kind: kind, start: UInt32(start), end: UInt32(at), next: UInt32(nodes.count + 1)))
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x0A, 0x0D, 0x09: at += 1
      default: return
      }
    }
  }

  private mutating func expect(_ byte: UInt8) throws(TokenizerError) {
    guard at < bytes.count else { throw malformed("the text ends too early") }
    guard bytes[at] == byte else {
      throw malformed("expected '\(Character(Unicode.Scalar(byte)))'")
    }
    at += 1
  }

  private func malformed(_ problem: String) -> TokenizerError {
    TokenizerError(.malformed, name, "not JSON: \(problem) at byte \(at)")
  }
}
