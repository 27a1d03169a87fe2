// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Embedders
import Files
// C's `stdout` is a variable.
@preconcurrency import Glibc
import LinearAlgebra
import Search
import SystemPackage

/// `duet index`: fills a library, or brings it up to date.
struct Index: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Index folders of pictures, or bring a library up to date.",
      discussion: Help.examples(
        """
        duet index ~/Photos            a library in ~/Photos/.duet
        duet index                     everything this library holds, once more
        duet index ~/Photos/2026       only a part of it
        duet index --model BAAI/BGE-VL-base ~/Photos
        duet index --watch             and go on following what changes
        """,
        before: """
          Only new and changed pictures are read. Captions come from NAME.txt beside NAME.jpg, from captions.csv, \
          .tsv, .jsonl and .json, and from what the pictures say about themselves. Ctrl-C saves what is done; the \
          next run goes on from there.
          """,
        after: """
          --watch goes on until Ctrl-C (or SIGTERM) and never removes pictures of a disk that is away. It does not \
          keep others from indexing meanwhile.

          Exit status: 0 also when files were skipped (2 with --strict), 2 error, 130 interrupted. With --watch Ctrl-C \
          is no interruption (0), unless there was something left to do (130).
          """))
  }

  @Argument(help: "Folders (default: every folder of the library).")
  var folders: [String] = []

  @OptionGroup var library: LibraryOptions
  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "Keep vectors as f32 (at first), f16 (half the bytes) or int8 (a quarter, and scores a little off) from now on.",
      valueName: "form"))
  var storage: RowStorage?
  @Flag(help: "Make a library of its own for FOLDER, also inside another library.")
  var new = false
  @Flag(help: "Remove pictures that are gone, also where a disk may only be unmounted.")
  var prune = false
  @Flag(help: "Read and embed every picture anew.")
  var rebuild = false
  @Flag(help: "Then go on: follow the folders, and bring up to date what changes.")
  var watch = false
  @Flag(help: "Exit with status 2 when anything was skipped.")
  var strict = false
  @Flag(name: [.customShort("H"), .long], help: "Hidden files and folders too.")
  var hidden = false
  @Flag(name: [.customShort("I"), .long], help: "Do not honour .ignore and .duetignore files.")
  var noIgnore = false
  @Flag(help: "Do not descend into other file systems.")
  var oneFileSystem = false
  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false
  @Flag(name: .shortAndLong, help: "Name the library, the model, and every skipped file.")
  var verbose = false
  @Flag(help: "Print a summary as JSON on standard output (with --watch one for each update, a line each).")
  var json = false
  @Option(help: .hidden)
  var freshLimit: Int?

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose contradict each other") }
    if watch && strict { throw ValidationError("--watch and --strict contradict each other") }
    if new && folders.isEmpty { throw ValidationError("--new makes a library for a folder: name the folder") }
  }

  func run() async throws {
    let started = ContinuousClock.now
    let options = try ingestOptions()
    let location = try location(of: options.folders)
    let reader = try openIfMade(location)
    let choice = try model.open(for: reader)
    if !quiet {
      announce(location, choice)
      let folders = options.folders.isEmpty ? try reader.map(roots) ?? [] : options.folders
      PhotographAdvice.give(for: choice.source, folders: folders, options: options.walk)
    }
    // The last one to close folds the log into the file, and a reader cannot.
    try reader?.catalog.close()
    let progress = ProgressLine(isWanted: !quiet)
    let report = try await Interruption.cancelling {
      defer { progress.clear() }
      let ingestor = try Ingestor(location: location, embedder: choice.embedder, options: options) {
        progress.update($0)
      }
      try ingestor.remember(choice)
      let report = try await ingestor.run()
      try ingestor.close()
      return report
    }
    if !quiet { IndexReport(report: report).print(isVerbose: verbose) }
    if json {
      let duration = ContinuousClock.now - started
      print(
        JSONText(report, location: location, model: choice.source.description, duration: duration).text)
    }
    if report.summary.wasInterrupted { throw ExitCode.interrupted }
    if watch { return try await follow(location, choice, options, after: report) }
    if strict && !(report.skipped.isEmpty && report.summary.guardedRoots.isEmpty) { throw ExitCode.failed }
  }

  /// Follows what changes until Ctrl-C.
  private func follow(
    _ location: LibraryLocation, _ choice: ModelChoice, _ options: IngestOptions, after first: Ingestor.Report
  ) async throws {
    let output = WatchReport(
      location: location, model: choice.source.description, first: first, isQuiet: quiet, isVerbose: verbose,
      isJSON: json)
    if json { fflush(stdout) }
    if !quiet { Diagnostics.line("watching for changes; Ctrl-C ends it") }
    let watch = LibraryWatch(location: location, embedder: choice.embedder, options: options)
    try await Interruption.cancelling(notice: "stopping") {
      try await watch.run { output.tell($0) }
    }
    if output.wasInterrupted { throw ExitCode.interrupted }
  }

  /// The library as it is, or nil where there is none: also where a first run was killed before there was one.
  private func openIfMade(_ location: LibraryLocation) throws -> LibraryReader? {
    guard location.exists else { return nil }
    do {
      return try LibraryReader(location)
    } catch let error as SearchError where error.code == .libraryNotFound {
      return nil
    }
  }

  private func ingestOptions() throws -> IngestOptions {
    var options = IngestOptions()
    options.folders = try folders.map(Paths.resolve)
    for folder in options.folders where watch {
      guard try FileStatus(of: folder).kind == .directory else {
        throw SearchError(
          .invalidRequest, "\(folder) is a file, and --watch follows folders: name its folder")
      }
    }
    options.prunes = prune
    options.rebuilds = rebuild
    options.storage = storage
    if let freshLimit { options.freshLimit = max(1, freshLimit) }
    options.walk.includesHidden = hidden
    options.walk.honoursIgnoreFiles = !noIgnore
    options.walk.staysOnFileSystem = oneFileSystem
    return options
  }

  /// The one library that all folders belong to.
  private func location(of folders: [FilePath]) throws -> LibraryLocation {
    let environment = try library.environment()
    guard let first = folders.first else { return try LibraryLocation.find(in: environment) }
    let location = try LibraryLocation.forIndexing(first, makesOwn: new, in: environment)
    for folder in folders.dropFirst() {
      let other = try LibraryLocation.forIndexing(folder, makesOwn: new, in: environment)
      guard other == location || !other.exists else {
        throw SearchError(
          .invalidRequest,
          "\(first) and \(folder) belong to two libraries, \(location.directory) and \(other.directory): index "
            + "them one by one, or name the library with --index DIR")
      }
    }
    return location
  }

  private func roots(of reader: LibraryReader) throws -> [FilePath] {
    try reader.catalog.roots().map { reader.location.resolve(root: $0.path) }
  }

  private func announce(_ location: LibraryLocation, _ choice: ModelChoice) {
    let isElsewhere = location.directory.starts(with: BaseDirectories.current.data)
    if isElsewhere, !location.exists, let folder = folders.first {
      Diagnostics.note(
        "\(folder) cannot hold a library (read-only, or on a network disk): it will be in \(location.directory)"
      )
    }
    if verbose {
      Diagnostics.note("library \(location.directory)")
      Diagnostics.note("model \(choice.source)")
    }
    choice.embedder.warnings.forEach(Diagnostics.note)
    if let advice = ProgramFacts.slowBLASAdvice, choice.source != .builtin { Diagnostics.note(advice) }
  }
}

extension RowStorage: ExpressibleByArgument {
  /// `f32`, `f16` or `int8`.
  public init?(argument: String) { self.init(named: argument) }

  /// As they are typed.
  public static var allValueStrings: [String] { allCases.map(\.name) }
}
