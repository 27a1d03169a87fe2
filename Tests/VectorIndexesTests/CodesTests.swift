// SPDX-License-Identifier: Apache-2.0
import Compute
import LinearAlgebra
import TestSupport
import Testing

@testable import VectorIndexes

@Suite struct CodesTests {
  @Test("A rotation keeps dot products, spreads what is concentrated, and is always the same")
  func rotates() {
    var random = SeededRandom(seed: 41)
    for dimension in [1, 2, 3, 15, 64, 100, 384, 512, 513] {
      let rotation = Rotation(dimension: dimension)
      #expect(rotation.codeDimension % 64 == 0 && rotation.codeDimension >= dimension)
      var (one, other) = (
        [Float](repeating: 0, count: rotation.codeDimension),
        [Float](repeating: 0, count: rotation.codeDimension)
      )
      for _ in 0..<10 {
        let (a, b) = (
          VectorSet.unit((0..<dimension).map { _ in random.normal() }),
          VectorSet.unit((0..<dimension).map { _ in random.normal() })
        )
        rotation.apply(a, into: &one)
        rotation.apply(b, into: &other)
        #expect(abs(product(one, other) - product(a, b)) <= 2 * Double(rotation.error))
        #expect(abs(product(one, one) - 1) <= 2 * Double(rotation.error))
        #expect(one[dimension...].allSatisfy { $0 == 0 })
      }
      rotation.apply([1] + [Float](repeating: 0, count: dimension - 1), into: &one)
      if dimension >= 64 { #expect(one.allSatisfy { abs($0) < 0.5 }) }
      Rotation(dimension: dimension).apply([1] + [Float](repeating: 0, count: dimension - 1), into: &other)
      #expect(one == other)
    }
  }

  @Test("No score from codes is further from the true one than the margin")
  func certifies() throws {
    var random = SeededRandom(seed: 42)
    let folder = try TemporaryDirectory()
    for (dimension, scale) in [(3, Float(1)), (40, 1e-3), (130, 1), (512, 70)] {
      let set = VectorSet.gaussian(items: 0..<300, dimension: dimension, random: &random)
      let table = try set.segment(.float32, in: folder, id: UInt64(dimension), structure: .codes).table
      let codes = try #require(table.codes)
      let queries = (0..<(4 * dimension)).map { _ in scale * random.normal() }
      let quantized = QuantizedQueries(
        queries, count: 4, rotation: Rotation(dimension: dimension), pool: .shared)
      for query in 0..<4 {
        var candidates = (0..<300).map { Candidate(score: 0, id: UInt32($0)) }
        quantized.withCode(query) {
          CodeKernels.current.score(&candidates, query: $0, scale: $1, codes: codes)
        }
        let own = Array(queries[(query * dimension)..<((query + 1) * dimension)])
        let margin = quantized.margin(query, codeError: codes.error(of: 0..<300))
        // A margin that says nothing would certify anything.
        #expect(margin < 0.05 * quantized.length(query))
        for slot in 0..<300 {
          #expect(abs(Double(candidates[slot].score) - product(own, set.row(slot))) <= Double(margin))
        }
      }
    }
  }

  private func product(_ one: [Float], _ other: [Float]) -> Double {
    zip(one, other).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
}
