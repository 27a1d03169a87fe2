// SPDX-License-Identifier: Apache-2.0
import Glibc
import Search

/// A process of this program, started without a word on its standard streams. Foundation's own takes 30 ms to notice that one
/// has ended, which is more than there is to measure.
struct ChildProcess {
  let id: pid_t

  /// Starts this program again.
  ///
  /// - Parameter environment: variables besides this process's own, which they replace.
  /// - Throws: ``SearchError`` when no process can be started.
  init(_ arguments: [String], environment: [String: String]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
    }
    let words = (["duet"] + arguments).map { strdup($0) } + [nil]
    let variables = ChildProcess.variables(environment).map { strdup($0) } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var child: pid_t = 0
    let failure = posix_spawn(&child, "/proc/self/exe", &actions, nil, words, variables)
    guard failure == 0 else {
      throw SearchError(
        .storage, "this program cannot be started again: \(String(cString: strerror(failure)))")
    }
    id = child
  }

  private static func variables(_ added: [String: String]) -> [String] {
    var own: [String] = []
    var next = environ
    while let variable = next.pointee {
      own.append(String(cString: variable))
      next += 1
    }
    return own.filter { variable in !added.keys.contains { variable.hasPrefix("\($0)=") } }
      + added.map { "\($0)=\($1)" }
  }

  /// Waits for the end; returns the exit status, 128 and more for a signal.
  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
  }

  func terminate() { kill(id, SIGTERM) }
}
