// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Compute
import Embedders
import Files
import Glibc
import Search
import SystemPackage

/// `duet bench`: how long answers take.
struct Bench: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Measure how long answers take, on this library or on drawn pictures.",
      discussion: Help.examples(
        """
        duet bench
        duet bench --synthetic 100000 --seconds 60 --concurrency 64 --csv out.csv --svg out.svg
        """,
        before: """
          Measured are embedding and search by themselves, the command line without and with a daemon, and a daemon \
          under load: requests are sent by the clock, at 70 % of what it can take, and timed from when they were due. \
          No text is asked twice.
          """))
  }

  @OptionGroup var library: LibraryOptions
  @Option(
    help: ArgumentHelp(
      "Draw so many pictures, index them below --folder, and measure there.", valueName: "n"))
  var synthetic: Int?
  @Option(
    help: ArgumentHelp("Where drawn pictures go, and stay.", valueName: "dir"), completion: .directory)
  var folder = "duet-bench"
  @Option(help: ArgumentHelp("Connections to the daemon; may be given several times.", valueName: "n"))
  var concurrency: [Int] = [1, 8, 64]
  @Option(help: ArgumentHelp("Seconds for each number of connections.", valueName: "s"))
  var seconds = 10.0
  @Option(
    help: ArgumentHelp("Requests a second (default: 70 % of the capacity, measured first).", valueName: "n"))
  var rate: Double?
  @Option(help: ArgumentHelp("Also write the table as CSV.", valueName: "file"), completion: .file())
  var csv: String?
  @Option(help: ArgumentHelp("Also write a plot.", valueName: "file"), completion: .file())
  var svg: String?
  @Flag(help: "Print a JSON object a line.")
  var json = false

  func validate() throws {
    guard seconds > 0, seconds <= 86_400 else {
      throw ValidationError("--seconds \(seconds): from 0 to 86400")
    }
    guard concurrency.allSatisfy({ (1...1_000).contains($0) }) else {
      throw ValidationError("--concurrency: from 1 to 1000 connections")
    }
    if let synthetic, !(1...10_000_000).contains(synthetic) {
      throw ValidationError("--synthetic \(synthetic): from 1 to 10,000,000 pictures")
    }
    if let rate, !(rate > 0) { throw ValidationError("--rate \(rate): above 0") }
  }

  func run() async throws {
    let location = try await measuredLibrary()
    let progress = ProgressLine(isWanted: !json)
    let report = try await ComputePool.shared.run {
      defer { progress.clear() }
      return try LatencyRun(location: location, progress: progress).report(
        concurrency: concurrency, seconds: seconds, rate: rate)
    }
    if json {
      for line in report.jsonLines { print(line.text) }
    } else {
      print(report.table)
    }
    try csv.map { try write(report.csv, to: $0) }
    try svg.map { try write(report.svg, to: $0) }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try AtomicFileWriter(to: FilePath(path))
    try file.append(Array(text.utf8))
    try file.commit()
  }

  /// The library that was named, or one of drawn pictures.
  private func measuredLibrary() async throws -> LibraryLocation {
    guard let synthetic else { return try library.find() }
    try Folders.create(FilePath(folder))
    let root = try Paths.resolve(folder).appending("\(synthetic)")
    let location = LibraryLocation(directory: root.appending(".duet"))
    let progress = ProgressLine(isWanted: true)
    defer { progress.clear() }
    try await ComputePool.shared.run {
      try SyntheticPictures.draw(synthetic, into: root) { progress.update(asked: $0, of: synthetic) }
    }
    var options = IngestOptions()
    options.folders = [root]
    let choice = try ModelChoice.open(named: "builtin")
    _ = try await Interruption.cancelling { [options] in
      let ingestor = try Ingestor(location: location, embedder: choice.embedder, options: options) {
        progress.update($0)
      }
      try ingestor.remember(choice)
      let report = try await ingestor.run()
      try ingestor.close()
      if report.summary.wasInterrupted { throw CancellationError() }
    }
    return location
  }
}
