// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
package import SystemPackage

/// An exclusive lock on a lock file, held until ``unlock()`` or until the object or the process goes.
///
/// flock(2) locks the open file, so the kernel lets go whatever way the holder dies, and two locks in one
/// process keep each other out too. The file stays behind, on purpose: removing it would let two processes
/// lock two files of one name. It holds the process id of the last holder, for messages only.
package final class FileLock: Sendable {
  /// The lock file.
  package let path: FilePath
  private let descriptor: Atomic<CInt>

  /// Takes the lock.
  ///
  /// - Parameters:
  ///   - path: the lock file, made when it is missing; its folder must exist.
  ///   - timeout: how long to wait for another holder; by default just long enough to outlast a look by
  ///     ``holder(of:)``. Waiting blocks the thread.
  /// - Throws: ``FileError`` with code `.locked`, naming the holder's process id, when another holds it.
  package init(_ path: FilePath, timeout: Duration = .milliseconds(20)) throws(FileError) {
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec, .noFollow],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw FileError(error as? Errno ?? .ioError, "open the lock file", path)
    }
    if let failure = FileLock.wait(for: file, timeout: timeout) {
      let holder = FileLock.holder(of: file)
      try? file.close()
      guard failure == .wouldBlock else { throw FileError(failure, "lock", path) }
      throw FileError(
        .locked, path,
        "another process\(holder.map { " (pid \($0))" } ?? "") is at work here: wait for it, or stop it",
        errno: failure)
    }
    let text = [UInt8]("\(getpid())\n".utf8)
    ftruncate(file.rawValue, 0)
    _ = text.withUnsafeBytes { writeFully($0, to: file, at: 0) }
    self.path = path
    descriptor = Atomic(file.rawValue)
  }

  deinit { unlock() }

  /// Lets go. Harmless when done already.
  package func unlock() {
    let file = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    guard file >= 0 else { return }
    // Closing alone is not enough: a child that was just forked shares the open file until it execs.
    flock(file, LOCK_UN)
    close(file)
  }

  /// The process that holds the lock of `path` now, if any holds it; nil too when its id cannot be read.
  package static func holder(of path: FilePath) -> Int32? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec]) else { return nil }
    defer { try? file.close() }
    // A shared lock is refused while somebody holds the exclusive one.
    guard flock(file.rawValue, LOCK_SH | LOCK_NB) != 0 else {
      flock(file.rawValue, LOCK_UN)
      return nil
    }
    return holder(of: file)
  }

  /// Tries until `timeout` is over; returns what went wrong.
  private static func wait(for file: FileDescriptor, timeout: Duration) -> Errno? {
    let deadline = ContinuousClock.now + timeout
    var pause: useconds_t = 1_000
    while true {
      if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { return nil }
      let failure = Errno.lastError
      guard failure == .wouldBlock || failure == .interrupted else { return failure }
      guard ContinuousClock.now < deadline else { return .wouldBlock }
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
  }

  private static func holder(of file: FileDescriptor) -> Int32? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = text.withUnsafeMutableBytes { pread(file.rawValue, $0.baseAddress, $0.count, 0) }
    guard count > 0 else { return nil }
    return Int32(String(decoding: text.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
