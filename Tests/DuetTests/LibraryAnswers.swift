// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// All that a library says of its pictures through the command line: two libraries of one folder must agree on it to
/// the byte, whatever happened to them on the way.
struct LibraryAnswers {
  let items: Int
  let captions: Int
  let vectors: Int
  /// The hits of some queries, a JSON line each.
  private let hits: [[String]: [Substring]]

  /// Asks a library that should be whole, and expects that nothing in it is damaged, left over or left to do.
  init(of library: String, by duet: DuetProgram, queries: [[String]]) async throws {
    let verified = try await duet("verify", "--json", "--index", library)
    let findings = try verified.json
    #expect(verified.status == 0, "\(verified.out)")
    for rest in ["damage", "orphans", "retired", "absentRoots"] {
      #expect(findings[rest] as? [String] == [], "\(rest)")
    }
    for rest in ["missingFiles", "changedFiles"] { #expect(findings[rest] as? Int == 0, "\(rest)") }
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(library)/segments")
    #expect(files.count == findings["segments"] as? Int, "\(files)")
    items = try #require(findings["items"] as? Int)
    vectors = try #require(findings["vectors"] as? Int)
    let info = try await duet("info", "--json", "--index", library).json
    let facts = try #require(info["library"] as? [String: Any])
    captions = try #require(facts["captions"] as? Int)
    let fields = try #require(facts["vectors"] as? [[String: Any]])
    #expect(fields.allSatisfy { $0["pending"] as? Int == 0 })
    let models = try #require(facts["models"] as? [[String: Any]])
    #expect(models.map { $0["state"] as? String } == ["active"])
    var hits: [[String]: [Substring]] = [:]
    for query in queries {
      let run = try await duet.run(["search", "--json", "--index", library] + query)
      #expect(run.status == 0 && run.lines.count > 1, "\(query): \(run.err)")
      // The last line is the summary. It names the commit, a count of transactions, and the segments: both tell of the
      // way that the library came.
      hits[query] = run.lines.map { $0.contains(#""type":"hit""#) ? $0 : Self.withoutHistory($0) }
    }
    self.hits = hits
  }

  private static func withoutHistory(_ line: Substring) -> Substring {
    line.replacing(#/"generation":\d+/#, with: #""generation":0"#)
      .replacing(#/"paths":\[[^\]]*\]/#, with: #""paths":[]"#)
  }

  /// What is not as in `other`, in words; empty when all is.
  func differences(from other: LibraryAnswers) -> [String] {
    var found: [String] = []
    for (name, mine, right) in [
      ("pictures", items, other.items), ("captions", captions, other.captions),
      ("vectors", vectors, other.vectors),
    ] where mine != right { found.append("\(mine) \(name), should be \(right)") }
    for (query, right) in other.hits {
      let mine = hits[query] ?? []
      if mine.count != right.count { found.append("\(query): \(mine.count) lines, should be \(right.count)") }
      if let (line, should) = zip(mine, right).first(where: { $0 != $1 }) {
        found.append("\(query): \(line), should be \(should)")
      }
    }
    return found
  }
}
