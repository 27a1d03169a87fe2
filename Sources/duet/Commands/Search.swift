// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Embedders
// C's `stdout` is a variable.
@preconcurrency import Glibc
import HTTPService
import LinearAlgebra
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
  @Flag(help: "Do not ask the daemon that serves the library ('duet serve').")
  var noDaemon = false

  func run() throws {
    let location = try library.find()
    // Read once, whoever answers.
    let bytes = try terms.readsStandardInput ? readStandardInput() : nil
    let output = try daemonOutput(location, input: bytes) ?? ownOutput(location, input: bytes)
    Diagnostics.write(output.notes)
    print(output.standardOutput, terminator: "")
    // Where both streams go to one place, the last word comes last.
    fflush(stdout)
    Diagnostics.write(output.closingWords)
    if output.status != 0 { throw ExitCode(output.status) }
  }

  /// What the library's daemon says; nil without one, where it cannot answer, and for what only this process can do: use
  /// another model, or less memory, or paths from a folder whose name is no text.
  private func daemonOutput(_ location: LibraryLocation, input: [UInt8]?) throws -> CommandRoutes.Output? {
    guard !noDaemon, model.model == nil, display.maxMemory == nil, SocketLinks.exists(for: location),
      let directory = String(validating: try Paths.workingDirectory())
    else { return nil }
    let command = CommandRoutes.Command(
      version: Duet.version, arguments: Array(CommandLine.arguments.dropFirst(2)),
      workingDirectory: directory, standardInput: input,
      isStyled: color.color.isOn())
    return CommandClient.output(of: command, for: location)
  }

  private func readStandardInput() throws -> [UInt8] {
    var input = StandardInput()
    return try input.read()
  }

  private func ownOutput(_ location: LibraryLocation, input bytes: [UInt8]?) throws -> CommandRoutes.Output {
    var input = StandardInput(bytes: bytes)
    let directory = try Paths.workingDirectory()
    // Absolute, as in the daemon, so that messages name a file alike.
    let given = try terms.terms(input: &input).map { try $0.resolved(in: directory) }
    let reader = try LibraryReader(location, memoryLimit: display.maxMemory?.count)
    let opened = try model.openForQueries(of: reader)
    let snapshot = try reader.snapshot(embedder: opened.choice?.embedder, missingModel: opened.problem)
    return try output(
      for: given, from: snapshot, model: opened.choice?.source,
      workingDirectory: directory,
      style: Style(isOn: color.color.isOn()))
  }

  /// A command line's query, answered in the daemon as its own process would.
  static func answer(
    _ command: CommandRoutes.Command, _ snapshot: LibrarySnapshot, _ model: ModelSource?
  ) throws -> CommandRoutes.Output {
    // Whoever typed it may have the model that the daemon has not.
    if let problem = snapshot.missingModel { throw SearchError(.modelMismatch, problem) }
    let search = try Search.parse(command.arguments)
    // Where the daemon computes otherwise, the command answers by itself: its answers are the same with and without one.
    let wanted = search.model.precision.precision
    if let precision = snapshot.embedder?.precision, precision != wanted {
      throw SearchError(
        .modelMismatch, "this daemon computes in \(precision.rawValue), not in \(wanted.rawValue)")
    }
    let directory = FilePath(command.workingDirectory)
    var input = StandardInput(bytes: command.standardInput)
    let terms = try search.terms.terms(input: &input).map { try $0.resolved(in: directory) }
    return try search.output(
      for: terms, from: snapshot, model: model, workingDirectory: directory,
      style: Style(isOn: command.isStyled))
  }

  private func output(
    for terms: [Term], from snapshot: LibrarySnapshot, model: ModelSource?, workingDirectory: FilePath,
    style: Style
  ) throws -> CommandRoutes.Output {
    var request = SearchRequest(terms: terms)
    request.filters = try filters.filters(now: Int64(time(nil)))
    try display.apply(to: &request)
    let result = try QueryEngine(library: snapshot).search(request)
    let report = SearchReport(result: result, workingDirectory: workingDirectory)
    var output = CommandRoutes.Output()
    let advice = try model.flatMap { try PhotographAdvice.advice(for: $0, about: snapshot) }
    output.notes = ([advice].compactMap(\.self) + result.summary.notes).map(Diagnostics.text(ofNote:))
      .joined()
    switch display.format {
    case .json: output.standardOutput = report.jsonLines.map { $0.text + "\n" }.joined()
    case .paths(let terminator): output.standardOutput = report.paths.map { $0 + terminator }.joined()
    case .table:
      let text = report.table(style: style)
      output.standardOutput = text.isEmpty ? "" : text + "\n"
      output.closingWords = Diagnostics.text(ofNote: report.closingWords)
    }
    output.status = result.hits.isEmpty ? ExitCode.nothingFound.rawValue : 0
    return output
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

  /// Whether a picture is to come from standard input.
  var readsStandardInput: Bool {
    (image + notImage + excludeImage).contains { WeightedArgument(parsing: $0).value == "-" }
  }

  /// The terms, in the order of the options above.
  func terms(input: inout StandardInput) throws -> [Term] {
    var terms: [Term] = []
    if !words.isEmpty { terms.append(try .text(words.joined(separator: " "))) }
    terms += try text.map { try .text($0, option: "--text") }
    terms += try notText.map { try .text($0, role: .avoid, option: "--not-text") }
    terms += try excludeText.map { try .text($0, role: .exclude, option: "--exclude-text") }
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
