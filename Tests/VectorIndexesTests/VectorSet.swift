// SPDX-License-Identifier: Apache-2.0
import Compute
import LinearAlgebra
import SystemPackage
import TestSupport

@testable import VectorIndexes

/// Keys and unit vectors of a test, and the right answers by brute force in double precision.
struct VectorSet {
  let dimension: Int
  var keys: [VectorKey] = []
  var rows: [Float] = []

  /// Vectors of 16 numbers ±1/4 and zeros else: every dot product with small whole numbers is exact, so that ties are
  /// ties, and float16 loses nothing. Every third vector repeats an earlier one.
  static func lattice(
    items: Range<Int64>, dimension: Int, ordinalsUpTo: Int = 1, random: inout SeededRandom
  ) -> VectorSet {
    precondition(dimension >= 16)
    var set = VectorSet(dimension: dimension)
    for item in items {
      for ordinal in 0..<Int.random(in: 1...ordinalsUpTo, using: &random) {
        set.keys.append(VectorKey(item: item, ordinal: UInt32(ordinal)))
        if set.keys.count > 1, Int.random(in: 0..<3, using: &random) == 0 {
          let copied = Int.random(in: 0..<(set.keys.count - 1), using: &random)
          set.rows += set.row(copied)
        } else {
          var row = [Float](repeating: 0, count: dimension)
          for place in (0..<dimension).shuffled(using: &random).prefix(16) {
            row[place] = Bool.random(using: &random) ? 0.25 : -0.25
          }
          set.rows += row
        }
      }
    }
    return set
  }

  /// Normally distributed vectors of length 1.
  static func gaussian(items: Range<Int64>, dimension: Int, random: inout SeededRandom) -> VectorSet {
    var set = VectorSet(dimension: dimension)
    for item in items {
      set.keys.append(VectorKey(item: item))
      set.rows += unit((0..<dimension).map { _ in random.normal() })
    }
    return set
  }

  static func unit(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return vector.map { Float(Double($0) / length) }
  }

  func row(_ index: Int) -> [Float] { Array(rows[(index * dimension)..<((index + 1) * dimension)]) }

  /// The vectors whose indices `isWanted` accepts.
  func filtered(_ isWanted: (Int) -> Bool) -> VectorSet {
    var set = VectorSet(dimension: dimension)
    for index in keys.indices where isWanted(index) {
      set.keys.append(keys[index])
      set.rows += row(index)
    }
    return set
  }

  /// The k best items by brute force.
  func neighbors(of query: [Float], k: Int, isAllowed: (Int64) -> Bool = { _ in true }) -> [Neighbor] {
    var best: [Int64: (score: Double, ordinal: UInt32)] = [:]
    for (index, key) in keys.enumerated() where isAllowed(key.item) {
      var score = 0.0
      for i in 0..<dimension { score += Double(rows[index * dimension + i]) * Double(query[i]) }
      if let known = best[key.item], (known.score, key.ordinal) >= (score, known.ordinal) { continue }
      best[key.item] = (score, key.ordinal)
    }
    let ranked = best.sorted {
      $0.value.score != $1.value.score ? $0.value.score > $1.value.score : $0.key < $1.key
    }
    return ranked.prefix(k).map {
      Neighbor(key: VectorKey(item: $0.key, ordinal: $0.value.ordinal), score: Float($0.value.score))
    }
  }

  func fresh(_ storage: RowStorage = .float32) throws -> FreshVectors {
    try FreshVectors(dimension: dimension, storage: storage, keys: keys, rows: rows)
  }

  /// Writes the set as a segment and opens it.
  func segment(
    _ storage: RowStorage, in folder: TemporaryDirectory, id: UInt64 = 1, structure: SegmentStructure? = nil,
    pool: ComputePool = .shared
  ) throws -> Segment {
    let path = FilePath(folder.path("\(id).duetvec"))
    let writer = try SegmentWriter(
      to: path, id: id, fingerprint: [UInt8](0..<32), dimension: dimension, count: keys.count,
      storage: storage, structure: structure ?? .suited(to: keys.count), pool: pool)
    for (index, key) in keys.enumerated() { try writer.append(key, row(index)) }
    let size = try writer.finish()
    return try Segment(path, size: size)
  }
}

/// Queries of small whole numbers, for which lattice scores are exact.
func wholeQueries(_ count: Int, dimension: Int, random: inout SeededRandom) -> [Float] {
  (0..<(count * dimension)).map { _ in Float(Int.random(in: -3...3, using: &random)) }
}
