// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite struct `Attention over a batch` {
  static let headDimensions = [1, 8, 32, 48, 64, 72, 80]
  static let lengths = [1, 5, 16, 17, 50, 2]

  /// softmax(q · kᵀ / √d) · v by the definition, in double precision; `input` is `[tokens, 3 · heads · d]`.
  static func reference(_ input: [Float], lengths: [Int], heads: Int, dimension: Int, isCausal: Bool)
    -> [Double]
  {
    let width = heads * dimension
    var output: [Double] = []
    var first = 0
    for length in lengths {
      for query in 0..<length {
        for head in 0..<heads {
          let value = { (token: Int, part: Int, i: Int) in
            Double(input[(first + token) * 3 * width + part * width + head * dimension + i])
          }
          let keys = 0..<(isCausal ? query + 1 : length)
          let scores = keys.map { key in
            (0..<dimension).map { value(query, 0, $0) * value(key, 1, $0) }.reduce(0, +)
              / Double(dimension).squareRoot()
          }
          let largest = scores.max() ?? 0
          let weights = scores.map { exp($0 - largest) }
          let total = weights.reduce(0, +)
          for i in 0..<dimension {
            output.append(zip(keys, weights).map { value($0, 2, i) * $1 }.reduce(0, +) / total)
          }
        }
      }
      first += length
    }
    return output
  }

  @Test(arguments: headDimensions, [false, true])
  func `agrees with the definition on ragged lengths`(dimension: Int, isCausal: Bool) {
    var random = SeededRandom(seed: UInt64(dimension))
    let tokens = Self.lengths.reduce(0, +)
    let input = random.values(tokens * 6 * dimension)
    let attention = Attention(headCount: 2, headDimension: dimension, isCausal: isCausal)
    var scratch = Matrix()
    var output = Matrix()
    attention.apply(
      Matrix(rows: tokens, columns: 6 * dimension, values: input), lengths: Self.lengths, scratch: &scratch,
      into: &output)
    let expected = Self.reference(
      input, lengths: Self.lengths, heads: 2, dimension: dimension, isCausal: isCausal)
    #expect(output.rows == tokens && output.columns == 2 * dimension)
    #expect((zip(output.array(), expected).map { relativeError($0, $1, scale: 1) }.max() ?? 1) < 3e-6)
  }

  @Test(arguments: cpuLevels, [false, true])
  func `agrees with the definition at every level`(level: duet_cpu_level, isCausal: Bool) throws {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: 11)
    for dimension in [3, 16, 64, 72] {
      for length in [1, 3, 4, 6, 7, 15, 16, 33, 70] {
        let input = random.values(length * 3 * dimension)
        let expected = Self.reference(
          input, lengths: [length], heads: 1, dimension: dimension, isCausal: isCausal)
        var output = [Float](repeating: 9, count: length * (dimension + 1))
        var scratch = Matrix(rows: 1, columns: duet_attention_scratch(length, dimension))
        scratch.fill(.nan)
        var target = scratch.mutableSpan
        input.withUnsafeBufferPointer { input in
          output.withUnsafeMutableBufferPointer { output in
            target.withUnsafeMutableBufferPointer { scratch in
              guard let from = input.baseAddress else { return }
              var head = duet_attention_head(
                q: from, q_stride: 3 * dimension, q_rows: length, k: from + dimension,
                v: from + 2 * dimension,
                kv_stride: 3 * dimension, key_count: length, head_dim: dimension,
                scale: 1 / Float(dimension).squareRoot(), first_visible: isCausal ? 1 : length,
                visible_step: isCausal ? 1 : 0, out: output.baseAddress, out_stride: dimension + 1,
                scratch: scratch.baseAddress)
              kernels.attention(&head)
            }
          }
        }
        var worst = 0.0
        for row in 0..<length {
          #expect(output[row * (dimension + 1) + dimension] == 9, "wrote beside the head")
          for i in 0..<dimension {
            let value = output[row * (dimension + 1) + i]
            worst = max(worst, relativeError(value, expected[row * dimension + i], scale: 1))
          }
        }
        #expect(worst < 3e-6)
      }
    }
  }

  @Test(arguments: [false, true]) func `of one pooled token equals that token's of the whole`(isCausal: Bool)
  {
    var random = SeededRandom(seed: 7)
    let (heads, dimension) = (3, 64)
    let width = heads * dimension
    let tokens = Self.lengths.reduce(0, +)
    let input = random.values(tokens * 3 * width)
    let attention = Attention(headCount: heads, headDimension: dimension, isCausal: isCausal)
    var scratch = Matrix()
    var whole = Matrix()
    attention.apply(
      Matrix(rows: tokens, columns: 3 * width, values: input), lengths: Self.lengths, scratch: &scratch,
      into: &whole)

    let positions = Self.lengths.map { $0 / 2 }
    let starts = Self.lengths.indices.map { Self.lengths[..<$0].reduce(0, +) }
    var queries: [Float] = []
    for (start, position) in zip(starts, positions) {
      queries += input[(start + position) * 3 * width..<(start + position) * 3 * width + width]
    }
    var keyValue: [Float] = []
    for token in 0..<tokens { keyValue += input[token * 3 * width + width..<(token + 1) * 3 * width] }
    var pooled = Matrix()
    attention.applyPooled(
      queries: Matrix(rows: positions.count, columns: width, values: queries),
      keyValue: Matrix(rows: tokens, columns: 2 * width, values: keyValue),
      lengths: Self.lengths, positions: positions, scratch: &scratch, into: &pooled)
    for (index, (start, position)) in zip(starts, positions).enumerated() {
      #expect(pooled.rowArray(index) == whole.rowArray(start + position))
    }
  }

  @Test func `gives a sequence the same bits alone, in company and on one thread`() {
    var random = SeededRandom(seed: 9)
    let (width, attention) = (128, Attention(headCount: 2, headDimension: 64, isCausal: true))
    let input = random.values(30 * 3 * width)
    let run: @Sendable ([Float], [Int]) -> [Float] = { input, lengths in
      var scratch = Matrix()
      var output = Matrix()
      attention.apply(
        Matrix(rows: lengths.reduce(0, +), columns: 3 * width, values: input), lengths: lengths,
        scratch: &scratch,
        into: &output)
      return output.array()
    }
    let together = run(input, [7, 20, 3])
    let alone = run(Array(input[7 * 3 * width..<27 * 3 * width]), [20])
    #expect(Array(together[7 * width..<27 * width]) == alone)
    ComputePool.shared.forEach(2 * ComputePool.shared.threadCount) { _ in
      #expect(run(input, [7, 20, 3]) == together)
    }
  }
}
