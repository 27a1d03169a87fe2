// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
package import SystemPackage

/// The files that a benchmark's server takes, made of the composed queries' answers.
package struct Submission: Sendable {
  /// A file's name and content.
  package let files: [(name: String, bytes: [UInt8])]

  private enum Value: Encodable {
    case text(String)
    case names([String])
    case ids([Int])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .names(let names): try container.encode(names)
      case .ids(let ids): try container.encode(ids)
      }
    }
  }

  /// - Throws: ``EvaluationError`` for a benchmark without a server, or a run without composed queries.
  package init(_ result: BenchmarkResult) throws {
    guard let server = result.benchmark.server, let part = result.benchmark.parts.first else {
      throw EvaluationError(
        "\(result.benchmark.name): there is no server to submit to: leave --submission out")
    }
    guard let answers = result.parts.first?.answers[.composed] else {
      throw EvaluationError("a submission is made of the composed queries: let --mode hold composed")
    }
    func byID(_ value: (RankedAnswer) -> Value) -> [String: Value] {
      Dictionary(answers.map { (part.queries[$0.query].id, value($0)) }) { first, _ in first }
    }
    let stem = result.benchmark.name.lowercased().replacing(" ", with: "-")
    switch server {
    case .circo:
      files = [
        (
          "\(stem).json",
          try Self.encoded(byID { .ids($0.best.prefix(CIRCO.submissionDepth).compactMap { Int($0) }) })
        )
      ]
    case .cirr:
      func file(_ metric: String, _ names: (RankedAnswer) -> ArraySlice<String>) throws -> [UInt8] {
        var values = byID { .names(Array(names($0))) }
        values["version"] = .text("rc2")
        values["metric"] = .text(metric)
        return try Self.encoded(values)
      }
      files = [
        ("\(stem)-recall.json", try file("recall") { $0.best.prefix(CIRR.submissionDepth) }),
        (
          "\(stem)-recall_subset.json",
          try file("recall_subset") { $0.subset.prefix(CIRR.subsetSubmissionDepth) }
        ),
      ]
    }
  }

  /// Writes the files, each whole or not at all, and returns where they are.
  package func write(to folder: FilePath) throws -> [FilePath] {
    try Folders.create(folder)
    return try files.map { file in
      let path = folder.appending(file.name)
      try AtomicFile.write(file.bytes, to: path)
      return path
    }
  }

  private static func encoded(_ values: [String: Value]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(values))
  }
}
