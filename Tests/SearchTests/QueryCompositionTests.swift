// SPDX-License-Identifier: Apache-2.0
import Embedders
import Testing

@testable import Search

@Suite("Composition")
struct QueryCompositionTests {
  func part(_ vector: [Float], _ weight: Float = 1, _ label: String = "a") -> Composition.Part {
    Composition.Part(vector: vector, weight: weight, label: label)
  }

  @Test("Projections are added as they are, and normalised once")
  func rawSum() throws {
    // (3, 0) + (0, 4) = (3, 4), of length 5; normalising first would give (0.71, 0.71).
    let composed = try Composition([part([3, 0]), part([0, 4])], rule: .rawSum)
    #expect(abs(composed.vector[0] - 0.6) < 1e-6)
    #expect(abs(composed.vector[1] - 0.8) < 1e-6)
    #expect(abs(composed.coherence - 5 / 7) < 1e-6)
  }

  @Test("A model without composition adds unit vectors")
  func unitSum() throws {
    let composed = try Composition([part([3, 0]), part([0, 4], 0.5)], rule: .unitSum)
    // (1, 0) + (0, 0.5), of length 1.118034.
    #expect(abs(composed.vector[0] - 0.894427) < 1e-6)
    #expect(abs(composed.vector[1] - 0.447214) < 1e-6)
  }

  @Test("The terms' shares of a cosine add up to it")
  func shares() throws {
    let composed = try Composition(
      [part([3, 1, 0]), part([0, 4, 2], 0.5), part([1, 1, 1], -0.5)], rule: .rawSum)
    let hit: [Float] = [0.48, 0.6, 0.64]
    let total = composed.shares.reduce(0) { $0 + $1.dot(hit) }
    #expect(abs(total - composed.vector.dot(hit)) < 1e-5)
    #expect(composed.shares[2].dot(hit) < 0)
  }

  @Test("Terms that cancel out are an error that names them")
  func cancels() {
    let error = #expect(throws: SearchError.self) {
      try Composition([part([1, 0.01], 1, "\"dog\""), part([1, 0], -1, "\"puppy\"")], rule: .rawSum)
    }
    #expect(error?.message.contains("\"dog\", \"puppy\"") == true)
  }

  @Test("Wrong dimensions, zero vectors and empty queries are errors")
  func refused() {
    #expect(throws: SearchError.self) { try Composition([part([1, 0]), part([1])], rule: .rawSum) }
    #expect(throws: SearchError.self) { try Composition([part([0, 0])], rule: .rawSum) }
    #expect(throws: SearchError.self) { try Composition([part([.nan, 0])], rule: .rawSum) }
    #expect(throws: SearchError.self) { try Composition([], rule: .rawSum) }
  }

  @Test("Noise in the last bits does not reach the query vector")
  func rounded() throws {
    let one = try Composition([part([0.3, 0.4])], rule: .rawSum)
    let two = try Composition([part([0.3, Float(0.4).nextUp])], rule: .rawSum)
    #expect(one.vector == two.vector)
  }
}
