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
    let request =
      "POST /v1/search HTTP/1.1\r\nHost: duet\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\r\n"
    try socket.write(Array((request + body).utf8))
    let head = try readHead()
    guard let length = head.contentLength, length >= 0 else {
      throw SearchError(.unreadableInput, "the daemon's answer has no length")
    }
    while received.count - head.bodyStart < length { try readMore() }
    received.removeFirst(head.bodyStart + length)
    return head.status
  }

  private func readHead() throws -> ResponseHead {
    while true {
      if let head = try ResponseHead.parse(received) { return head }
      try readMore()
    }
  }

  private func readMore() throws {
    let bytes = try socket.read()
    guard !bytes.isEmpty else { throw SearchError(.unreadableInput, "the daemon closed the connection") }
    received += bytes
  }
}
