// SPDX-License-Identifier: Apache-2.0
import Files
import Search
package import SystemPackage

/// A kept connection to a daemon's Unix socket that asks one search after the other, by blocking calls: for measuring.
package final class SearchConnection {
  private let socket: UnixSocket
  private var received: [UInt8] = []

  /// - Throws: when nobody answers at `path`.
  package init(_ path: FilePath) throws { socket = try UnixSocket(path, timeout: 120) }

  /// Searches for a text; returns the answer's status.
  ///
  /// - Throws: when the connection breaks, or what comes is no answer.
  package func status(of text: String, limit: Int = 10) throws -> Int {
    let body = JSONText.object([("terms", [["text": .string(text)]]), ("limit", .int(limit))]).text
    let head =
      "POST /v1/search HTTP/1.1\r\nHost: duet\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\r\n"
    try socket.write(Array((head + body).utf8))
    let (status, bodyStart, length) = try readHead()
    while received.count < bodyStart + length { try readMore() }
    received.removeFirst(bodyStart + length)
    return status
  }

  private func readHead() throws -> (status: Int, bodyStart: Int, length: Int) {
    let separator = Array("\r\n\r\n".utf8)
    while true {
      if let end = received.firstRange(of: separator) {
        let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.drop { $0 != ":" }.dropFirst().filter { $0 != " " }) }
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
          let length
        else { throw SearchError(.unreadableInput, "the daemon's answer is no HTTP") }
        return (status, end.upperBound, length)
      }
      try readMore()
    }
  }

  private func readMore() throws {
    let bytes = try socket.read()
    guard !bytes.isEmpty else { throw SearchError(.unreadableInput, "the daemon closed the connection") }
    received += bytes
  }
}
