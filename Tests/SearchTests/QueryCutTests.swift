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

  @Test("Mean, deviation and body are those of the scores")
  func body() throws {
    var random = SeededRandom(seed: 1)
    let scores = (0..<200_000).map { _ in random.normal() }
    let null = try #require(NullDistribution(scores: scores))
    #expect(abs(null.mean) < 0.01 && abs(null.standardDeviation - 1) < 0.01)
    for z in stride(from: Float(-2), through: 3, by: 0.25) {
      let exact = 0.5 * erfc(Double(z) / 2.0.squareRoot())
      #expect(abs(null.tailProbability(z) - exact) < 0.05 * exact + 0.001)
    }
    #expect(null.tailProbability(-100) == 1)
  }

  @Test("The tail falls without a break, and stays above a Gaussian's but not by much")
  func tail() throws {
    var random = SeededRandom(seed: 2)
    let null = try #require(NullDistribution(scores: (0..<500_000).map { _ in random.normal() }))
    var last = 1.0
    for step in -40...80 {
      let p = null.tailProbability(Float(step) / 10)
      #expect(p <= last && p > 0)
      last = p
    }
    for z in [3.5, 4.0, 4.5, 5.0] {
      let exact = 0.5 * erfc(z / 2.0.squareRoot())
      let p = null.tailProbability(Float(z))
      #expect(p > exact * 0.8 && p < exact * 12, "z \(z): \(p) for \(exact)")
    }
  }

  @Test("A null of few, equal or broken scores")
  func odd() throws {
    #expect(NullDistribution(scores: [1, 2, 3]) == nil)
    #expect(NullDistribution(scores: [Float](repeating: .nan, count: 100)) == nil)
    let flat = try #require(NullDistribution(scores: [Float](repeating: 0.5, count: 100)))
    #expect(flat.tailProbability(0.4) == 1 && flat.tailProbability(0.6) < 1e-3)
    let small = try #require(NullDistribution(scores: (0..<8).map { Float($0) }))
    #expect(small.tailProbability(7.5) < 0.5)
  }

  @Test("What is kept in the catalog reads back as it was, and damage is refused")
  func stored() throws {
    var random = SeededRandom(seed: 3)
    let null = try #require(NullDistribution(scores: (0..<5_000).map { _ in random.normal() }))
    let kept = null.calibration(field: .image, kind: .text, items: 700)
    let back = try #require(NullDistribution(kept))
    #expect(
      back.knots == null.knots && back.count == null.count && NullDistribution.itemCount(of: kept) == 700)
    #expect(abs(back.tailProbability(5) / null.tailProbability(5) - 1) < 1e-5)
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

  @Test("The other cuts: off, a fixed z, no null")
  func others() throws {
    let null = try #require(NullDistribution(scores: (0..<1_000).map { Float($0 % 10) }))
    let scores: [Float] = [9, 8, 7, 1, 0]
    #expect(Cut.off.passing(scores, population: 5, null: null) == 5)
    #expect(Cut.z(1).passing(scores, population: 5, null: null) == 2)
    #expect(Cut.auto.passing(scores, population: 5, null: nil) == 5)
    #expect(Cut.auto.passing([], population: 0, null: null) == 0)
    #expect(try Cut(parsing: "z:2.5") == .z(2.5))
    #expect(throws: SearchError.self) { try Cut(parsing: "z:") }
    #expect(throws: SearchError.self) { try Cut(parsing: "on") }
  }
}
