// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import LinearAlgebra
import Synchronization
import SystemPackage
import VectorIndexes

/// Exact search's answers beside sums in double precision over all vectors: which of them are wrong.
struct OracleBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "oracle",
    abstract: "Answers of exact search that a double-precision scan of the vectors of a folder contradicts.",
    discussion: "FOLDER is what 'ann' takes. Equal scores go by key, the lower first.")

  @OptionGroup var machine: MachineOptions

  @Argument(help: "A folder of .npy files.")
  var folder: String

  @Option(help: "Answers to a query.")
  var k = 50

  func run() throws {
    machine.begin()
    let base = try NumpyFile.base(of: folder)
    let temporary = try TemporaryFolder()
    let path = temporary.path.appending("oracle.duetvec")
    _ = try base.writeSegment(to: path, storage: .float32, structure: .codes)
    let segment = try Segment(path)
    let rows = (0..<base.rows).flatMap { base.row($0, as: Float.self) }
    let search = try VectorSearch(dimension: base.columns, sources: [VectorSource(segment)])
    let table = Table("queries", "answers", "wrong ids", "wrong places", "largest error of a score")
    for (name, _, file) in NumpyFile.querySets(of: folder) {
      let queries = (0..<file.rows).map { file.row($0, as: Float.self) }
      let single = try queries.map { try search.neighbors(of: $0, k: k, recall: .exact) }
      let batch = try search.neighbors(
        ofEach: queries.flatMap { $0 }, count: queries.count, k: k, recall: .exact)
      let truth = Truth.ofEach(queries, in: rows, k: k)
      for (way, answers) in [("one at a time", single), ("in one call", batch)] {
        let faults = Faults(answers: answers, truth: truth)
        table.row(
          "\(name), \(way)", "\(answers.reduce(0) { $0 + $1.count })", "\(faults.wrongIDs)",
          "\(faults.wrongPlaces)", "\(faults.largestError)")
      }
    }
  }
}

/// What is wrong with answers.
private struct Faults {
  /// Items that are not among the k best, counted where their places are taken by others.
  private(set) var wrongIDs = 0
  /// Answers that stand where another one should.
  private(set) var wrongPlaces = 0
  private(set) var largestError = 0.0

  init(answers: [[Neighbor]], truth: [[Truth]]) {
    for (found, truth) in zip(answers, truth) {
      let scores = Dictionary(uniqueKeysWithValues: truth.map { ($0.id, $0.score) })
      wrongIDs += found.count { scores[$0.item] == nil } + max(0, truth.count - found.count)
      wrongPlaces += zip(found, truth).count { $0.item != $1.id }
      for neighbor in found {
        if let score = scores[neighbor.item] {
          largestError = max(largestError, abs(score - Double(neighbor.score)))
        }
      }
    }
  }
}

/// A row and its score, summed in double precision.
private struct Truth: Sendable {
  let id: Int64
  let score: Double

  /// The k best rows for each query, on all threads.
  static func ofEach(_ queries: [[Float]], in rows: [Float], k: Int) -> [[Truth]] {
    let results = Mutex([[Truth]](repeating: [], count: queries.count))
    ComputePool.shared.forEach(queries.count) { index in
      let best = best(for: queries[index], in: rows, k: k)
      results.withLock { $0[index] = best }
    }
    return results.withLock { $0 }
  }

  private static func best(for query: [Float], in rows: [Float], k: Int) -> [Truth] {
    let width = query.count
    let wide = query.map { Double($0) }
    var scores: [Truth] = []
    scores.reserveCapacity(rows.count / width)
    for row in 0..<rows.count / width {
      var sums = SIMD8<Double>(repeating: 0)
      var column = 0
      while column + 8 <= width {
        var (a, b) = (SIMD8<Double>(), SIMD8<Double>())
        for lane in 0..<8 {
          a[lane] = Double(rows[row * width + column + lane])
          b[lane] = wide[column + lane]
        }
        sums += a * b
        column += 8
      }
      var score = sums.sum()
      while column < width {
        score += Double(rows[row * width + column]) * wide[column]
        column += 1
      }
      scores.append(Truth(id: Int64(row), score: score))
    }
    scores.sort { ($1.score, $0.id) < ($0.score, $1.id) }
    return Array(scores.prefix(k))
  }
}
