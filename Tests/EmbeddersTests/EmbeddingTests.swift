// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Embedders

@Suite("Sums of projections")
struct EmbeddingTests {
  @Test("raw sums add projections as they are, unit sums directions")
  func rules() {
    let terms = [Embedding.Term([3, 0]), Embedding.Term([0, 4])]
    #expect(Embedding.sum(terms, rule: .rawSum).embedding == Embedding.rounded([0.6, 0.8]))
    let diagonal = Float(0.5).squareRoot()
    #expect(Embedding.sum(terms, rule: .unitSum).embedding == Embedding.rounded([diagonal, diagonal]))
  }

  @Test("weights scale, negative ones subtract")
  func weights() {
    let sum = Embedding.sum([.init([1, 0], weight: 2), .init([0, 1], weight: -1)], rule: .rawSum)
    #expect(sum.embedding == Embedding.unit([2, -1]))
  }

  @Test("the relative length tells terms that agree from terms that cancel out")
  func relativeLength() {
    #expect(Embedding.sum([.init([1, 2]), .init([2, 4])], rule: .rawSum).relativeLength > 0.999)
    let cancelled = Embedding.sum([.init([1, 2]), .init([1, 2], weight: -1)], rule: .rawSum)
    #expect(cancelled.relativeLength == 0)
    #expect(cancelled.embedding == [0, 0])
    #expect(Embedding.unit([0, 0]) == [0, 0])
  }

  @Test("rounding swallows the noise of summation order and costs next to nothing")
  func rounding() {
    var random = SeededRandom(seed: 3)
    let vector = Embedding.unit((0..<512).map { _ in random.normal() })
    #expect(vector == Embedding.rounded(vector))
    let length = vector.reduce(0) { $0 + $1 * $1 }
    #expect(abs(length - 1) < 1e-5)
    let noisy = vector.map { $0 + Float.random(in: -2e-7...2e-7, using: &random) }
    #expect(Embedding.rounded(noisy) == vector)
  }
}
