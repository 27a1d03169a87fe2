// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Glibc
import Search
import SystemPackage

/// The stages of `duet bench`, one after the other.
struct LatencyRun {
  let location: LibraryLocation
  let progress: ProgressLine

  /// Searches in the process itself, embeddings, and starts of the command line.
  private static let repetitions = 300
  private static let starts = 25
  /// How long the capacity is measured, in seconds; and what share of it is asked for.
  private static let saturation = 3.0
  private static let load = 0.7

  /// - Throws: ``SearchError`` when the library cannot be opened, or the daemon does not start.
  func report(concurrency: [Int], seconds: Double, rate: Double?) throws -> BenchReport {
    let reader = try LibraryReader(location)
    let choice = try reader.model()
    let snapshot = try reader.snapshot(embedder: choice.embedder)
    let texts = DistinctTexts(choice.embedder.backgroundTexts)
    var stages = try inProcess(snapshot, choice.embedder, texts)
    var facts =
      BenchFacts.machine + [
        (
          "library", "\(snapshot.state.itemCount.grouped) pictures, \(snapshot.state.segments.count) segments"
        ),
        ("model", choice.embedder.id),
      ]
    let runtime = BaseDirectories.current.runtime.appending("bench-\(getpid())")
    defer { for folder in [runtime.appending("duet"), runtime] { rmdir(folder.string) } }
    let program = OwnProgram(library: location, runtime: runtime)
    stages.append(try starts(of: program, "command line by itself", asksDaemon: false, texts))
    try program.withDaemon { socket, process in
      stages.append(
        try starts(of: program, "command line with a daemon", asksDaemon: true, texts))
      let before = ProcessMemory.resident(of: process)
      for connections in concurrency {
        let loop = OpenLoop(socket: socket, connections: connections)
        progress.update(asked: 0, of: connections)
        let capacity = loop.saturate(for: LatencyRun.saturation, query: texts.next)
        let rate = rate ?? max(1, (capacity.throughput ?? 1) * LatencyRun.load)
        stages.append(capacity)
        stages.append(loop.send(name: "HTTP", rate: rate, for: seconds, query: texts.next))
      }
      let after = ProcessMemory.resident(of: process)
      facts.append(("daemon's memory", "\(before.asFileSize) before the load, \(after.asFileSize) after it"))
    }
    return BenchReport(facts: facts, stages: stages)
  }

  private func inProcess(
    _ snapshot: LibrarySnapshot, _ embedder: any Embedder, _ texts: DistinctTexts
  ) throws -> [Latencies] {
    var (embedding, searching, whole) = (
      Latencies("embedding a text"), Latencies("searching by a vector"), Latencies("a text to its hits")
    )
    let engine = QueryEngine(library: snapshot)
    _ = try engine.search(SearchRequest(terms: [try Term(.text(texts.next()))]))
    for number in 1...LatencyRun.repetitions {
      progress.update(asked: number, of: LatencyRun.repetitions)
      let text = texts.next()
      var start = ContinuousClock.now
      let vector = try embedder.projectTexts([text]).projections[0]
      embedding.record(.now - start)
      start = .now
      _ = try engine.search(SearchRequest(terms: [try Term(.vector(vector))]))
      searching.record(.now - start)
      start = .now
      _ = try engine.search(SearchRequest(terms: [try Term(.text(texts.next()))]))
      whole.record(.now - start)
    }
    return [embedding, searching, whole]
  }

  private func starts(
    of program: OwnProgram, _ name: String, asksDaemon: Bool, _ texts: DistinctTexts
  ) throws -> Latencies {
    var latencies = Latencies(name)
    _ = try program.timeSearch(texts.next(), asksDaemon: asksDaemon)
    for number in 1...LatencyRun.starts {
      progress.update(asked: number, of: LatencyRun.starts)
      latencies.record(try program.timeSearch(texts.next(), asksDaemon: asksDaemon))
    }
    return latencies
  }
}
