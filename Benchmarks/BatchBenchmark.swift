// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import LinearAlgebra
import VectorIndexes

/// Many queries at once against all vectors of a segment, beside the machine's rate of matrix products.
struct BatchBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch", abstract: "Exact search for many queries: GFLOP/s beside SGEMM.")

  @OptionGroup var machine: MachineOptions

  @Option(help: "Vectors in the segment.")
  var count = 200_000

  @Option(help: "Queries at once.")
  var queries = 1024

  @Option(help: "Numbers in a vector.")
  var dimension = 512

  func run() throws {
    machine.begin()
    let batch = randomQueries(queries, dimension: dimension)
    print(
      "Batch of \(queries) queries, k = 10, against \(count) x \(dimension); products count 2 FLOP each.\n")
    let table = Table("what", "s", "GFLOP/s", "queries/s", "of the best SGEMM")
    for storage in RowStorage.floats {
      let folder = try TemporaryFolder()
      let random = try RandomSegment(in: folder, count: count, dimension: dimension, storage: storage)
      let products = [
        Product(rows: 2048, columns: 2048, depth: 2048, engine: .blas),
        Product(rows: 2048, columns: 2048, depth: 2048, engine: .kernels),
        Product(rows: queries, columns: 8192, depth: dimension, engine: .blas),
        Product(rows: queries, columns: 8192, depth: dimension, engine: .kernels),
      ]
      var work: [() throws -> Void] = products.map { product in { product.run() } }
      work.append {
        let found = try random.search.neighbors(ofEach: batch, count: queries, k: 10)
        precondition(found.count == queries, "answers are missing")
      }
      let times = try Measurement.alternating(seconds: machine.seconds, clock: machine.clock, work).map(
        \.median)
      let rates = zip(products, times).map { $0.gigaflops / $1 }
      let best = rates.max() ?? .nan
      for (product, (time, rate)) in zip(products, zip(times, rates)) {
        table.row(product.name, time.digits(3), rate.digits(1), "", "\((rate / best * 100).digits(0)) %")
      }
      let time = times[times.count - 1]
      let rate = 2e-9 * Double(queries) * Double(count) * Double(dimension) / time
      table.row(
        "**search, \(storage)**", time.digits(3), rate.digits(1), (Double(queries) / time).digits(0),
        "**\((rate / best * 100).digits(0)) %**")
    }
  }
}
