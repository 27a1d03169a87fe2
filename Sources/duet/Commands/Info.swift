// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Search

/// `duet info`: what a library holds, and what this program runs on.
struct Info: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Show what a library holds, and what this program runs on.",
      discussion: Help.examples(
        """
        duet info
        duet info --skipped
        duet info --index ~/Photos --json
        """))
  }

  @OptionGroup var library: LibraryOptions
  @Flag(help: "List the files that were skipped, and why.")
  var skipped = false
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let reader: LibraryReader
    do {
      reader = try library.open()
    } catch let error as SearchError where error.code == .libraryNotFound && !skipped {
      // The program's own part is of use without a library, too.
      print(json ? (["program": ProgramFacts.json] as JSONText).text : Table(ProgramFacts.rows).text)
      throw error
    }
    let facts = try LibraryFacts(of: reader)
    if skipped {
      for skip in facts.skips { print(json ? skip.json.text : "\(skip.path): \(skip.message)".printable) }
    } else if json {
      print((["library": facts.json, "program": ProgramFacts.json] as JSONText).text)
    } else {
      print(Table(facts.rows + [("", "")] + ProgramFacts.rows).text)
    }
    if let advice = ProgramFacts.slowBLASAdvice { Diagnostics.note(advice) }
  }
}
