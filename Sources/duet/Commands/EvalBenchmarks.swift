// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Embedders
import Evaluation
import Search
import SystemPackage

/// What all benchmarks have in common.
struct BenchmarkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The folder of pictures.", valueName: "dir"), completion: .directory)
  var images: String
  @Option(
    help: ArgumentHelp(
      "Ask with picture and text (composed), the picture alone (image), or the text alone (text); may be "
        + "repeated (default: all three).", valueName: "mode"))
  var mode: [QueryMode] = []
  @Option(help: "How terms are added: rawSum or unitSum (default: the model's way).")
  var compose: ComposeRule?
  @Flag(help: "Embed every picture anew instead of taking it from the cache.")
  var noCache = false
  @Flag(help: "Print a JSON object.")
  var json = false
  @OptionGroup var model: ModelOptions

  /// Runs a benchmark and prints its table; with `submission`, writes the files for its server.
  func run(_ benchmark: Benchmark, submission: String? = nil) async throws {
    guard benchmark.hasAnswers || submission != nil else {
      throw SearchError(
        .invalidRequest,
        "\(benchmark.name): only the server knows the answers: write its files with --submission FOLDER")
    }
    let embedder = try model.open().embedder
    let modes = QueryMode.allCases.filter { mode.isEmpty || mode.contains($0) }
    let cache = noCache ? nil : ProjectionCache(of: try embedder.identity(view: .parity))
    let rule = compose
    let result = try await Progress.shown { progress in
      try await BenchmarkRun(
        embedder: embedder, composeRule: rule, modes: modes, cache: cache, progress: progress
      ).run(benchmark)
    }
    if result.cutTexts > 0 {
      Diagnostics.note("\(result.cutTexts.grouped) texts were too long for the model and lost their ends")
    }
    if let submission {
      for path in try Submission(result).write(to: FilePath(submission)) { Diagnostics.note("wrote \(path)") }
    }
    let report = EvaluationReport(result)
    if json {
      print(report.json.text)
    } else if benchmark.hasAnswers {
      print(report.table)
    }
  }

  /// `--images`.
  var folder: FilePath { FilePath(images) }
}

/// `duet eval cirr`.
struct CIRRCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "cirr", abstract: "CIRR: real-life pictures, and among sets of six.",
      discussion: Help.examples(
        """
        duet eval cirr ~/CIRR --images ~/CIRR/images
        duet eval cirr ~/CIRR --images ~/CIRR/images --split test1 --submission out
        """,
        before: """
          FOLDER holds captions/cap.rc2.SPLIT.json and image_splits/split.rc2.SPLIT.json; --images holds dev/, \
          test1/, train/. The reference is taken out of the ranking. Rs@K is recall among the query's own set.
          """))
  }

  @Argument(help: "The folder of annotations.", completion: .directory)
  var folder: String
  @Option(help: "val, test1 or train.")
  var split = "val"
  @Option(
    help: ArgumentHelp("Write the server's two files into this folder.", valueName: "dir"),
    completion: .directory)
  var submission: String?
  @OptionGroup var options: BenchmarkOptions

  func run() async throws {
    try await options.run(
      try CIRR.load(FilePath(folder), split: split, images: options.folder), submission: submission)
  }
}

/// `duet eval circo`.
struct CIRCOCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "circo", abstract: "CIRCO: COCO pictures, several answers a query.",
      discussion: Help.examples(
        """
        duet eval circo ~/CIRCO --images ~/unlabeled2017
        duet eval circo ~/CIRCO --images ~/unlabeled2017 --split test --submission out
        """,
        before: """
          FOLDER holds annotations/SPLIT.json; --images is COCO's unlabeled2017. The reference stays in the \
          ranking; average precision is divided by min(answers, K), recall counts the one target. The bge-vl \
          prompt also tells the shared concept: compare like with like.
          """))
  }

  @Argument(help: "The folder of annotations.", completion: .directory)
  var folder: String
  @Option(help: "val or test.")
  var split = "val"
  @Option(
    help: ArgumentHelp(
      "COCO's image_info_unlabeled2017.json (default: in FOLDER/COCO2017_unlabeled/annotations).",
      valueName: "file"), completion: .file())
  var gallery: String?
  @Option(help: "The query's text: plain, or bge-vl as in BGE-VL's paper.")
  var prompt = PromptForm.plain
  @Option(
    help: ArgumentHelp("Write the server's file into this folder.", valueName: "dir"), completion: .directory)
  var submission: String?
  @OptionGroup var options: BenchmarkOptions

  func run() async throws {
    try await options.run(
      try CIRCO.load(
        FilePath(folder), split: split, gallery: gallery.map { FilePath($0) }, images: options.folder,
        prompt: prompt), submission: submission)
  }
}

/// `duet eval fashioniq`.
struct FashionIQCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "fashioniq", abstract: "FashionIQ: dresses, shirts and tops.",
      discussion: Help.examples(
        "duet eval fashioniq ~/fashion-iq --images ~/fashion-iq/images --prompt bge-vl",
        before: """
          FOLDER holds captions/cap.CATEGORY.SPLIT.json and image_splits/split.CATEGORY.SPLIT.json. The mean \
          weighs the three categories alike. Papers use two galleries: the whole split, and the union of \
          candidates and targets, which gives higher numbers.
          """))
  }

  @Argument(help: "The folder of annotations.", completion: .directory)
  var folder: String
  @Option(help: "val or train.")
  var split = "val"
  @Option(help: "The pictures that are searched: split or union.")
  var gallery = FashionIQ.Gallery.split
  @Option(help: "How the two captions are joined: plain (\"a and b\"), or bge-vl (\"a, and b\").")
  var prompt = PromptForm.plain
  @OptionGroup var options: BenchmarkOptions

  func run() async throws {
    try await options.run(
      try FashionIQ.load(
        FilePath(folder), split: split, gallery: gallery, images: options.folder, prompt: prompt))
  }
}

/// `duet eval bge-vl`.
struct BGEVLCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "bge-vl", abstract: "Queries and corpus in the JSON Lines of BGE-VL's evaluation.",
      discussion: Help.examples(
        "duet eval bge-vl query.jsonl --corpus corpus.jsonl --images ~/fashion-iq",
        before: """
          Queries {"q_img", "q_text", "positive_key"}, corpus {"content", "image"}, an object a line; paths are \
          relative to --images. The reference stays in the ranking.
          """))
  }

  @Argument(help: "The queries.", completion: .file())
  var queries: String
  @Option(help: ArgumentHelp("The pictures that are searched.", valueName: "file"), completion: .file())
  var corpus: String
  @OptionGroup var options: BenchmarkOptions

  func run() async throws {
    try await options.run(
      try BGEVL.load(queries: FilePath(queries), corpus: FilePath(corpus), images: options.folder))
  }
}

extension QueryMode: ExpressibleByArgument {}
extension PromptForm: ExpressibleByArgument {}
extension FashionIQ.Gallery: ExpressibleByArgument {}
