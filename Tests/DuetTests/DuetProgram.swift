// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Glibc
import TestSupport
import Testing

/// The built program, run as people run it: in a process of its own, with an environment of its own.
struct DuetProgram {
  /// What a run left.
  struct Run {
    /// The exit status; 128 + the signal where one ended it.
    let status: Int32
    let output: [UInt8]
    let diagnostics: [UInt8]
    /// What it used of the processors.
    let processorTime: Duration

    var out: String { String(decoding: output, as: UTF8.self) }
    var err: String { String(decoding: diagnostics, as: UTF8.self) }
    var lines: [Substring] { out.split(separator: "\n") }

    /// Standard output as one JSON object.
    var json: [String: Any] {
      get throws { try Self.object(output) }
    }

    /// Standard output as JSON Lines.
    var jsonLines: [[String: Any]] {
      get throws { try output.split(separator: UInt8(ascii: "\n")).map { try Self.object(Array($0)) } }
    }

    private static func object(_ bytes: [UInt8]) throws -> [String: Any] {
      let text = String(decoding: bytes, as: UTF8.self)
      return try #require(
        JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any], "no JSON object: \(text)")
    }
  }

  /// Home, caches and data of the runs; nothing of the user's own is read or written.
  let home: TemporaryDirectory
  /// Where the runs start.
  var folder: String
  /// What the environment has besides.
  var environment: [String: String] = [:]
  /// Folders that are to be there as long as it is.
  var folders: [TemporaryDirectory] = []
  /// Words before the program's own: `setpriv …`.
  var prefix: [String] = []

  init(in folder: String? = nil) throws {
    home = try TemporaryDirectory()
    self.folder = folder ?? home.path
  }

  /// The program that was built together with these tests.
  static let path: String = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let tests = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "duet").path(
      percentEncoded: false)
  }()

  /// Runs it to the end.
  func callAsFunction(_ arguments: String..., input: [UInt8] = []) async throws -> Run {
    try await run(arguments, input: input)
  }

  func run(_ arguments: [String], input: [UInt8] = []) async throws -> Run {
    try await start(arguments, input: input).finished()
  }

  /// Starts it.
  func start(_ arguments: [String], input: [UInt8] = []) throws -> RunningProgram {
    try RunningProgram(
      prefix + [Self.path] + arguments, environment: environmentOfRuns, folder: folder, input: input)
  }

  private var environmentOfRuns: [String: String] {
    var all = [
      "HOME": home.path, "XDG_CACHE_HOME": home.path("cache"), "XDG_DATA_HOME": home.path("data"),
      "XDG_CONFIG_HOME": home.path("config"), "XDG_RUNTIME_DIR": home.path("run"), "LANG": "C.UTF-8",
      "COLUMNS": "80", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    ]
    // Where the toolchain's own libraries are, for builds that link them dynamically.
    if let libraries = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] {
      all["LD_LIBRARY_PATH"] = libraries
    }
    return all.merging(environment) { _, new in new }
  }
}

/// A run that goes on.
struct RunningProgram {
  let process: pid_t
  private let files: TemporaryDirectory

  init(_ words: [String], environment: [String: String], folder: String, input: [UInt8]) throws {
    files = try TemporaryDirectory()
    let standardInput = try files.write(input, to: "in")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, standardInput, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, files.path("out"), O_WRONLY | O_CREAT, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, files.path("err"), O_WRONLY | O_CREAT, 0o644)
    // The test runner may ignore signals that the program is to be stopped with.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    // `env` changes the folder and becomes the program, under the same process id.
    let words = ["/usr/bin/env", "-C", folder] + words
    let arguments = words.map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var child: pid_t = 0
    let failure = posix_spawnp(&child, words[0], &actions, &attributes, arguments, variables)
    try #require(failure == 0, "\(words[0]): \(String(cString: strerror(failure)))")
    process = child
  }

  /// What it has written so far.
  var outputSoFar: String { soFar("out") }
  var diagnosticsSoFar: String { soFar("err") }

  private func soFar(_ name: String) -> String {
    String(decoding: (try? Data(contentsOf: files.url.appending(path: name))) ?? Data(), as: UTF8.self)
  }

  /// The first line that is written to `out` or `err`; nil when the run ends before it.
  func firstLine(of stream: String) async -> String? {
    while true {
      let bytes = (try? Data(contentsOf: files.url.appending(path: stream))) ?? Data()
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        return String(decoding: bytes[..<end], as: UTF8.self)
      }
      if hasEnded { return nil }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Waits for the end, on a thread that may wait.
  func finished() async throws -> DuetProgram.Run {
    let process = process
    let (status, used) = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var status: CInt = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0 && errno == EINTR {}
        let times = [usage.ru_utime, usage.ru_stime]
        let used = times.reduce(.zero) { $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec) } as Duration
        continuation.resume(returning: (status, used))
      }
    }
    let signal = status & 0x7F
    return DuetProgram.Run(
      status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
      output: [UInt8](try Data(contentsOf: files.url.appending(path: "out"))),
      diagnostics: [UInt8](try Data(contentsOf: files.url.appending(path: "err"))), processorTime: used)
  }
}
