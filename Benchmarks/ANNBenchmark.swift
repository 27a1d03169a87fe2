// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// Recall and speed of nearest-neighbour search on given vectors, one JSON line a setting.
struct ANNBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ann",
    abstract: "Recall@10 and speed of search on the vectors of a folder, one JSON line a setting.",
    discussion: """
      FOLDER holds base.npy and queries.npy (float32 rows of length 1), gt.npy (int32, the true neighbours of each query, \
      best first) and perhaps queries_text.npy and gt_text.npy. The lines have the form of Benchmarks/peers/ann.py's; the \
      last one is of opening the file.
      """)

  @Argument(help: "A folder of .npy files.")
  var folder: String

  @Option(help: "Seconds for each figure.")
  var seconds = 0.8

  @Option(help: "How numbers are stored: float32 or float16.")
  var storage = "float32"

  @Option(help: "Recalls to ask for.")
  var recall: [Double] = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999]

  @Flag(help: "Exact search only.")
  var exact = false

  func run() throws {
    let base = try NumpyFile.base(of: folder)
    let temporary = try TemporaryFolder()
    let path = temporary.path.appending("ann.duetvec")
    let started = MeasuringClock.wall.seconds
    let bytes = try base.writeSegment(
      to: path, storage: storage == "float16" ? .float16 : .float32, structure: exact ? .codes : .lists)
    let build = (MeasuringClock.wall.seconds - started)
    FileHandle.standardError.write(Data("built \(bytes) bytes in \(build.digits(1)) s\n".utf8))
    for (name, suffix, file) in NumpyFile.querySets(of: folder) {
      let truth = try NumpyFile(FilePath(folder).appending("gt\(suffix).npy"), type: "<i4")
      let set = QuerySet(
        name: name, path: path,
        queries: (0..<file.rows).flatMap { file.row($0, as: Float.self) },
        count: file.rows,
        truth: (0..<file.rows).map { Set(truth.row($0, as: Int32.self).prefix(10).map { Int64($0) }) })
      for target in exact ? [] : recall { try measure(set, .atLeast(target), "\(target)", build, bytes) }
      try measure(set, .exact, "exact", build, bytes)
    }
    try measureOpening(path, bytes)
  }

  /// What opening takes, and what it leaves in memory.
  private func measureOpening(_ path: FilePath, _ bytes: Int) throws {
    let before = Machine.mappedMemory
    let segment = try Segment(path)
    let held = withExtendedLifetime(segment) { Machine.mappedMemory } - before
    let opening = try Measurement.alternating(seconds: 0.2, atLeast: 50, [{ _ = try Segment(path) }])[0]
    printLine([
      "set": .text(setName), "method": "duet", "bytes": .count(bytes),
      "open_ms": .number((opening.median * 1e3).digits(4)),
      "rss_mib": .number((Double(held) / 1024).digits(1)),
    ])
  }

  private func measure(_ set: QuerySet, _ recall: Recall, _ setting: String, _ build: Double, _ bytes: Int)
    throws
  {
    let one = try set.throughput(recall, threads: 1, seconds: seconds)
    let two = try set.throughput(recall, threads: 2, seconds: seconds / 2)
    let latency = try set.latency(recall, seconds: seconds)
    printLine([
      "set": .text(setName), "method": "duet", "queries": .text(set.name),
      "params": .object(["recall": .text(setting)]),
      "recall": .number(one.recall.digits(4)), "qps_1t": .number(one.rate.digits(1)),
      "qps_2t": .number(two.rate.digits(1)), "p50_us": .number((latency.median * 1e6).digits(1)),
      "p99_us": .number((latency.percentile(0.99) * 1e6).digits(1)), "build_s": .number(build.digits(2)),
      "bytes": .count(bytes),
    ])
  }

  private var setName: String { FilePath(folder).lastComponent?.string ?? folder }
}

/// Queries with their true neighbours, against one segment.
private struct QuerySet {
  let name: String
  let path: FilePath
  let queries: [Float]
  let count: Int
  let truth: [Set<Int64>]

  private var dimension: Int { queries.count / count }

  private func search(threads: Int) throws -> VectorSearch {
    try VectorSearch(
      dimension: dimension, sources: [VectorSource(Segment(path))], pool: ComputePool(threadCount: threads))
  }

  /// Queries a second, all in one call, and the share of the true neighbours that were found.
  func throughput(_ recall: Recall, threads: Int, seconds: Double) throws -> (rate: Double, recall: Double) {
    let search = try search(threads: threads)
    let some = recall == .exact ? min(count, 200) : count
    let batch = Array(queries[..<(some * dimension)])
    var found: [[Neighbor]] = []
    let times = try Measurement.alternating(
      seconds: seconds,
      [
        { found = try search.neighbors(ofEach: batch, count: some, k: 10, recall: recall) }
      ])
    let hits = zip(found, truth).map { found, truth in found.count { truth.contains($0.item) } }.reduce(0, +)
    return (Double(some) / times[0].median, Double(hits) / Double(10 * some))
  }

  /// The time of one query alone, on one thread.
  func latency(_ recall: Recall, seconds: Double) throws -> Measurement {
    let search = try search(threads: 1)
    var runs: [Double] = []
    let started = MeasuringClock.wall.seconds
    for turn in 0..<Int.max {
      let query = turn % count
      let own = Array(queries[(query * dimension)..<((query + 1) * dimension)])
      runs.append(
        try Measurement.timing {
          let found = try search.neighbors(of: own, k: 10, recall: recall)
          precondition(found.count == 10, "neighbours are missing")
        })
      if turn >= 20, (MeasuringClock.wall.seconds - started) > seconds { break }
    }
    return Measurement(runs: runs.sorted())
  }
}
