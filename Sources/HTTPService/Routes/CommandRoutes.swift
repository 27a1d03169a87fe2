// SPDX-License-Identifier: Apache-2.0
package import Embedders
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
package import Search
import SystemPackage

/// Answers the command line's own queries over the Unix socket: it sends the words that were typed, and prints what comes
/// back, so that its output is the same with and without a daemon.
///
/// Not part of the API: its form changes with the version, which both ends compare first.
package struct CommandRoutes: Sendable {
  /// What was typed, and where.
  package struct Command: Codable, Sendable {
    /// Of the command line; another one's words may mean something else.
    package var version: String
    var build = ProgramBuild.own
    /// The words after `duet search`.
    package var arguments: [String]
    package var workingDirectory: String
    private var input: Data?
    /// Whether the output goes to a terminal that shows colours.
    package var isStyled: Bool

    package init(
      version: String, arguments: [String], workingDirectory: String, standardInput: [UInt8]?, isStyled: Bool
    ) {
      self.version = version
      self.arguments = arguments
      self.workingDirectory = workingDirectory
      input = standardInput.map { Data($0) }
      self.isStyled = isStyled
    }

    /// What `--image -` reads.
    package var standardInput: [UInt8]? { input.map { [UInt8]($0) } }
  }

  /// What is printed where, and the exit status.
  package struct Output: Sendable, Equatable {
    /// On standard error, before the answer.
    package var notes = ""
    package var standardOutput = ""
    /// On standard error, after the answer.
    package var closingWords = ""
    package var status: Int32 = 0

    package init() {}
  }

  /// On a compute thread: answers a command from a library's state. What it throws is not shown: the command line, which has
  /// no answer then, tries by itself.
  package typealias Answer = @Sendable (Command, LibrarySnapshot, ModelSource?) throws -> Output

  package static let path = "/v1/command"
  /// A header: exit status, bytes of notes, bytes of standard output.
  static let header = "Duet-Output"

  let daemon: DaemonState
  let answer: Answer

  func add(to routes: RouteTable) {
    routes.on(.post, CommandRoutes.path, scope: .admin, bodyBytes: Limits.pictureBodyBytes) {
      request, context in
      let query = try QueryParameters(request, known: ["directory"])
      let command = try await request.decoded(as: Command.self, context)
      guard command.version == daemon.version, command.build == ProgramBuild.own else {
        throw Problem(.conflict, "this daemon is another build of the program, of version \(daemon.version)")
      }
      let directory = try query.required("directory")
      guard let library = daemon.libraries.all.first(where: { $0.location.directory.string == directory })
      else {
        throw Problem(.notFound, "\(directory) is not served here")
      }
      let output = try await daemon.scheduler.run(channel: context.channel) {
        let snapshot = try library.snapshot()
        do {
          return try answer(command, snapshot, library.modelChoice?.source)
        } catch {
          throw Problem(.unprocessableContent, "\(error)")
        }
      }
      let lengths = "\(output.status) \(output.notes.utf8.count) \(output.standardOutput.utf8.count)"
      var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8", .connection: "close"]
      if let name = HTTPField.Name(CommandRoutes.header) { headers[name] = lengths }
      return Response(
        status: .ok,
        headers: headers,
        body: ResponseBody(
          byteBuffer: ByteBuffer(string: output.notes + output.standardOutput + output.closingWords)))
    }
  }
}
