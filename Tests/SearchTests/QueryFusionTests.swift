// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Search

@Suite("Fusion and exclusion")
struct QueryFusionTests {
  let image = Fusion.List(
    .image, weight: 1,
    entries: [
      .init(item: 7, score: 0.9, z: 5), .init(item: 3, score: 0.8, z: 4), .init(item: 9, score: 0.7, z: -1),
    ])
  let words = Fusion.List(
    .words, weight: 0.5,
    entries: [.init(item: 9, score: 2, z: 4), .init(item: 3, score: 2, z: 4), .init(item: 5, score: 1, z: 2)])

  @Test("Reciprocal ranks, by hand")
  func reciprocalRank() throws {
    let fused = Fusion.reciprocalRank(k: 60).merge([image, words], keeping: [3, 5, 7, 9])
    // 3: 1/62 + 0.5/61 (it shares rank 1 with item 9); 9: 1/63 + 0.5/61; 7: 1/61; 5: 0.5/63.
    #expect(fused.map(\.item) == [3, 9, 7, 5])
    let expected = [1 / 62.0 + 0.5 / 61, 1 / 63.0 + 0.5 / 61, 1 / 61.0, 0.5 / 63]
    for (fused, expected) in zip(fused, expected) { #expect(abs(fused.score - expected) < 1e-8) }
    #expect(fused[0].shares.map(\.rank) == [2, 1])
    #expect(fused[3].shares.map(\.source) == [.words])
  }

  @Test("Weighted z, by hand: words and captions count from z 2 on")
  func weightedZ() throws {
    let fused = Fusion.weightedZ.merge([image, words], keeping: [3, 5, 7, 9])
    // 3: 4 + 0.5 · 2; 7: 5; 9: −1 + 0.5 · 2; 5: 0.5 · 0. Equals by id.
    #expect(fused.map(\.item) == [3, 7, 5, 9])
    #expect(fused.map(\.score) == [5, 5, 0, 0])
  }

  @Test("Items that are cut leave the others' ranks alone")
  func survivors() {
    let fused = Fusion.reciprocalRank(k: 60).merge([image], keeping: [9])
    #expect(fused.map(\.item) == [9])
    #expect(fused[0].shares[0].rank == 3)
  }

  @Test("Equals are ordered by item id")
  func ties() {
    let list = Fusion.List(.image, weight: 1, entries: [8, 2, 5].map { .init(item: $0, score: 1, z: 1) })
    #expect(Fusion.standard.merge([list], keeping: [2, 5, 8]).map(\.item) == [2, 5, 8])
  }

  @Test("A hit goes when it is about the excluded thing as much as about the query")
  func exclusion() throws {
    // Nulls of mean 0.2 and 0.5, sd 0.1 each (on Fisher's scale 0.21 ± 0.10 and 0.56 ± 0.13): scores must be read against them.
    let text = try #require(NullDistribution(scores: (0..<100).map { 0.2 + ($0 % 2 == 0 ? 0.1 : -0.1) }))
    let picture = try #require(NullDistribution(scores: (0..<100).map { 0.5 + ($0 % 2 == 0 ? 0.1 : -0.1) }))
    func drops(_ excluded: Float, _ query: Float) -> Bool {
      Exclusion.drops(excluded: excluded, query: query, excludedNull: picture, queryNull: text)
    }
    #expect(!drops(0.65, 0.3))  // z 1.6: unrelated to what is excluded, although 0.65 > 0.3
    #expect(drops(0.75, 0.5))  // z 3.1 against 3.3: within the margin
    #expect(!drops(0.75, 0.6))  // z 3.1 against 4.7
    #expect(drops(0.95, 0.6))  // z 9.5 against 4.7
    #expect(Exclusion.drops(excluded: 0.5, query: 0.4, excludedNull: nil, queryNull: text))
  }
}
