// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// The inline weight of a term: `0.5:at night`, `2:rex.jpg`.
///
///     argument = [ NUMBER ":" ] value
///     NUMBER   = [ "+" | "-" ] ( digits [ "." [ digits ] ] | "." digits ) [ ( "e" | "E" ) [ sign ] digits ]
///
/// `\:` stands for a colon everywhere and never ends a number, so that `16\:9 poster` is a text of weight 1. A colon
/// after anything but a number is an ordinary character. A negative number is read as one, to be refused with advice.
package struct WeightedArgument: Equatable, Sendable {
  /// The weight that was written, or nil.
  package let weight: Float?
  /// The rest, with its escapes resolved.
  package let value: String

  package init(parsing argument: String) {
    if let colon = argument.utf8.firstIndex(of: UInt8(ascii: ":")),
      WeightedArgument.isNumber(argument.utf8[..<colon]),
      let weight = Float(argument[..<colon])
    {
      self.weight = weight
      value = WeightedArgument.unescaped(argument[argument.utf8.index(after: colon)...])
    } else {
      weight = nil
      value = WeightedArgument.unescaped(argument[...])
    }
  }

  /// Whether the bytes are a whole NUMBER (so `nan`, `inf` and hexadecimal are words).
  private static func isNumber(_ bytes: Substring.UTF8View) -> Bool {
    var rest = bytes[...]
    func digits() -> Int {
      let before = rest.count
      rest = rest.drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      return before - rest.count
    }
    func take(_ characters: String) -> Bool {
      guard let first = rest.first, characters.utf8.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = take("+-")
    var count = digits()
    if take(".") { count += digits() }
    guard count > 0 else { return false }
    if take("eE") {
      _ = take("+-")
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  private static func unescaped(_ text: Substring) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if byte == UInt8(ascii: ":"), result.last == UInt8(ascii: "\\") { result.removeLast() }
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension Term {
  /// A text term as written on a command line or in a form: `0.5:at night`.
  package static func text(
    _ argument: String, role: Role = .want, option: String? = nil
  ) throws(SearchError) -> Term {
    let parsed = WeightedArgument(parsing: argument)
    return try Term(
      .text(parsed.value), role: role, weight: parsed.weight, label: label(option, argument))
  }

  /// A picture term as written on a command line: `2:rex.jpg`.
  package static func imageFile(
    _ argument: String, role: Role = .want, option: String? = nil
  ) throws(SearchError) -> Term {
    let parsed = WeightedArgument(parsing: argument)
    guard !parsed.value.isEmpty else {
      throw SearchError(.invalidRequest, "\(label(option, argument)): the file name is empty")
    }
    return try Term(
      .imageFile(.init(parsed.value)), role: role, weight: parsed.weight, label: label(option, argument))
  }

  /// An item term as written on a command line: `2:4711`.
  package static func item(
    _ argument: String, role: Role = .want, option: String? = nil
  ) throws(SearchError) -> Term {
    let parsed = WeightedArgument(parsing: argument)
    guard let id = Int64(parsed.value), id > 0 else {
      throw SearchError(
        .invalidRequest, "\(label(option, argument)): an item is named by its number, as shown by --json")
    }
    return try Term(.item(id), role: role, weight: parsed.weight, label: label(option, argument))
  }

  private static func label(_ option: String?, _ argument: String) -> String {
    let shown = argument.count > 60 ? String(argument.prefix(59)) + "…" : argument
    return option.map { "\($0) \(shown)" } ?? "\"\(shown)\""
  }
}
