// SPDX-License-Identifier: Apache-2.0
import Search

/// The head of an answer, as the blocking clients read it.
struct ResponseHead {
  let status: Int
  /// Where the body starts among the bytes that came.
  let bodyStart: Int
  private let fields: [Substring]

  /// - Returns: nil while the head is not whole.
  /// - Throws: ``SearchError``, `unreadableInput`, for what is no HTTP.
  static func parse(_ bytes: [UInt8]) throws -> ResponseHead? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw SearchError(.unreadableInput, "the daemon's answer is no HTTP")
    }
    return ResponseHead(status: status, bodyStart: end.upperBound, fields: Array(lines.dropFirst()))
  }

  /// A field's value, its name in any case.
  subscript(name: String) -> Substring? {
    let field = fields.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
    return field?.dropFirst(name.count + 1).drop { $0 == " " }
  }

  var contentLength: Int? { self["content-length"].flatMap { Int($0) } }
}
