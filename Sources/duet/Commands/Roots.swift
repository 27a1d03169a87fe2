// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Search
import SystemPackage

/// `duet roots`: the folders of a library.
struct Roots: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Show or remove the folders of a library.", subcommands: [List.self, Remove.self])
  }

  /// `duet roots list`.
  struct List: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "List the folders of a library.", discussion: Help.examples("duet roots list"))
    }

    @OptionGroup var library: LibraryOptions
    @Flag(help: "Print JSON, one object per folder.")
    var json = false

    func run() throws {
      let roots = try LibraryFacts(of: try library.open()).roots
      if json {
        for root in roots { print(root.json.text) }
        return
      }
      let rows = roots.map { root in
        [
          root.path.string, "\(root.items.grouped) pictures",
          (root.lastSeen.map { "indexed \(Timestamp.text($0))" } ?? "not indexed completely yet")
            + (root.exists ? "" : " (not there now)"),
        ]
      }
      if !rows.isEmpty { print(Columns(rows: rows).text) }
    }
  }

  /// `duet roots remove`.
  struct Remove: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Take a folder and its pictures out of a library. The files stay where they are.",
        discussion: Help.examples("duet roots remove ~/Photos/2019"))
    }

    @Argument(help: "The folder, as 'duet roots list' shows it.")
    var root: String
    @OptionGroup var library: LibraryOptions

    func run() throws {
      let location = try library.find()
      let removed = try RootRemoval(location).remove(try Paths.absolute(root))
      Diagnostics.line("removed \(removed.path): \(removed.items.grouped) pictures left the library")
    }
  }
}
