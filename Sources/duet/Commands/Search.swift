// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
// C's `stdout` is a variable.
@preconcurrency import Glibc
import Search
import SystemPackage
import VectorIndexes

/// `duet search`: asks a library.
struct Search: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Find pictures by text, by picture, or by both at once.",
      discussion: Help.examples(
        """
        duet search "a dog on a beach"
        duet search --image rex.jpg
        duet search --image rex.jpg --text "at night, in snow"
        duet search --image 2:rex.jpg --not-text 0.5:indoors
        duet search cat --exclude-text dog -g 'holiday/**' --sort date
        duet search sunset -k 100 -0 | xargs -0 cp -t best/
        """,
        before: """
          A term may start with its weight and a colon: 2:rex.jpg counts twice, 0.5:"at night" half. \\: is a plain \
          colon. Texts and pictures that are not wanted are subtracted (--not-text, --not-image, weight 0.5) or \
          taken away (--exclude-text, --exclude-image). SCORE, by which hits are ordered, adds up what pictures, \
          captions and words say; --explain shows how.
          """,
        after: "Exit status: 0 hits, 1 nothing found, 2 error, 130 interrupted."))
  }

  @OptionGroup(title: "What is wanted") var terms: TermOptions
  @OptionGroup(title: "Only among") var filters: FilterOptions
  @OptionGroup(title: "How much, and how it is shown") var display: SearchDisplayOptions
  @OptionGroup var library: LibraryOptions
  @OptionGroup var model: ModelOptions
  @OptionGroup var color: ColorOptions

  func run() throws {
    var request = SearchRequest(terms: try terms.terms())
    request.filters = try filters.filters(now: Int64(time(nil)))
    try display.apply(to: &request)
    let reader = try library.open(maxMemory: display.maxMemory)
    let opened = try model.openForQueries(of: reader)
    let snapshot = try reader.snapshot(embedder: opened.choice?.embedder, missingModel: opened.problem)
    let result = try QueryEngine(library: snapshot).search(request)
    if let choice = opened.choice {
      try PhotographAdvice.give(for: choice.source, library: reader.catalog, state: snapshot.state)
    }
    for note in result.summary.notes { Diagnostics.note(note) }
    try show(result)
    if result.hits.isEmpty { throw ExitCode.nothingFound }
  }

  private func show(_ result: SearchResult) throws {
    let report = SearchReport(result: result, workingDirectory: try Paths.workingDirectory())
    switch display.format {
    case .json:
      for line in report.jsonLines { print(line.text) }
    case .paths(let terminator):
      for path in report.paths { print(path, terminator: terminator) }
    case .table:
      let text = report.table(style: Style(isOn: color.color.isOn()))
      if !text.isEmpty { print(text) }
      // Where both streams go to one place, the last word comes last.
      fflush(stdout)
      Diagnostics.note(report.closingWords)
    }
  }
}

/// The pieces of a query.
struct TermOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Words that make one wanted text.", valueName: "text"))
  var words: [String] = []
  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("A wanted text.", valueName: "text"))
  var text: [String] = []
  @Option(
    help: ArgumentHelp("A wanted picture; - reads it from standard input.", valueName: "file"),
    completion: .file())
  var image: [String] = []
  @Option(
    name: [.customLong("item"), .customLong("like-item")],
    help: ArgumentHelp("A wanted picture of the library, by its number in --json.", valueName: "id"))
  var item: [String] = []
  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("A text to move away from.", valueName: "text"))
  var notText: [String] = []
  @Option(
    help: ArgumentHelp("A picture to move away from.", valueName: "file"), completion: .file())
  var notImage: [String] = []
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Take away what shows this, or is said to.", valueName: "text"))
  var excludeText: [String] = []
  @Option(
    help: ArgumentHelp("Take away what looks like this.", valueName: "file"), completion: .file())
  var excludeImage: [String] = []

  /// The terms, in the order of the options above.
  func terms() throws -> [Term] {
    var terms: [Term] = []
    if !words.isEmpty { terms.append(try .text(words.joined(separator: " "))) }
    terms += try text.map { try .text($0, option: "--text") }
    terms += try notText.map { try .text($0, role: .avoid, option: "--not-text") }
    terms += try excludeText.map { try .text($0, role: .exclude, option: "--exclude-text") }
    var input = StandardInput()
    terms += try image.map { try input.image($0, role: .want, option: "--image") }
    terms += try notImage.map { try input.image($0, role: .avoid, option: "--not-image") }
    terms += try excludeImage.map { try input.image($0, role: .exclude, option: "--exclude-image") }
    terms += try item.map { try .item($0, option: "--item") }
    return terms
  }
}

/// How the answer is cut, ordered and printed.
struct SearchDisplayOptions: ParsableArguments {
  /// What goes to standard output.
  enum Format {
    case table, json
    case paths(terminator: String)
  }

  @Option(
    name: [.customShort("k"), .customLong("top")], parsing: .unconditional,
    help: ArgumentHelp("Show at most so many.", valueName: "n"))
  var top = 10
  @Option(
    help: ArgumentHelp(
      "Where hits end: auto (at most a fifth by chance; the default for wanted texts), off (the default with a "
        + "picture or --not-text in the query), or z:NUMBER (standard deviations above unrelated).",
      valueName: "rule"), completion: .list(["auto", "off"]))
  var cut: String?
  @Option(
    help: ArgumentHelp(
      "Order what stands above the cut; where there is none, the best -k N.", valueName: "order"))
  var sort = SortOrder.relevance
  @Flag(help: "Turn the order around.")
  var reverse = false
  @Option(
    help: ArgumentHelp(
      "How many of the true nearest to find: exact, or a share from 0.5 to 0.999, which is faster among millions.",
      valueName: "share"))
  var recall = Recall.exact
  @Option(
    help: ArgumentHelp(
      "Where the vectors' files are larger than this (800M, 2G), give what was read of them back at once; slower.",
      valueName: "size"))
  var maxMemory: ByteCount?
  @Option(help: ArgumentHelp("How sources are merged: z or rrf.", visibility: .hidden))
  var fusion = FusionChoice.z
  @Flag(help: "Print a JSON object a line: hits, then a summary.")
  var json = false
  @Flag(name: [.customShort("l"), .long], help: "Print paths only.")
  var pathsOnly = false
  @Flag(name: [.customShort("0"), .customLong("print0")], help: "Print paths only, a NUL after each.")
  var print0 = false
  @Flag(help: "Say how the query was read, and where each hit's score comes from.")
  var explain = false

  var format: Format {
    json ? .json : print0 ? .paths(terminator: "\0") : pathsOnly ? .paths(terminator: "\n") : .table
  }

  func validate() throws {
    if json && (pathsOnly || print0) {
      throw ValidationError("--json prints paths too: leave --paths-only and --print0 out")
    }
  }

  func apply(to request: inout SearchRequest) throws {
    request.limit = top
    request.cut = try cut.map { try Cut(parsing: $0) }
    request.sort = sort
    request.isReversed = reverse
    request.fusion = fusion.fusion
    request.recall = recall
    request.explains = explain
  }
}

/// `--fusion`.
enum FusionChoice: String, ExpressibleByArgument, CaseIterable {
  case z, rrf

  var fusion: Fusion { self == .z ? .weightedZ : .uncalibrated }
}

extension SortOrder: ExpressibleByArgument {}

extension Recall: ExpressibleByArgument {
  /// `exact`, or a share.
  public init?(argument: String) {
    if argument == "exact" { self = .exact; return }
    guard let share = Double(argument), (0.5...0.999).contains(share) else { return nil }
    self = .atLeast(share)
  }

  /// As it is typed.
  public var defaultValueDescription: String {
    if case .atLeast(let share) = self { "\(share)" } else { "exact" }
  }
}
