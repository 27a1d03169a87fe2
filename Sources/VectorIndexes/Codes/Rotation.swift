// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra
internal import Synchronization

/// The fixed random rotation in which quantised copies of vectors live.
///
/// A rotation changes no dot product, and after a random one the numbers of any vector look normally distributed: one
/// step size suits all of them. Four rounds of random signs, each followed by a fast Hadamard transform of the largest
/// power of two of the numbers, the first ones and the last ones in turn: O(d log d) (Ailon and Chazelle, "The fast
/// Johnson-Lindenstrauss transform", 2009). `Index/FORMAT.md` fixes the signs.
struct Rotation: Sendable {
  /// Numbers in a vector.
  let dimension: Int
  /// Numbers of a rotated vector: the dimension, rounded up to a multiple of 64; the rest are zero.
  let codeDimension: Int
  /// The largest power of two that is not above the dimension.
  private let power: Int
  /// `[rounds, dimension]`, 1 or -1.
  private let signs: [Float]
  private static let rounds = 4

  init(dimension: Int) {
    precondition(dimension > 0, "a vector has numbers")
    self.dimension = dimension
    codeDimension = dimension.roundedUp(toMultipleOf: 64)
    power = 1 << (Int.bitWidth - 1 - dimension.leadingZeroBitCount)
    var random = SplitMix64(state: 0x4455_4554)
    signs = (0..<(Self.rounds * dimension)).map { _ in random.next() >> 63 == 0 ? 1 : -1 }
  }

  /// Writes the rotated `vector`, `[dimension]`, to `output`, `[codeDimension]`.
  func apply(_ vector: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
    let kernels = CodeKernels.current
    output.update(from: vector, count: dimension)
    (output + dimension).update(repeating: 0, count: codeDimension - dimension)
    signs.withUnsafeBufferPointer { signs in
      guard let signs = signs.baseAddress else { return }
      for round in 0..<Self.rounds {
        let own = signs + round * dimension
        for index in 0..<dimension { output[index] *= own[index] }
        kernels.hadamard(output + (round % 2 == 0 ? 0 : dimension - power), count: power)
      }
    }
  }

  /// The rotated `vector`, `[codeDimension]`.
  func applied(to vector: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: codeDimension) { output, count in
      if let output = output.baseAddress { apply(vector, into: output) }
      count = codeDimension
    }
  }

  /// The vector whose rotated self is `rotated`, `[codeDimension]`: the rounds backwards, each of which undoes itself.
  func undone(_ rotated: [Float]) -> [Float] {
    let kernels = CodeKernels.current
    var vector = Array(rotated[..<dimension])
    vector.withUnsafeMutableBufferPointer { vector in
      guard let base = vector.baseAddress else { return }
      for round in (0..<Self.rounds).reversed() {
        kernels.hadamard(base + (round % 2 == 0 ? 0 : dimension - power), count: power)
        for index in 0..<dimension { base[index] *= signs[round * dimension + index] }
      }
    }
    return vector
  }

  /// The rotation of a dimension, made once for all segments that are read vector by vector.
  static func of(_ dimension: Int) -> Rotation {
    known.withLock { known in
      if let rotation = known[dimension] { return rotation }
      let rotation = Rotation(dimension: dimension)
      known[dimension] = rotation
      return rotation
    }
  }

  private static let known = Mutex([Int: Rotation]())

  /// How far a rotated vector of length 1 can be from where exact arithmetic would put it: each of the transform's
  /// steps and its scaling round each number once.
  var error: Float {
    let steps = Self.rounds * (power.trailingZeroBitCount + 2)
    return Float(steps) * 0x1p-23
  }
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// A number from -1 up to 1.
  mutating func uniform() -> Float { Float(Int64(bitPattern: next()) >> 32) * 0x1p-31 }

  /// A bijection whose values look random.
  static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
