// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `duet`: the root of the command line.
struct Duet: ParsableCommand {
  /// Duet's own version.
  static let version = "0.1.0"

  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "duet",
      abstract: "Search a folder of pictures by text, by picture, and by both at once.",
      discussion: Help.examples(
        """
        duet index ~/Photos
        duet search "a dog on a beach"
        duet search --image rex.jpg --text "at night, in snow"
        duet search --image 2:rex.jpg --not-text 0.5:indoors --json
        """,
        after: "Exit status: 0 success or hits, 1 nothing found, 2 error, 130 interrupted."),
      version: ProgramFacts.versionText,
      subcommands: [
        Index.self, Search.self, Serve.self, Embed.self, Eval.self, Bench.self, Info.self, Verify.self,
        Model.self,
        Roots.self,
      ])
  }
}

/// Starts the program.
@main
struct Main {
  static func main() async {
    StandardStreams.prepare()
    do {
      try Words.check()
      try Subcommands.check(CommandLine.arguments.dropFirst())
      var command = try Duet.parseAsRoot()
      if !Help.isWanted(CommandLine.arguments) { try EnvironmentVariables.check() }
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      Exit.end(.success)
    } catch {
      Exit.end(with: error)
    }
  }
}
