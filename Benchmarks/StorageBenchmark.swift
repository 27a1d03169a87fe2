// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// What the ways to store numbers cost and find, one JSON line each and setting.
struct StorageBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "storage",
    abstract:
      "Size, recall@10 against float32, and speed of the ways to store vectors, one JSON line a setting.",
    discussion:
      "FOLDER holds base.npy and queries.npy (float32 rows of length 1), and perhaps queries_text.npy.")

  @Argument(help: "A folder of .npy files.")
  var folder: String

  @Option(help: "Queries that are asked.")
  var queries = 300

  @Option(help: "Seconds for each figure.")
  var seconds = 0.5

  func run() throws {
    let temporary = try TemporaryFolder()
    let base = try NumpyFile.base(of: folder)
    let sets = NumpyFile.querySets(of: folder)
    var truths: [[Set<Int64>]] = []
    for (storage, name) in [(RowStorage.float32, "f32"), (.float16, "f16"), (.int8, "int8")] {
      let path = temporary.path.appending("\(name).duetvec")
      let started = MeasuringClock.wall.seconds
      let bytes = try base.writeSegment(to: path, storage: storage, structure: .lists)
      let build = MeasuringClock.wall.seconds - started
      let search = try VectorSearch(
        dimension: base.columns, sources: [VectorSource(Segment(path))], pool: ComputePool(threadCount: 1))
      for (index, set) in sets.enumerated() {
        let count = min(queries, set.rows.rows)
        let asked = (0..<count).map { set.rows.row($0, as: Float.self) }
        if storage == .float32 {
          truths.append(try asked.map { Set(try search.neighbors(of: $0, k: 10).map(\.item)) })
        }
        for (setting, recall) in [("exact", Recall.exact), ("0.98", .standard)] {
          let (found, time) = try measure(search, asked, truths[index], recall)
          printLine([
            "storage": .text(name), "bytes": .count(bytes), "bytes_a_vector": .count(bytes / base.rows),
            "build_s": .number(build.digits(1)), "queries": .text(set.name), "setting": .text(setting),
            "recall": .number(found.digits(4)), "p50_us": .number((time * 1e6).digits(1)),
          ])
        }
      }
    }
  }

  /// The share of the true neighbours that are found, and the median time of one query.
  private func measure(
    _ search: VectorSearch, _ asked: [[Float]], _ truth: [Set<Int64>], _ recall: Recall
  ) throws -> (found: Double, time: Double) {
    var hits = 0
    for (query, items) in zip(asked, truth) {
      hits += try search.neighbors(of: query, k: 10, recall: recall).count { items.contains($0.item) }
    }
    var runs: [Double] = []
    let started = MeasuringClock.wall.seconds
    while runs.count < 20 || MeasuringClock.wall.seconds - started < seconds {
      let query = asked[runs.count % asked.count]
      runs.append(
        try Measurement.timing(.wall) { _ = try search.neighbors(of: query, k: 10, recall: recall) })
    }
    return (Double(hits) / Double(10 * asked.count), Measurement(runs: runs.sorted()).median)
  }
}
