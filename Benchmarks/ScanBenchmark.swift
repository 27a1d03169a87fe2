// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import LinearAlgebra
import VectorIndexes

/// One query against all vectors of a mapped segment, beside the speed at which memory can be read at all.
struct ScanBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", abstract: "Exact search for one query: GB/s beside memory read bandwidth.")

  @OptionGroup var machine: MachineOptions

  @Option(help: "Vectors in the segment.")
  var count = 400_000

  @Option(help: "Numbers in a vector.")
  var dimension = 512

  /// How far ahead the yardstick asks for memory; the best counts.
  private static let distances = [0, 2048, 8192]

  func run() throws {
    machine.begin()
    print(
      "One query, k = 10, \(count) x \(dimension). Yardsticks: a loop that only adds up, the best of three.\n"
    )
    let table = Table(
      "stored as", "search ms", "search GB/s", "memory GB/s (huge pages)", "the segment's map GB/s",
      "of memory", "of map")
    for storage in RowStorage.floats { try measure(storage, table) }
  }

  private func measure(_ storage: RowStorage, _ table: Table) throws {
    let folder = try TemporaryFolder()
    let random = try RandomSegment(in: folder, count: count, dimension: dimension, storage: storage)
    let map = try MappedFile(random.segment.path)
    let byteCount = count * dimension * storage.scalarSize
    let memory = MemoryReader(byteCount: byteCount)
    let queries = (0..<16).map { randomQueries(1, dimension: dimension, seed: 100 + $0) }
    var turn = 0
    var work: [() throws -> Void] = [
      {
        turn += 1
        let found = try random.search.neighbors(of: queries[turn % queries.count], k: 10)
        precondition(found.count == min(10, count), "neighbors are missing")
      }
    ]
    for distance in Self.distances { work.append { memory.read(ahead: distance) } }
    for distance in Self.distances { work.append { MemoryReader.read(map.bytes, ahead: distance) } }
    let times = try Measurement.alternating(
      seconds: machine.seconds, atLeast: 9, clock: machine.clock, work
    ).map(\.median)
    let size = Double(byteCount) / 1e9
    let (search, memorySpeed) = (size / times[0], size / (times[1...3].min() ?? .nan))
    let mapSpeed = Double(map.size) / 1e9 / (times[4...6].min() ?? .nan)
    table.row(
      "\(storage)", (times[0] * 1e3).digits(2), search.digits(1), memorySpeed.digits(1), mapSpeed.digits(1),
      "\((search / memorySpeed * 100).digits(0)) %", "\((search / mapSpeed * 100).digits(0)) %")
  }
}
