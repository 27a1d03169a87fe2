// SPDX-License-Identifier: Apache-2.0

/// Help comes in two lengths: `-h` lists the options, `--help` adds examples.
enum Help {
  /// Whether the short one was asked for.
  private static let isShort = CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("-h")

  /// Whether words ask for help or the version instead of work.
  static func isWanted(_ words: [String]) -> Bool {
    let words = words.dropFirst().prefix { $0 != "--" }
    return words.first == "help" || words.contains { ["-h", "--help", "--version"].contains($0) }
  }

  /// The part of a command's help that `-h` leaves out: what the command does in some more words, and examples, one
  /// command a line.
  static func examples(_ commands: String, before: String = "", after: String = "") -> String {
    guard !isShort else { return "" }
    let lines = commands.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
    return [before, "Examples:\n" + lines, after].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }
}
