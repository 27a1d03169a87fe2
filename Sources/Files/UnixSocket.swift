// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// A connection to a Unix socket, used by blocking calls: for one short exchange by a program that has nothing else to do.
package final class UnixSocket {
  private let path: FilePath
  private let descriptor: Int32

  /// Connects to the socket at `path`.
  ///
  /// - Parameter timeout: seconds after which a read or a write that gets nowhere fails.
  /// - Throws: `notFound` when nobody listens there, `system` for everything else.
  package init(_ path: FilePath, timeout: Int = 60) throws(FileError) {
    self.path = path
    descriptor = try UnixSocket.connected(to: path, type: Int32(SOCK_STREAM.rawValue))
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] { UnixSocket.limit(option, of: descriptor, to: timeout) }
  }

  deinit { close(descriptor) }

  /// Whether somebody listens at `path`, also where so many wait that nobody else is let in.
  package static func answers(_ path: FilePath) -> Bool {
    do {
      close(try connected(to: path, type: Int32(SOCK_STREAM.rawValue)))
      return true
    } catch {
      return error.errno == .resourceTemporarilyUnavailable
    }
  }

  /// Sends one datagram.
  package static func send(_ bytes: [UInt8], to path: FilePath) throws(FileError) {
    let descriptor = try connected(to: path, type: Int32(SOCK_DGRAM.rawValue))
    defer { close(descriptor) }
    guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw FileError(Errno(rawValue: Glibc.errno), "write", path)
    }
  }

  /// Writes all of `bytes`.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && Glibc.errno == EINTR { continue }
      guard count > 0 else { throw FileError(Errno(rawValue: Glibc.errno), "write", path) }
      rest = rest.dropFirst(count)
    }
  }

  /// Reads what is there, waiting until there is something; empty when the other end has closed.
  package func read() throws(FileError) -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count < 0 && Glibc.errno == EINTR { continue }
      guard count >= 0 else { throw FileError(Errno(rawValue: Glibc.errno), "read", path) }
      return Array(chunk[..<count])
    }
  }

  /// Reads until the other end closes.
  ///
  /// - Throws: `system` when it does not in time, `tooLarge` when there are more than `limit` bytes.
  package func readToEnd(limit: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let more = try read()
      if more.isEmpty { return bytes }
      guard bytes.count + more.count <= limit else {
        throw FileError(.tooLarge, path, "more than \(limit) bytes came")
      }
      bytes += more
    }
  }

  /// Seconds to be let in by whoever listens.
  private static let patience = 2

  private static func limit(_ option: Int32, of descriptor: Int32, to seconds: Int) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  private static func connected(to path: FilePath, type: Int32) throws(FileError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = Array(path.string.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !name.isEmpty, name.count < room, !name.contains(0) else {
      throw FileError(
        .malformed, path, "the path of a socket has at most \(room - 1) bytes: choose a shorter one")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let descriptor = socket(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw FileError(Errno(rawValue: Glibc.errno), "make a socket for", path) }
    limit(SO_SNDTIMEO, of: descriptor, to: patience)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard result == 0 else {
      let error = Errno(rawValue: Glibc.errno)
      close(descriptor)
      throw error == .connectionRefused
        ? FileError(.notFound, path, "nobody answers there", errno: error)
        : FileError(error, "connect to", path)
    }
    return descriptor
  }
}
