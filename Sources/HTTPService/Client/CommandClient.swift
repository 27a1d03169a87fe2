// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
package import Search
import SystemPackage

/// Asks the daemon of a library, if there is one, in the command line's stead.
package enum CommandClient {
  /// What an answer may have; ten thousand explained hits are some megabytes.
  private static let limit = 256 << 20

  /// The daemon's answer; nil when no daemon serves the library, or it is of another version, or it fails: then the command
  /// answers by itself.
  package static func output(of command: CommandRoutes.Command, for library: LibraryLocation) -> CommandRoutes
    .Output?
  {
    guard let socket = try? UnixSocket(SocketLinks.path(of: library)),
      let body = try? JSONEncoder().encode(command)
    else { return nil }
    let directory = library.directory.string.utf8.map { "%" + [$0].hexadecimal }.joined()
    let head =
      "POST \(CommandRoutes.path)?directory=\(directory) HTTP/1.1\r\nHost: duet\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    guard (try? socket.write(Array(head.utf8) + Array(body))) != nil,
      let bytes = try? socket.readToEnd(limit: limit)
    else { return nil }
    return parse(bytes)
  }

  /// The answer in a response of known length.
  static func parse(_ bytes: [UInt8]) -> CommandRoutes.Output? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    func field(_ name: String) -> Substring? {
      lines.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }?.drop { $0 != ":" }.dropFirst()
    }
    let numbers = field(CommandRoutes.header)?.split(separator: " ").compactMap { Int($0) } ?? []
    let length = field("content-length").flatMap { Int($0.trimmingPrefix(while: { $0 == " " })) }
    let body = bytes[end.upperBound...]
    guard lines.first?.hasPrefix("HTTP/1.1 200") == true, numbers.count == 3, length == body.count,
      numbers.allSatisfy({ $0 >= 0 }), numbers[1] <= body.count, numbers[2] <= body.count - numbers[1],
      let status = Int32(exactly: numbers[0])
    else { return nil }
    let (first, second) = (body.startIndex + numbers[1], body.startIndex + numbers[1] + numbers[2])
    var output = CommandRoutes.Output()
    output.status = status
    output.notes = String(decoding: body[..<first], as: UTF8.self)
    output.standardOutput = String(decoding: body[first..<second], as: UTF8.self)
    output.closingWords = String(decoding: body[second...], as: UTF8.self)
    return output
  }
}
