// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Compute
package import VectorIndexes

/// What planned search finds of a library's true nearest neighbours, and how fast, asked with the library's own vectors.
///
/// How many lists a recall takes was measured when each segment was written, on trial queries. The queries of an audit
/// are others: pictures looking for pictures like them, captions looking for pictures (from another part of the space,
/// as users' texts are) and for captions. Exact search is the judge.
package struct RecallAudit: Sendable {
  /// Vectors of one field that are looked up in another or the same.
  package struct Direction: Hashable, Sendable {
    /// Where the queries come from.
    package let from: VectorField
    /// Where they look.
    package let target: VectorField
  }

  /// One setting of one direction.
  package struct Measurement: Sendable {
    package let direction: Direction
    package let wanted: Recall
    /// The share of the ``RecallAudit/k`` true neighbours that were found.
    package let recall: Double
    /// The time of one query: of half of them, and of all but a hundredth, at most.
    package let median: Duration
    package let percentile99: Duration
    /// How many sources were looked through by their lists, and how many as a whole.
    package let plan: (probed: Int, scanned: Int)
    /// How each source was looked through, in words.
    package let paths: [String]
  }

  /// Neighbours that count.
  package static let k = 10
  /// Queries of each direction.
  package static let queryLimit = 500
  /// Exact search has no recall to measure, and takes long: so many of the queries do for its time.
  private static let exactLimit = 100
  /// Queries between two looks at whether to go on.
  private static let batch = 50

  /// The settings that are compared; the last one is the judge itself, for its time.
  package static let settings: [Recall] =
    [0.9, 0.95, 0.98, 0.99, 0.995, 0.999].map { .atLeast($0) } + [.exact]

  /// By direction, then in the order of ``settings``.
  package private(set) var measurements: [Measurement] = []

  /// Asks the vectors of `library`.
  ///
  /// - Parameter progress: told how many queries of how many have been asked.
  /// - Throws: `CancellationError`, and the errors of the index.
  package static func run(
    on library: LibrarySnapshot, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws -> RecallAudit {
    let directions = [
      Direction(from: .image, target: .image), Direction(from: .caption, target: .image),
      Direction(from: .caption, target: .caption),
    ]
    var trials: [Trial] = []
    for direction in directions {
      var trial = try await ComputePool.shared.run { Trial(direction, library) }
      for first in stride(from: 0, to: trial.count, by: batch) {
        try Task.checkCancellation()
        let unjudged = trial
        let queries = first..<min(first + batch, trial.count)
        trial.bars += try await ComputePool.shared.run { try unjudged.bars(of: queries) }
      }
      if trial.count > 0 { trials.append(trial) }
    }
    let total = trials.reduce(0) { sum, trial in sum + settings.reduce(0) { $0 + trial.count(at: $1) } }
    var audit = RecallAudit()
    var done = 0
    for trial in trials {
      for wanted in settings {
        var answers = Trial.Answers()
        for first in stride(from: 0, to: trial.count(at: wanted), by: batch) {
          try Task.checkCancellation()
          progress(done, total)
          let queries = first..<min(first + batch, trial.count(at: wanted))
          answers.append(try await ComputePool.shared.run { try trial.ask(queries, wanted) })
          done += queries.count
        }
        audit.measurements.append(trial.measurement(wanted, answers))
      }
    }
    return audit
  }

  /// The queries of one direction, with the true neighbours.
  private struct Trial: Sendable {
    let direction: Direction
    private let sample: VectorSample
    private let target: VectorSearch
    /// How many true neighbours each query has, and the score of the last: who reaches it is one. Equal pictures have
    /// equal scores, and which of them is named does not matter.
    var bars: [(count: Int, score: Float)] = []

    /// What queries found, and how long each took.
    struct Answers: Sendable {
      var found = 0
      var expected = 0
      var times: [Duration] = []

      mutating func append(_ other: Answers) {
        found += other.found
        expected += other.expected
        times += other.times
      }
    }

    init(_ direction: Direction, _ library: LibrarySnapshot) {
      self.direction = direction
      target = library.vectors(of: direction.target)
      sample = library.vectors(of: direction.from).sample(atMost: target.vectorCount > 0 ? queryLimit : 0)
    }

    /// Judges some of the queries by exact search.
    func bars(of queries: Range<Int>) throws -> [(count: Int, score: Float)] {
      let rows = Array(queries.map(sample.vector).joined())
      let truth = try target.neighbors(ofEach: rows, count: queries.count, k: searchDepth)
      return zip(queries, truth).map { query, found in
        let others = others(than: query, found)
        return (others.count, others.last?.score ?? .infinity)
      }
    }

    var count: Int { sample.items.count }

    func count(at wanted: Recall) -> Int { wanted == .exact ? min(count, exactLimit) : count }

    /// The neighbours of a query, itself left out: a vector finds itself at any setting.
    private func others(than query: Int, _ found: [Neighbor]) -> [Neighbor] {
      let own = sample.items[query]
      return Array(found.filter { direction.from != direction.target || $0.item != own }.prefix(k))
    }

    private var searchDepth: Int { direction.from == direction.target ? k + 1 : k }

    func ask(_ queries: Range<Int>, _ wanted: Recall) throws -> Answers {
      var answers = Answers()
      for query in queries {
        let vector = sample.vector(query)
        let started = ContinuousClock.now
        let found = try target.neighbors(of: vector, k: searchDepth, recall: wanted)
        answers.times.append(ContinuousClock.now - started)
        answers.found += others(than: query, found).count { $0.score >= bars[query].score }
        answers.expected += bars[query].count
      }
      return answers
    }

    func measurement(_ wanted: Recall, _ answers: Answers) -> Measurement {
      let times = answers.times.sorted()
      func time(_ share: Double) -> Duration {
        times.isEmpty ? .zero : times[min(times.count - 1, Int(share * Double(times.count)))]
      }
      return Measurement(
        direction: direction, wanted: wanted,
        recall: answers.expected > 0 ? Double(answers.found) / Double(answers.expected) : 1,
        median: time(0.5), percentile99: time(0.99),
        plan: target.planCounts(k: searchDepth, recall: wanted),
        paths: target.paths(k: searchDepth, recall: wanted))
    }
  }
}
