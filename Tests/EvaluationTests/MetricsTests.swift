// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Evaluation

@Suite struct `Metrics by hand` {
  /// Ranking a b c d e f; relevant: a, c, f and z, which is not found.
  let several = Outcome(of: Set(["a", "c", "f", "z"]), in: ["a", "b", "c", "d", "e", "f"])

  @Test func `ranks count from 1, and what is missing has none`() {
    #expect(several.ranks == [1, 3, 6])
    #expect(several.relevantCount == 4 && several.firstRank == 1)
    let nothing = Outcome(of: Set(["z"]), in: ["a", "b"])
    #expect(nothing.ranks.isEmpty && nothing.firstRank == nil)
    #expect(!nothing.isHit(at: 50) && nothing.averagePrecision(at: 50) == 0)
  }

  @Test func `average precision is divided by min(GT, K)`() {
    // K = 2: only a, P(1) = 1/1. Divided by min(4, 2) = 2: 1/2.
    #expect(several.averagePrecision(at: 2) == 0.5)
    // K = 3: a and c, P(1) = 1, P(3) = 2/3. (1 + 2/3) / min(4, 3) = 5/9.
    #expect(abs(several.averagePrecision(at: 3) - 5.0 / 9) < 1e-12)
    // K = 5: the same sum 5/3 over min(4, 5) = 4: 5/12.
    #expect(abs(several.averagePrecision(at: 5) - 5.0 / 12) < 1e-12)
    // K = 10: f too, P(6) = 3/6. (1 + 2/3 + 1/2) / 4 = 13/24.
    #expect(abs(several.averagePrecision(at: 10) - 13.0 / 24) < 1e-12)
  }

  @Test func `a named target is what recall counts, precision counts all`() {
    let outcome = Outcome(of: Set(["a", "c"]), target: "c", in: ["a", "b", "c"])
    #expect(outcome.firstRank == 3)
    #expect(!outcome.isHit(at: 1) && !outcome.isHit(at: 2) && outcome.isHit(at: 3))
    // P(1) = 1, P(3) = 2/3, over min(2, 5) = 2: 5/6.
    #expect(abs(outcome.averagePrecision(at: 5) - 5.0 / 6) < 1e-12)
    let lost = Outcome(of: Set(["a", "z"]), target: "z", in: ["a", "b"])
    #expect(lost.firstRank == nil && !lost.isHit(at: 2))
  }

  @Test func `means and median over queries`() throws {
    // First ranks 1, 3, 12 and not found.
    let outcomes = [
      Outcome(ranks: [1], relevantCount: 1), Outcome(ranks: [3], relevantCount: 1),
      Outcome(ranks: [12], relevantCount: 1), Outcome(ranks: [], relevantCount: 1),
    ]
    let measures = try #require(Measures(outcomes, recallDepths: [1, 5, 10]))
    #expect(measures.queryCount == 4)
    #expect(measures.recall.map(\.value) == [0.25, 0.5, 0.5])
    // One target each: AP = 1/rank where rank ≤ K. mAP@5 = (1 + 1/3) / 4, mAP@25 = (1 + 1/3 + 1/12) / 4.
    #expect(measures.precision.map(\.depth) == [5, 10, 25, 50])
    #expect(abs(measures.precision[0].value - (1 + 1.0 / 3) / 4) < 1e-12)
    #expect(abs(measures.precision[2].value - (1 + 1.0 / 3 + 1.0 / 12) / 4) < 1e-12)
    // Ranks 1, 3, 12, ∞: the middle two are 3 and 12.
    #expect(measures.medianRank == 7.5)
    #expect(Measures([], recallDepths: [1]) == nil)
    let lost = try #require(Measures(Array(outcomes.suffix(1)), recallDepths: [1]))
    #expect(lost.medianRank == .infinity)
  }

  @Test func `subsets and CIRR's average`() throws {
    var outcomes = [
      Outcome(ranks: [4], relevantCount: 1), Outcome(ranks: [9], relevantCount: 1),
    ]
    outcomes[0].subsetRank = 2
    outcomes[1].subsetRank = 1
    let measures = try #require(
      Measures(outcomes, recallDepths: [1, 5, 10], subsetDepths: [1, 2, 3]))
    #expect(measures.subsetRecall.map(\.value) == [0.5, 1, 1])
    // (R@5 + Rs@1) / 2 = (1/2 + 1/2) / 2.
    #expect(measures.cirrAverage == 0.5)
    #expect(Measures(outcomes, recallDepths: [1, 5])?.cirrAverage == nil)
  }

  @Test func `a mean of parts does not weigh them by size`() throws {
    // Part one: one query, found at 1. Part two: three queries, none found in 10.
    let hit = Outcome(ranks: [1], relevantCount: 1)
    let miss = Outcome(ranks: [20], relevantCount: 1)
    let parts = try [[hit], [miss, miss, miss]].map {
      try #require(Measures($0, recallDepths: [10]))
    }
    let mean = try #require(Measures.mean(parts))
    // (1 + 0) / 2, where pooled queries would give 1/4.
    #expect(mean.recall[0].value == 0.5 && mean.queryCount == 4 && mean.medianRank == nil)
    #expect(Measures.mean([]) == nil)
  }

  @Test func `medians and percentiles`() {
    #expect(Statistics.median([3, 1, 2]) == 2)
    #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
    #expect(Statistics.median([]) == nil)
    // Nearest rank: ⌈0.95 · 20⌉ = 19th of 1...20; ⌈0.95 · 3⌉ = 3rd.
    #expect(Statistics.percentile(0.95, of: (1...20).map(Double.init)) == 19)
    #expect(Statistics.percentile(0.95, of: [5, 1, 3]) == 5)
    #expect(Statistics.percentile(0.95, of: [7]) == 7)
  }

  @Test func `rows of a library by kind, the natural ones first`() throws {
    func answer(_ kind: String, rank: Int?, _ time: Double) -> LibraryResult.Answer {
      LibraryResult.Answer(
        kind: kind, hitCount: rank == nil ? 0 : 4,
        outcome: kind == "nonsense" ? nil : Outcome(ranks: rank.map { [$0] } ?? [], relevantCount: 1),
        milliseconds: time)
    }
    let result = LibraryResult(answers: [
      answer("nonsense", rank: nil, 1), answer("nonsense", rank: 1, 2), answer("composed", rank: 2, 3),
      answer("text", rank: 1, 4), answer("text", rank: nil, 6),
    ])
    let rows = result.rows
    #expect(rows.map(\.kind) == ["text", "composed", "nonsense", "all"])
    #expect(rows.map(\.queryCount) == [2, 1, 2, 5])
    // Nothing came back for one of two texts, one of two nonsense queries, two of all five.
    #expect(rows.map(\.nothing) == [0.5, 0, 0.5, 0.4])
    // One right of four, where something came back and there is something right.
    #expect(rows.map(\.right) == [0.25, 0.25, nil, 0.25])
    #expect(rows[0].measures?.recall[0].value == 0.5 && rows[2].measures == nil)
    // All: ranks 2, 1, none of three queries that have answers.
    #expect(rows[3].measures?.queryCount == 3)
    #expect(rows[0].medianTime == 5 && rows[3].medianTime == 3 && rows[3].slowTime == 6)
  }
}
