// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
package import Search
import SystemPackage

/// Asks the daemon of a library, if there is one, in the command line's stead.
package enum CommandClient {
  /// What an answer may have; ten thousand explained hits are some megabytes.
  private static let limit = 256 << 20

  /// The daemon's answer; nil when no daemon serves the library, or it is another build of the program, or it cannot answer
  /// (it may see less of the disk than whoever typed the command): then the command answers by itself.
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
    guard let head = try? ResponseHead.parse(bytes) else { return nil }
    let numbers = head[CommandRoutes.header]?.split(separator: " ").compactMap { Int($0) } ?? []
    let body = bytes[head.bodyStart...]
    guard head.status == 200, numbers.count == 3, head.contentLength == body.count,
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
