// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Embedders
import Evaluation
import Search
import SystemPackage

/// `duet eval`: how good answers are, measured.
struct Eval: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Measure how good answers are.",
      discussion: Help.examples(
        """
        duet eval library queries.jsonl
        duet eval cirr ~/CIRR --images ~/CIRR/images --model BAAI/BGE-VL-base
        duet eval circo ~/CIRCO --images ~/unlabeled2017 --split test --submission out
        """,
        before: """
          R@K is the share of queries with a right answer among the first K, mAP@K the mean average precision there, \
          both in percent (with --json in 0...1); the median rank is that of the best right answer. A library is \
          asked as 'duet search' asks it; benchmarks are ranked exactly, pictures seen as the reference \
          implementations see them, by each one's own rules.
          """),
      subcommands: [
        Library.self, CIRRCommand.self, CIRCOCommand.self, FashionIQCommand.self, BGEVLCommand.self,
      ]
    )
  }

  /// `duet eval library`.
  struct Library: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        commandName: "library", abstract: "Ask a library queries whose answers are known.",
        discussion: Help.examples(
          """
          duet eval library queries.jsonl
          duet eval library queries.jsonl --fields image --cut off
          duet eval library queries.jsonl --fields caption,words --json
          """,
          before: """
            A JSON object a line, with paths as the library knows them:
              {"text": "a dog on a beach", "relevant": ["dogs/rex.jpg"]}
              {"image": "rex.jpg", "text": "at night", "relevant": ["night/rex.jpg"]}
              {"terms": [{"item": "a.jpg", "weight": 2}, {"text": "indoors"}],
               "relevant": ["b.jpg", "c.jpg"], "exclude": ["d.jpg"], "kind": "my own"}
              {"text": "asdfgh qwerty", "relevant": [], "kind": "nonsense"}
            (the third on one line). A term has a text, an image or an item, a weight, and a role: want, avoid or \
            exclude. "kind" names the row of the table; without it that is text, image or composed. \
            What "exclude" names is taken out of the answers first. "nothing" is the percentage of queries that \
            returned nothing, "right" the mean percentage of right answers among the hits of those that did return \
            some.
            """))
    }

    @Argument(help: "The queries, JSON Lines.", completion: .file())
    var queries: String
    @Option(
      help: ArgumentHelp(
        "Where hits are looked for: image, caption, words, several with commas, or all (default: as in a search).",
        valueName: "fields"))
    var fields: FieldChoice?
    @Option(
      help: ArgumentHelp(
        "Where hits end: auto, off or z:NUMBER (default: as in a search).", valueName: "rule"))
    var cut: String?
    @Option(help: "How sources are merged: z or rrf.")
    var fusion = FusionChoice.z
    @Option(help: "How terms are added: rawSum or unitSum (default: the model's way).")
    var compose: ComposeRule?
    @Option(
      name: [.customShort("k"), .customLong("top")],
      help: ArgumentHelp("Look at so many hits; what ranks behind is not found.", valueName: "n"))
    var top = 100
    @Flag(help: "Print a JSON object.")
    var json = false
    @OptionGroup var library: LibraryOptions
    @OptionGroup var model: ModelOptions

    func run() async throws {
      let options = try runOptions()
      let reader = try library.open()
      let opened = try model.openForQueries(of: reader)
      if let problem = opened.problem { Diagnostics.note(problem) }
      let snapshot = try reader.snapshot(embedder: opened.choice?.embedder, missingModel: opened.problem)
      let queries = try LibraryQueries(FilePath(queries), in: snapshot)
      let result = try await Progress.shown { progress in
        try await LibraryRun(library: snapshot, options: options, progress: progress).run(queries)
      }
      let asked = "as in a search"
      let report = EvaluationReport(
        result,
        title: "\(self.queries): \(snapshot.state.itemCount.grouped) items, "
          + "fields \(fields?.name ?? asked), fusion \(fusion.rawValue), "
          + "cut \(options.cut?.description ?? asked)" + (compose.map { ", \($0.rawValue)" } ?? ""),
        facts: [
          ("queries", .string(self.queries)), ("items", .int(snapshot.state.itemCount)),
          ("model", .optional(opened.choice?.embedder.id)), ("fields", .optional(fields?.name)),
          ("fusion", .string(fusion.rawValue)), ("cut", .optional(options.cut?.description)),
          ("compose_rule", .optional(compose?.rawValue)), ("top", .int(top)),
        ])
      print(json ? report.json.text : report.table)
    }

    private func runOptions() throws -> LibraryRun.Options {
      var options = LibraryRun.Options()
      options.sources = fields?.sources
      options.cut = try cut.map { try Cut(parsing: $0) }
      options.fusion = fusion.fusion
      options.composeRule = compose
      options.depth = top
      return options
    }
  }
}

/// `--fields`.
struct FieldChoice: ExpressibleByArgument {
  let sources: Set<HitSource>

  init?(argument: String) {
    if argument == "all" {
      sources = Set(HitSource.allCases)
      return
    }
    let names = argument.split(separator: ",")
    let found = names.compactMap { HitSource(rawValue: String($0)) }
    guard !found.isEmpty, found.count == names.count else { return nil }
    sources = Set(found)
  }

  /// As it is typed.
  var name: String {
    sources.count == HitSource.allCases.count
      ? "all" : HitSource.allCases.filter { sources.contains($0) }.map(\.rawValue).joined(separator: ",")
  }
}

/// Runs an evaluation with a line of progress, until the first Ctrl-C.
enum Progress {
  static func shown<Result: Sendable>(
    _ work: @escaping @Sendable (@escaping @Sendable (EvaluationProgress) -> Void) async throws -> Result
  ) async throws -> Result {
    let line = ProgressLine(isWanted: true)
    return try await Interruption.cancelling {
      defer { line.clear() }
      return try await work { line.update($0) }
    }
  }
}

extension ComposeRule: ExpressibleByArgument {}
