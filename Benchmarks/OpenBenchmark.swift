// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Files
import Foundation
import Glibc
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// How long it takes to open a segment, and what memory searches in it take, as one JSON line.
struct OpenBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Time to open a segment, and the mapped memory that searches leave behind, as one JSON line.",
    discussion: """
      FOLDER holds base.npy (float32 rows of length 1), whose rows are repeated up to --count. The segment has codes and no \
      lists: what opening does is the same, and lists of a million vectors take minutes.
      """)

  @Argument(help: "A folder with base.npy.")
  var folder: String

  @Option(help: "Vectors; as many as there are rows, unless told.")
  var count: Int?

  @Option(help: "Mapped memory that limited searches may leave, in MiB.")
  var limit = 16

  func run() throws {
    let temporary = try TemporaryFolder()
    let base = try NumpyFile.base(of: folder)
    let path = temporary.path.appending("open.duetvec")
    let count = count ?? base.rows
    let bytes = try base.writeSegment(to: path, count: count, storage: .float32, structure: .codes)
    let opening = try Measurement.alternating(seconds: 0.5, atLeast: 50, [{ _ = try Segment(path) }])[0]
    let preparing = try Measurement.alternating(
      seconds: 0.5, atLeast: 50, [{ _ = try search(in: Segment(path), limit: nil) }])[0]
    let query = base.row(base.rows / 2, as: Float.self)
    let free = try searching(path, query, limit: nil)
    let limited = try searching(path, query, limit: limit << 20)
    printLine([
      "vectors": .count(count), "bytes": .count(bytes), "open_us": .number((opening.median * 1e6).digits(1)),
      "open_p99_us": .number((opening.percentile(0.99) * 1e6).digits(1)),
      "open_and_prepare_us": .number((preparing.median * 1e6).digits(1)),
      "search_ms": .number(free.milliseconds.digits(2)), "search_mapped_mb": .count(free.megabytes),
      "limited_ms": .number(limited.milliseconds.digits(2)), "limited_mapped_mb": .count(limited.megabytes),
    ])
  }

  private func search(in segment: Segment, limit: Int?) throws -> VectorSearch {
    try VectorSearch(
      dimension: segment.dimension, sources: [VectorSource(segment)], memoryLimit: limit)
  }

  /// The time of an exact search, and the mapped memory before the map goes.
  private func searching(
    _ path: FilePath, _ query: [Float], limit: Int?
  ) throws -> (milliseconds: Double, megabytes: Int) {
    let before = Machine.mappedMemory
    let search = try search(in: Segment(path), limit: limit)
    let times = try Measurement.alternating(
      seconds: 0.2, [{ _ = try search.neighbors(of: query, k: 10) }])
    let memory = withExtendedLifetime(search) { Machine.mappedMemory } - before
    return (times[0].median * 1e3, memory / 1000)
  }
}
