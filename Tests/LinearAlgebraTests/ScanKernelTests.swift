// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import TestSupport
import Testing

/// The levels that this machine can run.
private let levels: [duet_cpu_level] = [DUET_CPU_SCALAR, DUET_CPU_AVX2, DUET_CPU_AVX512, DUET_CPU_NEON]
  .filter { ScanKernels(level: $0) != nil }

@Suite struct ScanKernelTests {
  /// 1…70 covers every tail; the rest are odd sizes up to more than any model has.
  static let dimensions = Array(1...70) + [127, 128, 129, 255, 384, 511, 512, 513, 768, 1023, 1024, 1100]

  @Test("Every level agrees with a sum in double precision", arguments: levels)
  func matchesOracle(level: duet_cpu_level) throws {
    let kernels = try #require(ScanKernels(level: level))
    var random = SeededRandom(seed: 7)
    for dimension in Self.dimensions {
      let set = RowSet(count: 11, dimension: dimension, queryCount: 1, random: &random)
      for storage in RowStorage.floats {
        let scores = set.scores(kernels, storage, queryCount: 1, range: 0..<set.count)
        for row in 0..<set.count {
          let exact = set.exact(storage, query: 0, row: row)
          let bound = Double(dimension + 4) * 0x1p-24 * exact.magnitudes
          #expect(abs(Double(scores[row]) - exact.dot) <= bound, "d=\(dimension) \(storage) row \(row)")
        }
      }
    }
  }

  @Test("Every level gives the scalar twin's bits, in every call shape", arguments: levels)
  func sameBits(level: duet_cpu_level) throws {
    let kernels = try #require(ScanKernels(level: level))
    let scalar = try #require(ScanKernels(level: DUET_CPU_SCALAR))
    var random = SeededRandom(seed: 8)
    for dimension in Self.dimensions {
      let set = RowSet(count: 13, dimension: dimension, queryCount: 8, random: &random)
      for storage in RowStorage.floats {
        let all = set.scores(scalar, storage, queryCount: 8, range: 0..<13).map(\.bitPattern)
        let expected = (0..<8).map { Array(all[($0 * 13)..<($0 * 13 + 13)]) }
        for queryCount in 1...8 {
          for range in [0..<13, 1..<2, 3..<12, 5..<5] {
            let scores = set.scores(kernels, storage, queryCount: queryCount, range: range)
            for query in 0..<queryCount {
              let got = scores[(query * range.count)..<((query + 1) * range.count)].map(\.bitPattern)
              #expect(
                got == Array(expected[query][range]), "d=\(dimension) \(storage) \(queryCount) \(range)")
            }
          }
        }
        for slots: [UInt32] in [
          [12, 0, 7, 7, 3], [4], [], [1, 2, 3, 4], [12, 11, 10, 9, 8, 7, 6, 5, 4, 3],
        ] {
          let scores = set.scores(kernels, storage, slots: slots)
          #expect(scores.map(\.bitPattern) == slots.map { expected[0][Int($0)] })
        }
      }
    }
  }

  @Test("Selection finds exactly what reaches the threshold", arguments: levels)
  func selects(level: duet_cpu_level) throws {
    let kernels = try #require(ScanKernels(level: level))
    var random = SeededRandom(seed: 9)
    for count in [0, 1, 5, 63, 64, 65, 128, 300] {
      for threshold: Float in [-.infinity, -1, 0, 0.5, 2, .infinity] {
        var scores = (0..<count).map { _ in Float(Int.random(in: -4...4, using: &random)) / 4 }
        if count > 2 { scores[2] = .nan }
        if count > 64 { scores[64] = .infinity }
        var indices = [UInt32](repeating: 99, count: count + 1)
        let found = kernels.select(scores, count: count, atLeast: threshold, into: &indices)
        #expect(indices[..<found].map(Int.init) == scores.indices.filter { scores[$0] >= threshold })
        #expect(indices[count] == 99)
      }
    }
  }

  @Test("Every half becomes the float it stands for, and comes back", arguments: levels)
  func widensAllHalves(level: duet_cpu_level) throws {
    let kernels = try #require(ScanKernels(level: level))
    let halves = (0...UInt16.max).map { $0 }
    let widened = widen(halves, kernels)
    for half in halves {
      let expected = halfValue(half)
      let got = widened[Int(half)]
      #expect(expected.isNaN ? got.isNaN : got.bitPattern == expected.bitPattern, "half \(half)")
    }
    let back = narrow(widened, kernels)
    for half in halves where !halfValue(half).isNaN { #expect(back[Int(half)] == half) }
    for half in halves where halfValue(half).isNaN { #expect(halfValue(back[Int(half)]).isNaN) }
  }

  @Test("Narrowing rounds to the nearest half, ties to even", arguments: levels)
  func narrows(level: duet_cpu_level) throws {
    let kernels = try #require(ScanKernels(level: level))
    // Between neighbours a and b: just below, at and just above the middle.
    let positive = (0..<UInt16(0x7BFF)).map { $0 }
    let middles = positive.map { (halfValue($0) + halfValue($0 + 1)) / 2 }
    #expect(narrow(middles, kernels) == positive.map { $0 % 2 == 0 ? $0 : $0 + 1 })
    #expect(narrow(middles.map(\.nextDown), kernels) == positive)
    #expect(narrow(middles.map(\.nextUp), kernels) == positive.map { $0 + 1 })
    #expect(narrow(middles.map { -$0.nextUp }, kernels) == positive.map { ($0 + 1) | 0x8000 })
    #expect(
      narrow([65519.996, 65520, 1e30, .infinity, -.infinity, -0.0, 1e-30], kernels)
        == [0x7BFF, 0x7C00, 0x7C00, 0x7C00, 0xFC00, 0x8000, 0])
  }
}

/// Random rows in both storages, and queries.
private struct RowSet {
  let count: Int
  let dimension: Int
  let queries: [Float]
  let rows: [Float]
  let halves: [UInt16]

  init(count: Int, dimension: Int, queryCount: Int, random: inout SeededRandom) {
    self.count = count
    self.dimension = dimension
    queries = (0..<(queryCount * dimension)).map { _ in random.normal() }
    rows = (0..<(count * dimension)).map { _ in random.normal() }
    halves = narrow(rows, .current)
  }

  func withRows<Result>(_ storage: RowStorage, _ body: (StoredRows) -> Result) -> Result {
    func call(_ bytes: UnsafeRawBufferPointer) -> Result? {
      bytes.baseAddress.map {
        body(StoredRows(base: $0, count: count, dimension: dimension, storage: storage))
      }
    }
    let result =
      storage == .float32 ? rows.withUnsafeBytes(call) : halves.withUnsafeBytes(call)
    guard let result else { preconditionFailure("the set has rows") }
    return result
  }

  func scores(_ kernels: ScanKernels, _ storage: RowStorage, queryCount: Int, range: Range<Int>) -> [Float] {
    withRows(storage) { stored in
      var scores = [Float](repeating: .nan, count: queryCount * range.count)
      kernels.score(
        queries: queries, queryCount: queryCount, rows: stored, range: range, into: &scores,
        stride: range.count)
      return scores
    }
  }

  func scores(_ kernels: ScanKernels, _ storage: RowStorage, slots: [UInt32]) -> [Float] {
    withRows(storage) { stored in
      var scores = [Float](repeating: .nan, count: slots.count)
      slots.withUnsafeBufferPointer { kernels.score(query: queries, rows: stored, slots: $0, into: &scores) }
      return scores
    }
  }

  /// The dot product in double precision, and the sum of the magnitudes of its terms.
  func exact(_ storage: RowStorage, query: Int, row: Int) -> (dot: Double, magnitudes: Double) {
    var dot = 0.0
    var magnitudes = 0.0
    for i in 0..<dimension {
      let value =
        storage == .float32 ? rows[row * dimension + i] : halfValue(halves[row * dimension + i])
      let term = Double(value) * Double(queries[query * dimension + i])
      dot += term
      magnitudes += abs(term)
    }
    return (dot, magnitudes)
  }
}

/// What a binary16 stands for, from its definition.
private func halfValue(_ half: UInt16) -> Float {
  let fraction = Float(half & 0x3FF)
  let exponent = Int(half >> 10 & 0x1F)
  let magnitude: Float =
    switch exponent {
    case 0: fraction * 0x1p-24
    case 31: fraction == 0 ? .infinity : .nan
    default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
    }
  return half & 0x8000 == 0 ? magnitude : -magnitude
}

private func widen(_ halves: [UInt16], _ kernels: ScanKernels) -> [Float] {
  [Float](unsafeUninitializedCapacity: halves.count) { output, count in
    halves.withUnsafeBytes { bytes in
      guard let from = bytes.baseAddress, let to = output.baseAddress else { return }
      let rows = StoredRows(base: from, count: halves.count, dimension: 1, storage: .float16)
      kernels.widen(rows, range: 0..<halves.count, into: to)
    }
    count = halves.count
  }
}

private func narrow(_ values: [Float], _ kernels: ScanKernels) -> [UInt16] {
  [UInt16](unsafeUninitializedCapacity: values.count) { output, count in
    if let to = output.baseAddress { kernels.narrow(values, count: values.count, into: to) }
    count = values.count
  }
}
