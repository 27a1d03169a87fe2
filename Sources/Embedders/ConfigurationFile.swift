// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// A value of a small JSON file.
enum ConfigurationValue: Sendable, Decodable {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([ConfigurationValue])
  case object([String: ConfigurationValue])

  /// Deepest nesting; published files have three levels. Foundation takes seconds for some hundred.
  private static let depthLimit = 8

  init(from decoder: any Decoder) throws {
    guard decoder.codingPath.count <= Self.depthLimit else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "nested deeper than \(Self.depthLimit) levels"))
    }
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let list = try? container.decode([ConfigurationValue].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: ConfigurationValue].self))
    }
  }
}

/// An object of a model's JSON files, which knows its place for error messages: `config.json: vision_config`.
///
/// Absent and null mean the same, as in Python's configuration classes: the caller's default.
struct ConfigurationObject: Sendable {
  /// The largest configuration file that is read; published ones have some kilobytes, an index of shards some hundred.
  static let sizeLimit = 1 << 20

  let place: String
  private let fields: [String: ConfigurationValue]

  /// Parses a whole file.
  init(_ bytes: [UInt8], name: String) throws(EmbedderError) {
    guard bytes.count <= Self.sizeLimit else {
      throw EmbedderError(
        .malformed, "\(name): \(bytes.count) bytes are no configuration; at most \(Self.sizeLimit) are read")
    }
    do {
      fields = try JSONDecoder().decode([String: ConfigurationValue].self, from: Data(bytes))
    } catch {
      throw EmbedderError(.malformed, "\(name): not a JSON object", cause: error)
    }
    place = name
  }

  private init(place: String, fields: [String: ConfigurationValue]) {
    self.place = place
    self.fields = fields
  }

  /// An object without fields.
  static func empty(_ place: String) -> ConfigurationObject { ConfigurationObject(place: place, fields: [:]) }

  /// An object inside this one, or nil.
  func object(_ name: String) throws(EmbedderError) -> ConfigurationObject? {
    switch value(name) {
    case nil: return nil
    case .object(let fields): return ConfigurationObject(place: path(name), fields: fields)
    default: throw wrong(name, "must be an object")
    }
  }

  /// A whole number within `range`, or nil.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(EmbedderError) -> Int? {
    guard let number = try number(name) else { return nil }
    guard let integer = Int(exactly: number), range.contains(integer) else {
      throw wrong(
        name, "is \(number), but must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// A number, or nil.
  func number(_ name: String) throws(EmbedderError) -> Double? {
    switch value(name) {
    case nil: return nil
    case .number(let number): return number
    default: throw wrong(name, "must be a number")
    }
  }

  /// A whole number within `range`, or the default.
  func integer(
    _ name: String, in range: ClosedRange<Int>, default missing: Int
  ) throws(EmbedderError) -> Int {
    try integer(name, in: range) ?? missing
  }

  /// A number, or the default.
  func number(_ name: String, default missing: Double) throws(EmbedderError) -> Double {
    try number(name) ?? missing
  }

  /// A string, or the default.
  func text(_ name: String, default missing: String) throws(EmbedderError) -> String {
    try text(name) ?? missing
  }

  /// A list of numbers, or nil.
  func numbers(_ name: String) throws(EmbedderError) -> [Double]? {
    guard let value = value(name) else { return nil }
    guard case .list(let values) = value else { throw wrong(name, "must be a list of numbers") }
    var numbers: [Double] = []
    for value in values {
      guard case .number(let number) = value else { throw wrong(name, "must be a list of numbers") }
      numbers.append(number)
    }
    return numbers
  }

  /// A string, or nil.
  func text(_ name: String) throws(EmbedderError) -> String? {
    switch value(name) {
    case nil: return nil
    case .text(let text): return text
    default: throw wrong(name, "must be a string")
    }
  }

  /// True or false, or nil.
  func flag(_ name: String) throws(EmbedderError) -> Bool? {
    switch value(name) {
    case nil: return nil
    case .flag(let flag): return flag
    default: throw wrong(name, "must be true or false")
    }
  }

  /// All fields that hold a string, by name.
  var texts: [String: String] {
    fields.compactMapValues { value in
      if case .text(let text) = value { text } else { nil }
    }
  }

  /// The error for a field that makes no sense.
  func wrong(_ name: String, _ problem: String) -> EmbedderError {
    EmbedderError(.malformed, "\(path(name)) \(problem)")
  }

  /// Whether a field holds a plain number (and not an object or a list).
  func isNumber(_ name: String) -> Bool {
    if case .number = value(name) { true } else { false }
  }

  private func value(_ name: String) -> ConfigurationValue? {
    switch fields[name] {
    case nil, .null: nil
    case let value: value
    }
  }

  private func path(_ name: String) -> String {
    place.utf8.contains(UInt8(ascii: ":")) ? "\(place).\(name)" : "\(place): \(name)"
  }
}
