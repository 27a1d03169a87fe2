// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Search
import SystemPackage

/// `duet verify`: reads everything a library has, and says what does not fit.
struct Verify: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Check a library: the catalog, every segment, and whether they agree.",
      discussion: Help.examples(
        "duet verify\nduet verify --recall\nduet verify --index ~/Photos --json",
        before: """
          Nothing is changed. 'duet index' makes anew what is lost. With --recall, vectors of the library are looked up \
          in it as well, at each setting of 'duet search --recall': what share of the 10 true neighbours each finds, \
          and how fast.
          """,
        after: "Exit status: 0 sound, 2 damaged, 130 interrupted."))
  }

  @OptionGroup var library: LibraryOptions
  @Flag(help: "In a sound library: measure what searches at each --recall find, too.")
  var recall = false
  @Flag(help: "Print the findings as JSON.")
  var json = false

  func run() async throws {
    let location = try library.find()
    let findings = try LibraryVerification.run(on: location)
    // What is damaged finds what it finds.
    let audit = recall && findings.isSound ? try await audit(location) : nil
    if json {
      print(findings.json(audit).text)
    } else {
      for line in findings.lines + (audit?.lines ?? []) { print(line.printable) }
    }
    if !findings.isSound { throw ExitCode.failed }
  }

  private func audit(_ location: LibraryLocation) async throws -> RecallAudit {
    let progress = ProgressLine(isWanted: true)
    return try await Interruption.cancelling {
      defer { progress.clear() }
      let snapshot = try LibraryReader(location).snapshot(embedder: nil)
      return try await RecallAudit.run(on: snapshot) { progress.update(asked: $0, of: $1) }
    }
  }
}

extension LibraryVerification {
  /// For people: damage first, what is merely remarkable next, the verdict last.
  fileprivate var lines: [String] {
    var lines = damage.map { "damaged: \($0)" }
    lines += retiredFiles.map { "retired: \($0) goes at a later 'duet index'" }
    lines += orphans.map { "orphan: \($0) belongs to nothing, the next 'duet index' removes it" }
    lines += absentRoots.map { "absent: \($0) is not there; its pictures are kept" }
    if missingFiles > 0 {
      lines.append(
        "\(missingFiles.grouped) pictures are gone: 'duet index' will remove them from the library")
    }
    if changedFiles > 0 {
      lines.append("\(changedFiles.grouped) pictures have changed: 'duet index' will read them again")
    }
    let counted =
      "\(items.grouped) pictures, \(vectors.grouped) vectors, \(segments.grouped) segments in \(directory)"
    lines.append(isSound ? "sound: \(counted)" : "\(damage.count.grouped) faults: \(counted)")
    if !isSound {
      lines.append("'duet index' makes lost vectors anew; a catalog that is damaged needs a backup")
    }
    return lines
  }

  /// For programs.
  fileprivate func json(_ audit: RecallAudit?) -> JSONText {
    var fields: [(String, JSONText)] = [
      ("library", .string(directory.string)), ("sound", .bool(isSound)), ("damage", .strings(damage)),
      ("items", .int(items)), ("vectors", .int(vectors)), ("segments", .int(segments)),
      ("retired", .strings(retiredFiles)), ("orphans", .strings(orphans)),
      ("absentRoots", .strings(absentRoots.map(\.string))), ("missingFiles", .int(missingFiles)),
      ("changedFiles", .int(changedFiles)),
    ]
    if let audit { fields.append(("recall", audit.json)) }
    return .object(fields)
  }
}
