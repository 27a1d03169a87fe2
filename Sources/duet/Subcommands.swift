// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Search

/// The words of the command line, before the parser sees them.
enum Words {
  /// Refuses words that are not UTF-8: they have become other words, and a file would be "not found".
  static func check() throws {
    for index in 0..<Int(CommandLine.argc) {
      guard let word = CommandLine.unsafeArgv[index], String(validatingCString: word) == nil else { continue }
      throw SearchError(
        .invalidRequest,
        "\(String(cString: word)): not UTF-8: rename the file, or give a picture on standard input (--image -)"
      )
    }
  }
}

/// Names of commands as they are typed. The parser helps with misspelt options, but takes a misspelt command for an
/// argument too many.
enum Subcommands {
  /// Refuses a first word that is no command, naming the one that may be meant.
  static func check(_ arguments: ArraySlice<String>) throws {
    var words = arguments[...]
    var command: any ParsableCommand.Type = Duet.self
    var path = ["duet"]
    if words.first == "help" { words.removeFirst() }
    while let word = words.popFirst(), !word.hasPrefix("-"), !command.configuration.subcommands.isEmpty {
      let known = command.configuration.subcommands.map { (name: name(of: $0), type: $0) }
      if let next = known.first(where: { $0.name == word }) {
        command = next.type
        path.append(word)
        continue
      }
      // "help" is the parser's own.
      if word == "help" { return }
      let near = known.map { (name: $0.name, distance: distance(word, $0.name)) }
        .filter { $0.distance <= max(1, $0.name.count / 3) }.min { $0.distance < $1.distance }
      let guess = near.map { ". Did you mean '\($0.name)'?" } ?? ""
      throw ValidationError(
        "'\((path + [word]).joined(separator: " "))' is no command\(guess)\nThe commands are "
          + known.map(\.name).joined(separator: ", "))
    }
  }

  private static func name(of command: any ParsableCommand.Type) -> String {
    command.configuration.commandName ?? "\(command)".lowercased()
  }

  /// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a` (optimal string alignment).
  static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var rows = [Array(0...b.count)]
    for i in 1...max(a.count, 1) where i <= a.count {
      var row = [i] + Array(repeating: 0, count: b.count)
      for j in 1...max(b.count, 1) where j <= b.count {
        let replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        row[j] = min(replaced, rows[i - 1][j] + 1, row[j - 1] + 1)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          row[j] = min(row[j], rows[i - 2][j - 2] + 1)
        }
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
