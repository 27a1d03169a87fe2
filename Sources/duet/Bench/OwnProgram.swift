// SPDX-License-Identifier: Apache-2.0
import Files
import Glibc
import HTTPService
import Search
import SystemPackage

/// This program, started again: as a daemon, or to answer one query.
struct OwnProgram {
  let library: LibraryLocation
  /// Sockets of the measured daemon, so that it is no other one's.
  let runtime: FilePath

  private func start(_ arguments: [String]) throws -> ChildProcess {
    try ChildProcess(arguments, environment: ["XDG_RUNTIME_DIR": runtime.string])
  }

  /// Times `duet search`, process start included.
  ///
  /// - Throws: ``SearchError`` when it fails.
  func timeSearch(_ text: String, asksDaemon: Bool) throws -> Duration {
    let start = ContinuousClock.now
    let status = try self.start(
      ["search", "--index", library.directory.string, "--json", text] + (asksDaemon ? [] : ["--no-daemon"])
    ).wait()
    let duration = ContinuousClock.now - start
    guard [0, 1].contains(status) else {
      throw SearchError(.unreadableInput, "'duet search' ended with status \(status)")
    }
    return duration
  }

  /// Starts a daemon on a Unix socket and calls `body` when it answers; stops it afterwards.
  func withDaemon(_ body: (_ socket: FilePath, _ process: pid_t) throws -> Void) throws {
    let socket = SocketLinks.path(of: library, runtime: runtime.appending("duet"))
    let daemon = try start(["serve", "--index", library.directory.string, "--no-tcp", "--log-level", "error"])
    defer {
      daemon.terminate()
      _ = daemon.wait()
    }
    for _ in 0..<600 {
      if let status = try? SearchConnection(socket).status(of: "ready?"), status == 200 {
        return try body(socket, daemon.id)
      }
      usleep(100_000)
    }
    throw SearchError(
      .libraryUnusable, "the daemon does not answer: see 'duet serve --index \(library.directory)'")
  }
}

/// What the system says of a running process.
enum ProcessMemory {
  /// Resident bytes, from /proc.
  static func resident(of process: pid_t) -> Int {
    let bytes = (try? readPrefix(FilePath("/proc/\(process)/status"), count: 1 << 14)) ?? []
    let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }
}
