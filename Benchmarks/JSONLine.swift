// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value in a line of JSON.
enum JSONField: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case text(String)
  /// Digits as they shall be read.
  case number(String)
  case count(Int)
  case object(KeyValuePairs<String, JSONField>)

  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int) { self = .count(value) }

  fileprivate var json: String {
    switch self {
    case .text(let text): "\"\(text)\""
    case .number(let digits): digits
    case .count(let count): "\(count)"
    case .object(let fields): "{" + fields.map { "\"\($0)\":\($1.json)" }.joined(separator: ",") + "}"
    }
  }
}

/// Prints one JSON object as a line, at once, so that a run that is cut short has its figures so far. Names and texts are the
/// benchmarks' own and need no escapes.
func printLine(_ fields: KeyValuePairs<String, JSONField>) {
  print(JSONField.object(fields).json)
  fflush(nil)
}
