// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc

/// A Unix socket that answers every connection with the same bytes once something has come, and then closes it.
public final class UnixListener: Sendable {
  private let descriptor: Int32
  private let path: String

  /// - Parameter reply: what is answered; nil to send back what came.
  public init(_ path: String, reply: [UInt8]?) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
    let descriptor = descriptor
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    guard result == 0, listen(descriptor, 8) == 0 else { throw Failure(path: path, errno: errno) }
    DispatchQueue.global().async {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else {
          // Here and not in deinit: its number could be another listener's by the time it is asked again.
          close(descriptor)
          return
        }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = max(0, recv(connection, &chunk, chunk.count, 0))
        let answer = reply ?? Array(chunk[..<count])
        _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
        // What was not read would make the close a reset.
        shutdown(connection, Int32(SHUT_WR))
        while recv(connection, &chunk, chunk.count, 0) > 0 {}
        close(connection)
      }
    }
  }

  /// Why there is none.
  public struct Failure: Error {
    /// Where it was to be.
    public let path: String
    /// What the system said.
    public let errno: Int32
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    unlink(path)
  }
}
