// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// Another program that does the same work, waiting for its turn: it reads what to do from a line, does it once, and
/// answers with a line.
final class Peer {
  /// What it said first.
  private(set) var name = ""
  private let process: pid_t
  private let requests: FileDescriptor
  private let answers: FileDescriptor

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Starts `command`, found in `$PATH`, and waits for its name.
  init(_ command: [String]) throws {
    let (input, output) = (try FileDescriptor.pipe(), try FileDescriptor.pipe())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input.readEnd.rawValue, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writeEnd.rawValue, 1)
    for end in [input.readEnd, input.writeEnd, output.readEnd, output.writeEnd] {
      posix_spawn_file_actions_addclose(&actions, end.rawValue)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let status = posix_spawnp(&process, command[0], &actions, nil, arguments, environ)
    try input.readEnd.close()
    try output.writeEnd.close()
    guard status == 0 else { throw Failure(description: "\(command[0]): \(Errno(rawValue: status))") }
    self.process = process
    requests = input.writeEnd
    answers = output.readEnd
    name = try line()
  }

  /// Has it do `work` once, and returns the seconds it took by its own clock.
  func seconds(for work: String) throws -> Double {
    try requests.writeAll(Array("\(work)\n".utf8))
    let answer = try line()
    guard let seconds = Double(answer) else { throw Failure(description: "the peer said: \(answer)") }
    return seconds
  }

  private func line() throws -> String {
    var bytes: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      let count = try withUnsafeMutableBytes(of: &byte) { try answers.read(into: $0) }
      guard count == 1 else {
        throw Failure(description: "the peer ended: does it have what its first lines import?")
      }
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
  }

  deinit {
    try? requests.close()
    try? answers.close()
    waitpid(process, nil, 0)
  }
}
