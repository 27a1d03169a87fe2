// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Foundation
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// What a merge costs that keeps the lists of the larger segment, and one that makes them anew: one JSON line each.
struct MergeBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Time and recall of merges that keep the larger segment's lists, and of such that do not.",
    discussion: "FOLDER holds base.npy and queries.npy (float32 rows of length 1).")

  @Argument(help: "A folder of .npy files.")
  var folder: String

  @Option(help: "Percent of the vectors that the smaller segment brings.")
  var added = 10

  @Option(help: "Queries that are asked.")
  var queries = 300

  func run() throws {
    let temporary = try TemporaryFolder()
    let base = try NumpyFile.base(of: folder)
    let asked = try NumpyFile(FilePath(folder).appending("queries.npy"), type: "<f4")
    let isAdded = { (row: Int) in row % 100 < added }
    let sources = try [false, true].map { part in
      let rows = (0..<base.rows).filter { isAdded($0) == part }
      let path = temporary.path.appending("\(part).duetvec")
      let writer = try SegmentWriter(
        to: path, dimension: base.columns, count: rows.count, storage: .float32,
        structure: part ? .rows : .lists)
      for row in rows { try writer.append(VectorKey(item: Int64(row)), base.row(row, as: Float.self)) }
      try writer.finish()
      return try Segment(path)
    }
    for keeps in [true, false] {
      let path = temporary.path.appending("merged-\(keeps).duetvec")
      let started = MeasuringClock.wall.seconds
      let writer = try SegmentWriter(
        to: path, dimension: base.columns, count: base.rows, storage: .float32, structure: .lists)
      if keeps { writer.keepLists(of: sources[0]) }
      var slots = [0, 0]
      for row in 0..<base.rows {
        let part = isAdded(row) ? 1 : 0
        try writer.append(slot: slots[part], of: sources[part])
        slots[part] += 1
      }
      let bytes = try writer.finish()
      let time = MeasuringClock.wall.seconds - started
      let (recall, median) = try measure(path, asked)
      printLine([
        "lists": .text(keeps ? "kept" : "anew"), "vectors": .count(base.rows), "added_percent": .count(added),
        "seconds": .number(time.digits(1)), "bytes": .count(bytes), "recall": .number(recall.digits(4)),
        "p50_us": .number((median * 1e6).digits(1)),
      ])
    }
  }

  private func measure(_ path: FilePath, _ asked: NumpyFile) throws -> (recall: Double, median: Double) {
    let segment = try Segment(path)
    let search = try VectorSearch(dimension: segment.dimension, sources: [VectorSource(segment)])
    var (hits, times) = (0, [Double]())
    let count = min(queries, asked.rows)
    for row in 0..<count {
      let query = asked.row(row, as: Float.self)
      let truth = Set(try search.neighbors(of: query, k: 10))
      hits += Set(try search.neighbors(of: query, k: 10, recall: .standard)).intersection(truth).count
      times.append(
        try Measurement.timing(.wall) { _ = try search.neighbors(of: query, k: 10, recall: .standard) })
    }
    return (Double(hits) / Double(10 * count), Measurement(runs: times.sorted()).median)
  }
}
