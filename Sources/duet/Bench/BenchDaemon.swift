// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPService
import Search
import SystemPackage

/// This program, started again: as a daemon, or to answer one query.
struct OwnProgram {
  let library: LibraryLocation
  /// Sockets of the measured daemon, so that it is no other one's.
  let runtime: FilePath

  private func process(_ arguments: [String]) -> Foundation.Process {
    let process = Foundation.Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["XDG_RUNTIME_DIR": runtime.string]) {
      $1
    }
    process.standardError = FileHandle.nullDevice
    return process
  }

  /// Times `duet search`, process start included.
  ///
  /// - Throws: ``SearchError`` when it fails.
  func timeSearch(_ text: String, asksDaemon: Bool) throws -> Duration {
    let process = process(
      ["search", "--index", library.directory.string, "--json", text] + (asksDaemon ? [] : ["--no-daemon"]))
    process.standardOutput = FileHandle.nullDevice
    let start = ContinuousClock.now
    try process.run()
    process.waitUntilExit()
    let duration = ContinuousClock.now - start
    guard [0, 1].contains(process.terminationStatus) else {
      throw SearchError(.unreadableInput, "'duet search' ended with status \(process.terminationStatus)")
    }
    return duration
  }

  /// Starts a daemon on a Unix socket and calls `body` when it answers; stops it afterwards.
  func withDaemon(_ body: (_ socket: FilePath, _ process: Int32) throws -> Void) throws {
    let socket = runtime.appending("bench.sock")
    let daemon = process(
      [
        "serve", "--index", library.directory.string, "--no-tcp", "--socket", socket.string, "--log-level",
        "error",
      ])
    daemon.standardOutput = FileHandle.nullDevice
    try daemon.run()
    defer {
      daemon.terminate()
      daemon.waitUntilExit()
    }
    for _ in 0..<600 where daemon.isRunning {
      if let status = try? SearchConnection(socket).status(of: "ready?"), status == 200 {
        try body(socket, daemon.processIdentifier)
        return
      }
      Thread.sleep(forTimeInterval: 0.1)
    }
    throw SearchError(
      .libraryUnusable, "the daemon did not start: see 'duet serve --index \(library.directory)'")
  }
}

/// What the system says of a running process.
enum ProcessMemory {
  /// Resident bytes, from /proc.
  static func resident(of process: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return
      (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
      << 10
  }
}
