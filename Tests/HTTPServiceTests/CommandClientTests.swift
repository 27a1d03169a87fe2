// SPDX-License-Identifier: Apache-2.0
import Catalog
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("The command line's question to the daemon")
struct CommandClientTests {
  private func answer(_ lengths: String, _ body: String, length: String? = nil, status: String = "200 OK")
    -> [UInt8]
  {
    Array(
      ("HTTP/1.1 \(status)\r\nDuet-Output: \(lengths)\r\nContent-Length: \(length ?? "\(body.utf8.count)")\r\n\r\n"
        + body).utf8)
  }

  @Test("Notes, output, last words and status are told apart")
  func parts() {
    let output = CommandClient.parse(answer("1 5 6", "notesé and more"))
    #expect(output?.status == 1 && output?.notes == "notes" && output?.standardOutput == "é and")
    #expect(output?.closingWords == " more")
    let empty = CommandClient.parse(answer("0 0 0", ""))
    #expect(empty == CommandRoutes.Output())
    #expect(CommandClient.parse(answer("0 0 3", "a\0b"))?.standardOutput == "a\0b")
    let lower = String(decoding: answer("2 0 1", "x"), as: UTF8.self).replacing(
      "Duet-Output", with: "duet-output")
    #expect(CommandClient.parse(Array(lower.utf8))?.status == 2)
  }

  @Test("What is no whole answer is none")
  func hostile() {
    let most = "9223372036854775807"
    for lengths in [
      "", "0", "0 1", "0 1 2 3", "0 -1 1", "-1 0 0", "0 9 0", "0 0 9", "0 3 3", "0 \(most) \(most)",
      "0 1 \(most)",
      "\(most) 0 0", "4294967296 0 0", "0 0 99999999999999999999", "a b c",
    ] {
      #expect(CommandClient.parse(answer(lengths, "body")) == nil, "\(lengths)")
    }
    for length in ["3", "5", "", "-4", "x", most] {
      #expect(CommandClient.parse(answer("0 1 1", "body", length: length)) == nil, "\(length)")
    }
    for status in ["404 Not Found", "409 Conflict", "500 Internal Server Error", "2000 X"] {
      #expect(CommandClient.parse(answer("0 1 1", "body", status: status)) == nil, "\(status)")
    }
    let whole = answer("0 1 1", "body")
    for count in 0..<whole.count { #expect(CommandClient.parse(Array(whole.prefix(count))) == nil) }
    #expect(CommandClient.parse(whole) != nil)
    var random = SeededRandom(seed: Soak.seed(77))
    for _ in 0..<Soak.count(3_000) {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = CommandClient.parse(bytes)
    }
  }

  @Test("The daemon answers a command of its own version, about a library that it serves")
  func route() async throws {
    let daemon = try await TestDaemon.shared.value
    let routes = Daemon(
      Daemon.Configuration(
        libraries: [("pictures", daemon.library.location)], version: "1", keys: "/nowhere/keys.json"),
      state: daemon.daemon.state, logger: .init(label: "test"),
      answerCommand: { command, snapshot, source in
        if command.arguments == ["fail"] { throw SearchError(.unreadableInput, "no such picture") }
        var output = CommandRoutes.Output()
        output.notes = "\(command.arguments.joined(separator: " "))\n"
        output.standardOutput = "\(snapshot.state.itemCount)é\(command.standardInput?.count ?? -1)\n"
        output.closingWords = source == nil ? "" : "\(command.workingDirectory)"
        output.status = 7
        return output
      })
    let responder = routes.routes(.socket).router.buildResponder()
    func ask(
      _ version: String, _ directory: String, arguments: [String] = ["a", "-l"],
      build: String = ProgramBuild.own
    ) async throws -> Answer {
      var command = CommandRoutes.Command(
        version: version, arguments: arguments, workingDirectory: "/ü", standardInput: [1, 2, 3],
        isStyled: false)
      command.build = build
      let escaped = directory.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return try await daemon.ask(
        .post, "\(CommandRoutes.path)?directory=\(escaped)", [.contentType: "application/json"],
        bytes: [UInt8](try JSONEncoder().encode(command)), through: responder, host: "duet")
    }
    let directory = daemon.library.location.directory.string
    let answer = try await ask(TestDaemon.version, directory)
    #expect(answer.status == 200 && answer.headers[.connection] == "close")
    var head = "HTTP/1.1 200 OK\r\n"
    for field in answer.headers { head += "\(field.name.rawName): \(field.value)\r\n" }
    let output = CommandClient.parse(Array((head + "\r\n").utf8) + answer.body)
    #expect(output?.notes == "a -l\n" && output?.standardOutput == "12é3\n" && output?.closingWords == "/ü")
    #expect(output?.status == 7)
    #expect(try await ask("0.0.1", directory).status == 409)
    #expect(try await ask(TestDaemon.version, directory, build: "1-2").status == 409)
    // What it cannot answer the command line tries by itself.
    #expect(try await ask(TestDaemon.version, directory, arguments: ["fail"]).status == 422)
    #expect(try await ask(TestDaemon.version, directory + "/other").status == 404)
    #expect(try await ask(TestDaemon.version, "").status == 422)
  }
}
