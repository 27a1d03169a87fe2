// SPDX-License-Identifier: Apache-2.0
import Catalog
import Foundation
import TestSupport
import Testing

@testable import Search

@Suite("Null and cut")
struct QueryCutTests {
  /// What a calibration sees: 200 background texts, each with a mean of its own, against sampled items.
  static func rows(_ sample: Int, random: inout SeededRandom) -> [[Float]] {
    (0..<200).map { _ in
      let shift = 0.3 * random.normal()
      return (0..<sample).map { _ in 0.2 + 0.03 * (random.normal() + shift) }
    }
  }

  /// Scores whose positions are a tenth of the given ones: what holds of Gaussians is asked of cosines.
  static func cosine(_ z: Float) -> Float { tanh(z / 10) }

  @Test("Mean, deviation and body are those of the positions")
  func body() throws {
    var random = SeededRandom(seed: 1)
    let scores = (0..<200_000).map { _ in Self.cosine(random.normal()) }
    let null = try #require(NullDistribution(scores: scores))
    #expect(abs(null.mean) < 0.001 && abs(null.standardDeviation - 0.1) < 0.001)
    #expect(abs(null.z(Self.cosine(2.5)) - 2.5) < 0.03)
    for z in stride(from: Float(-2), through: 3, by: 0.25) {
      let exact = 0.5 * erfc(Double(z) / 2.0.squareRoot())
      #expect(abs(null.tailProbability(Self.cosine(z)) - exact) < 0.05 * exact + 0.001)
    }
    #expect(null.tailProbability(-1) == 1)
  }

  @Test("The tail falls without a break, and stays above a Gaussian's but not by much")
  func tail() throws {
    var random = SeededRandom(seed: 2)
    let scores = (0..<500_000).map { _ in Self.cosine(random.normal()) }
    let null = try #require(NullDistribution(scores: scores))
    var last = 1.0
    for step in -40...80 {
      let p = null.tailProbability(Self.cosine(Float(step) / 10))
      #expect(p <= last && p > 0)
      last = p
    }
    for z in [3.5, 4.0, 4.5, 5.0] {
      let exact = 0.5 * erfc(z / 2.0.squareRoot())
      let p = null.tailProbability(Self.cosine(Float(z)))
      #expect(p > exact * 0.8 && p < exact * 12, "z \(z): \(p) for \(exact)")
    }
  }

  @Test("A null of few, equal or broken scores")
  func odd() throws {
    #expect(NullDistribution(scores: [1, 2, 3]) == nil)
    #expect(NullDistribution(scores: [Float](repeating: .nan, count: 100)) == nil)
    let flat = try #require(NullDistribution(scores: [Float](repeating: 0.5, count: 100)))
    #expect(flat.tailProbability(0.4) == 1 && flat.tailProbability(0.6) < 1e-3)
    let small = try #require(NullDistribution(scores: (0..<8).map { Float($0) / 10 }))
    #expect(small.tailProbability(0.75) < 0.5)
  }

  @Test("What is kept in the catalog reads back as it was, and damage is refused")
  func stored() throws {
    var random = SeededRandom(seed: 3)
    let rows = (0..<50).map { _ in (0..<100).map { _ in Self.cosine(random.normal()) } }
    let null = try #require(NullDistribution(rows: rows))
    let kept = null.calibration(field: .image, kind: .text, items: 700)
    let back = try #require(NullDistribution(kept))
    #expect(
      back.knots == null.knots && back.count == null.count && NullDistribution.itemCount(of: kept) == 700)
    #expect(back.center != nil && back.center == null.center)
    #expect(back.usualBest != nil && back.usualBest == null.usualBest)
    let far = Self.cosine(5)
    #expect(abs(back.tailProbability(far) / null.tailProbability(far) - 1) < 1e-5)
    for index in 0..<kept.quantiles.count where index != 1 {
      var damaged = kept
      damaged.quantiles[index] = .nan
      #expect(NullDistribution(damaged) == nil)
    }
    var short = kept
    short.quantiles = Array(kept.quantiles.prefix(4))
    #expect(NullDistribution(short) == nil)
  }

  /// One library and one query: how many hits stand, and how many of them are of the concept.
  static func hits(
    population: Int, concept: Int, distance: Float, null: NullDistribution, random: inout SeededRandom
  ) -> (shown: Int, right: Int) {
    let shift = 0.3 * random.normal()
    let items = (0..<population).map { index -> (Float, Bool) in
      let wanted = index < concept
      return (0.2 + 0.03 * (random.normal() + shift + (wanted ? distance : 0)), wanted)
    }.sorted { $0.0 > $1.0 }
    let sample = items.map(\.0).shuffled(using: &random).prefix(2_000)
    let shown = Cut.auto.passing(
      items.map(\.0), population: population, null: null.adjusted(to: Array(sample)))
    return (shown, items.prefix(shown).filter(\.1).count)
  }

  @Test(
    "Few hits are false, and most of the concept is shown, whatever its share of the library",
    arguments: [
      (20_000, 2, 7.0), (20_000, 1_000, 5.0), (2_000, 2_000, 4.0), (500, 1, 6.0), (500, 25, 5.0),
      (500, 500, 4.0), (50, 1, 5.0), (50, 5, 4.5), (50, 50, 4.0), (5, 1, 4.0), (5, 5, 4.0),
    ] as [(Int, Int, Double)])
  func share(population: Int, concept: Int, distance: Double) throws {
    var random = SeededRandom(seed: UInt64(population * 31 + concept))
    let null = try #require(
      NullDistribution(rows: Self.rows(min(population, 500), random: &random)))
    var falseShare = 0.0
    var recall = 0.0
    let runs = population > 5_000 ? 30 : 200
    for _ in 0..<runs {
      let (shown, right) = Self.hits(
        population: population, concept: concept, distance: Float(distance), null: null, random: &random)
      falseShare += shown == 0 ? 0 : Double(shown - right) / Double(shown)
      recall += Double(right) / Double(concept)
    }
    #expect(falseShare / Double(runs) <= 0.25, "false \(falseShare / Double(runs))")
    #expect(recall / Double(runs) >= 0.85, "recall \(recall / Double(runs))")
  }

  @Test(
    "A query for nothing finds nothing, four times out of five or oftener", arguments: [5, 50, 500, 20_000])
  func nothing(population: Int) throws {
    var random = SeededRandom(seed: UInt64(population))
    let null = try #require(
      NullDistribution(rows: Self.rows(min(population, 500), random: &random)))
    let runs = population > 5_000 ? 40 : 300
    var answered = 0
    for _ in 0..<runs {
      let (shown, _) = Self.hits(
        population: population, concept: 0, distance: 0, null: null, random: &random)
      if shown > 0 { answered += 1 }
    }
    // A fifth by design; one null serves all runs, so its own error adds to theirs.
    #expect(Double(answered) / Double(runs) <= 0.3, "\(answered) of \(runs)")
  }

  @Test("Background texts that do describe a part of the library, or all of it, do not spoil the null")
  func contaminated() throws {
    var random = SeededRandom(seed: 5)
    var rows = Self.rows(1_000, random: &random)
    let clean = try #require(NullDistribution(rows: rows))
    // Four of 200 texts match 5 % of the items, one matches all.
    for text in 0..<4 {
      for item in 0..<50 { rows[text][item] = 0.2 + 0.03 * (6 + random.normal()) }
    }
    rows[4] = rows[4].map { _ in 0.2 + 0.03 * (6 + random.normal()) }
    let null = try #require(NullDistribution(rows: rows))
    let raw = try #require(NullDistribution(scores: Array(rows.joined())))
    let score: Float = 0.2 + 0.03 * 6
    #expect(null.tailProbability(score) < 10 * clean.tailProbability(score))
    #expect(raw.tailProbability(score) > 1_000 * clean.tailProbability(score))
    var found = 0
    for _ in 0..<50 {
      found += Self.hits(population: 2_000, concept: 4, distance: 6, null: null, random: &random).right
    }
    #expect(found >= 160)
  }

  @Test("A caption that says what was asked for stands out, where captions are all much alike")
  func nearTheEnd() throws {
    var random = SeededRandom(seed: 11)
    // As the built-in model sees texts: 0.18 ± 0.28, and of 7,000 captions one is at 0.85 for no reason.
    func row() -> [Float] { (0..<2_000).map { _ in tanh(0.2 + 0.32 * random.normal()) } }
    let null = try #require(NullDistribution(rows: (0..<96).map { _ in row() }))
    let unrelated = row().sorted(by: >)
    #expect(unrelated[0] > 0.75 && null.z(unrelated[0]) < 4.5)
    #expect(Cut.auto.passing(unrelated, population: 14_000, null: null) == 0)
    #expect(Cut.auto.passing([0.99999] + unrelated, population: 14_000, null: null) == 1)
    // On the scale of cosines the two lie a tenth apart, a third of a deviation.
    #expect(null.tailProbability(0.99999) < 1e-6 && null.tailProbability(unrelated[0]) > 1e-5)
  }

  @Test("A query's null follows its quartile as far as its best scores do")
  func slope() throws {
    var random = SeededRandom(seed: 12)
    func null(tail: Float) throws -> NullDistribution {
      // Every query has a level; a part of it moves the upper half, all of it the lower half.
      let rows = (0..<200).map { _ in
        let level = 0.1 * random.normal()
        return (0..<200).map { _ in
          let noise = 0.1 * random.normal()
          return tanh(noise + (noise > 0 ? tail : 1) * level)
        }
      }
      return try #require(NullDistribution(rows: rows))
    }
    let following = try #require(try null(tail: 1).center)
    #expect(following.slope > 0.8)
    let standing = try null(tail: -1)
    #expect(standing.center?.slope == 0)
    let low = (0..<200).map { _ in tanh(-0.3 + 0.1 * random.normal()) }
    #expect(standing.adjusted(to: low) == standing)
    #expect(try null(tail: 1).adjusted(to: low).mean < -0.1)
  }

  @Test("Where false hits come together, only a best one that few unrelated queries have lets any stand")
  func together() throws {
    var random = SeededRandom(seed: 13)
    let rows = (0..<96).map { _ in (0..<2_000).map { _ in tanh(0.2 + 0.3 * random.normal()) } }
    let null = try #require(NullDistribution(rows: rows))
    let usual = try #require(null.usualBest)
    // The best of 2,000 lies 3.4 deviations up, that of one in ten such rows 4.
    #expect(usual.count == 2_000 && abs(usual.position - 1.4) < 0.1)
    func passing(_ scores: [Float], _ population: Int = 2_000) -> Int {
      Cut.auto.passing(scores, population: population, null: null, falseHitsComeTogether: true)
    }
    // Each of a hundred is no better than the best of most queries; together they pass as if they were independent.
    let many = [Float](repeating: tanh(1.2), count: 100)
    #expect(Cut.auto.passing(many, population: 2_000, null: null) == 100)
    #expect(passing(many) == 0)
    #expect(passing([tanh(1.6)] + many) == 101)
    // Among fifty times as many the best of unrelated ones is better.
    #expect(null.isBeyondUsualBest(tanh(1.6), among: 2_000))
    #expect(!null.isBeyondUsualBest(tanh(1.6), among: 100_000))
    #expect(null.isBeyondUsualBest(0.9999, among: 100_000))
  }

  @Test("The other cuts: off, a fixed z, no null")
  func others() throws {
    let null = try #require(NullDistribution(scores: (0..<1_000).map { Float($0 % 10) / 10 }))
    let scores: [Float] = [0.9, 0.8, 0.7, 0.1, 0]
    #expect(Cut.off.passing(scores, population: 5, null: null) == 5)
    #expect(Cut.z(1).passing(scores, population: 5, null: null) == 2)
    #expect(Cut.auto.passing(scores, population: 5, null: nil) == 5)
    #expect(Cut.auto.passing([], population: 0, null: null) == 0)
    #expect(try Cut(parsing: "z:2.5") == .z(2.5))
    #expect(throws: SearchError.self) { try Cut(parsing: "z:") }
    #expect(throws: SearchError.self) { try Cut(parsing: "on") }
  }
}
