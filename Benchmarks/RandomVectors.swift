// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// Numbers that look random and are the same every time (xorshift64*).
struct RandomNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  /// A number in -1 ..< 1.
  mutating func next() -> Float {
    let bits: UInt64 = next()
    return Float(Int32(truncatingIfNeeded: bits >> 32)) * 0x1p-31
  }

  /// A vector of length 1 in a direction like any other's; the entries are uniform, not normal.
  mutating func unitVector(_ dimension: Int) -> [Float] {
    var values = [Float](repeating: 0, count: dimension)
    var squares: Float = 0
    for index in values.indices {
      values[index] = next()
      squares += values[index] * values[index]
    }
    let scale = 1 / squares.squareRoot()
    for index in values.indices { values[index] *= scale }
    return values
  }
}

/// A segment of random unit vectors, rows alone, in a folder that goes away.
struct RandomSegment {
  let segment: Segment
  let search: VectorSearch

  init(in folder: TemporaryFolder, count: Int, dimension: Int, storage: RowStorage) throws {
    let path = folder.path.appending("\(storage).duetvec")
    let writer = try SegmentWriter(
      to: path, dimension: dimension, count: count, storage: storage, structure: .rows)
    var numbers = RandomNumbers(seed: 1)
    for item in 0..<count {
      try writer.append(VectorKey(item: Int64(item) + 1), numbers.unitVector(dimension))
    }
    try writer.finish()
    segment = try Segment(path)
    search = try VectorSearch(dimension: dimension, sources: [VectorSource(segment)])
  }
}

/// `count` random queries, `[count, dimension]`.
func randomQueries(_ count: Int, dimension: Int, seed: UInt64 = 2) -> [Float] {
  var numbers = RandomNumbers(seed: seed)
  var queries: [Float] = []
  queries.reserveCapacity(count * dimension)
  for _ in 0..<count { queries += numbers.unitVector(dimension) }
  return queries
}
