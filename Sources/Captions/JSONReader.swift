// SPDX-License-Identifier: Apache-2.0

/// A JSON value, small: one record of a file, never the file.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// As written.
  case number(String)
  case string(String)
  case array([JSONValue])
  /// With keys in lower case.
  case object([(key: String, value: JSONValue)])

  /// The member of an object, the last one of that name.
  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// The text of a string.
  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }
}

/// Why JSON cannot be read, and where.
struct JSONError: Error {
  let line: Int
  let message: String
}

/// Reads JSON (RFC 8259) piece by piece from untrusted bytes, so that a list of a million records is never
/// held whole.
///
/// Depth and the size of one value are bounded. Beyond the standard it passes over `NaN` and `Infinity`,
/// which Python writes; a lone surrogate becomes U+FFFD.
struct JSONReader {
  static let maximumDepth = 64
  static let maximumNodes = 200_000

  private let bytes: [UInt8]
  private(set) var position: Int
  private let end: Int
  /// The line at `counted`, for messages: counted only as far as needed.
  private var line: Int
  private var counted: Int

  /// Reads `bytes[range]`, whose first line has the number `line`.
  init(_ bytes: [UInt8], range: Range<Int>? = nil, line: Int = 1) {
    let range = range ?? 0..<bytes.count
    self.bytes = bytes
    position = range.lowerBound
    counted = range.lowerBound
    end = range.upperBound
    self.line = line
  }

  /// The line of the next byte. Amortised O(1) while the reader moves forward.
  mutating func currentLine() -> Int {
    while counted < position {
      if bytes[counted] == 0x0A { line += 1 }
      counted += 1
    }
    return line
  }

  /// The next byte that is not blank, not taken; nil at the end.
  mutating func peek() -> UInt8? {
    while position < end {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return bytes[position]
      }
    }
    return nil
  }

  /// Takes `byte` if it is next.
  mutating func take(_ byte: Character) -> Bool {
    guard peek() == byte.asciiValue else { return false }
    position += 1
    return true
  }

  /// Reads a list, calling `body` at the start of each element; it must read one value.
  mutating func readArray(_ body: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
    guard take("[") else { throw failure("a list is expected") }
    if take("]") { return }
    repeat { try body(&self) } while take(",")
    guard take("]") else { throw failure("a list is not closed, or a comma is missing") }
  }

  /// Reads an object, calling `body` behind each key; it must read one value.
  mutating func readObject(_ body: (inout JSONReader, String) throws(JSONError) -> Void) throws(JSONError) {
    guard take("{") else { throw failure("an object is expected") }
    if take("}") { return }
    repeat {
      let key = try readKey()
      try body(&self, key)
    } while take(",")
    guard take("}") else { throw failure("an object is not closed, or a comma is missing") }
  }

  /// Reads one value whole.
  mutating func readValue() throws(JSONError) -> JSONValue {
    var nodes = 0
    return try readValue(depth: 0, nodes: &nodes)
  }

  /// Passes over one value, holding nothing of it and not looking too closely.
  mutating func skipValue() throws(JSONError) {
    var open: [UInt8] = []
    repeat {
      guard let next = peek() else { throw failure("the text ends too soon") }
      if next == open.last {
        position += 1
        open.removeLast()
      } else if next == UInt8(ascii: "[") || next == UInt8(ascii: "{") {
        guard open.count < Self.maximumDepth else { throw tooDeep() }
        position += 1
        open.append(next + 2)
        if next == UInt8(ascii: "{"), peek() != UInt8(ascii: "}") { _ = try readKey() }
        continue
      } else {
        try skipScalar(next)
      }
      guard let close = open.last else { return }
      if take(",") {
        if close == UInt8(ascii: "}") { _ = try readKey() }
        guard peek() != close else { throw failure("a comma is followed by nothing") }
      } else if peek() != close {
        throw failure("a list or an object is not closed, or a comma is missing")
      }
    } while true
  }

  func failure(_ message: String) -> JSONError {
    var copy = self
    return JSONError(line: copy.currentLine(), message: message)
  }

  private func tooDeep() -> JSONError { failure("more than \(Self.maximumDepth) levels deep") }

  private mutating func readKey() throws(JSONError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw failure("a key in quotes is expected") }
    let key = try readString()
    guard take(":") else { throw failure("a colon is expected behind the key") }
    return key
  }

  private mutating func skipScalar(_ next: UInt8) throws(JSONError) {
    if next == UInt8(ascii: "\"") { _ = try readString() } else { _ = try readWord() }
  }

  private mutating func readValue(depth: Int, nodes: inout Int) throws(JSONError) -> JSONValue {
    nodes += 1
    guard nodes <= Self.maximumNodes else {
      throw failure("one record has more than \(Self.maximumNodes) values")
    }
    guard depth < Self.maximumDepth else { throw tooDeep() }
    switch peek() {
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "["):
      var values: [JSONValue] = []
      position += 1
      if take("]") { return .array([]) }
      repeat { values.append(try readValue(depth: depth + 1, nodes: &nodes)) } while take(",")
      guard take("]") else { throw failure("a list is not closed, or a comma is missing") }
      return .array(values)
    case UInt8(ascii: "{"):
      var members: [(key: String, value: JSONValue)] = []
      position += 1
      if take("}") { return .object([]) }
      repeat {
        let key = try readKey()
        members.append((key.lowercased(), try readValue(depth: depth + 1, nodes: &nodes)))
      } while take(",")
      guard take("}") else { throw failure("an object is not closed, or a comma is missing") }
      return .object(members)
    case nil: throw failure("the text ends too soon")
    default: return try readWord()
    }
  }

  /// A number or one of the literal names.
  private mutating func readWord() throws(JSONError) -> JSONValue {
    let start = position
    while position < end, isWordByte(bytes[position]) { position += 1 }
    let word = String(decoding: bytes[start..<position].prefix(64), as: UTF8.self)
    switch word {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null", "NaN", "Infinity", "-Infinity": return .null
    default:
      let isNumber =
        position - start <= 64 && Double(word) != nil && word.utf8.first.map { $0 < 0x3A } == true
      guard isNumber else {
        position = start
        throw failure("a value is expected")
      }
      return .number(word)
    }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): true
    default: false
    }
  }
}

// MARK: - Strings

extension JSONReader {
  /// Reads a string; the opening quote is next.
  fileprivate mutating func readString() throws(JSONError) -> String {
    position += 1
    let start = position
    while position < end, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
      bytes[position] >= 0x20
    {
      position += 1
    }
    // Most strings have no escape: one copy.
    var text = Array(bytes[start..<position])
    while true {
      guard position < end else { throw failure("a string is not closed") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw failure("not UTF-8") }
        return string
      case UInt8(ascii: "\\"): try readEscape(into: &text)
      case 0..<0x20:
        position -= 1
        throw failure("a string holds a line end or control character, or is not closed")
      default: text.append(byte)
      }
    }
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(JSONError) {
    guard position < end else { throw failure("a string is not closed") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      guard let first = readHexUnit() else { throw failure("\\u needs four hexadecimal digits") }
      text += Array(String(Character(scalar(startingWith: first))).utf8)
    default: throw failure("an unknown escape in a string")
    }
  }

  private mutating func scalar(startingWith first: UInt16) -> Unicode.Scalar {
    guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
    let mark = position
    guard position + 1 < end, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    else {
      return "\u{FFFD}"
    }
    position += 2
    guard let second = readHexUnit(), UTF16.isTrailSurrogate(second) else {
      position = mark
      return "\u{FFFD}"
    }
    return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)) ?? "\u{FFFD}"
  }

  private mutating func readHexUnit() -> UInt16? {
    guard position + 4 <= end else { return nil }
    var unit: UInt16 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }
}
