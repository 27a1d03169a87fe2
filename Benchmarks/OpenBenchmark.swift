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
    let base = try NumpyFile(FilePath(folder).appending("base.npy"), type: "<f4")
    let path = temporary.path.appending("open.duetvec")
    let count = count ?? base.rows
    let writer = try SegmentWriter(
      to: path, id: 1, fingerprint: [UInt8](repeating: 1, count: 32), dimension: base.columns, count: count,
      storage: .float32, structure: .codes)
    for index in 0..<count {
      try writer.append(VectorKey(item: Int64(index)), base.row(index % base.rows, as: Float.self))
    }
    let bytes = try writer.finish()
    let opening = try Measurement.alternating(seconds: 0.5, atLeast: 50, [{ _ = try Segment(path) }])[0]
    let preparing = try Measurement.alternating(
      seconds: 0.5, atLeast: 50, [{ _ = try search(in: Segment(path), limit: nil) }])[0]
    let query = base.row(base.rows / 2, as: Float.self)
    let fields = [
      "\"vectors\":\(count)", "\"bytes\":\(bytes)", "\"open_us\":\((opening.median * 1e6).digits(1))",
      "\"open_p99_us\":\((opening.percentile(0.99) * 1e6).digits(1))",
      "\"open_and_prepare_us\":\((preparing.median * 1e6).digits(1))",
      try searching(path, query, limit: nil, name: "search"),
      try searching(path, query, limit: limit << 20, name: "limited"),
    ]
    print("{" + fields.joined(separator: ",") + "}")
  }

  private func search(in segment: Segment, limit: Int?) throws -> VectorSearch {
    try VectorSearch(
      dimension: segment.dimension, sources: [VectorSource(segment)], memoryLimit: limit)
  }

  /// The time of an exact search, and the mapped memory before the map goes.
  private func searching(_ path: FilePath, _ query: [Float], limit: Int?, name: String) throws -> String {
    let before = Machine.mappedMemory
    let search = try search(in: Segment(path), limit: limit)
    let times = try Measurement.alternating(
      seconds: 0.2, [{ _ = try search.neighbors(of: query, k: 10) }])
    let memory = withExtendedLifetime(search) { Machine.mappedMemory } - before
    return "\"\(name)_ms\":\((times[0].median * 1e3).digits(2)),\"\(name)_mapped_mb\":\(memory / 1000)"
  }
}
