// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A Unix socket that messages are sent to, as service managers have one.
public final class UnixMailbox: Sendable {
  /// Where to send them.
  public let path: String
  private let descriptor: Int32

  /// Makes the socket.
  ///
  /// - Throws: ``UnixListener/Failure``.
  public init(_ path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
    let descriptor = descriptor
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw UnixListener.Failure(path: path, errno: errno) }
  }

  /// The oldest message; nil when none comes in so many seconds. Blocks the thread.
  public func next(seconds: Int) -> String? {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  deinit {
    close(descriptor)
    unlink(path)
  }
}
