// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite struct `Transformer kernels` {
  @Test(arguments: cpuLevels) func `exp is accurate to 2e-7 and saturates`(level: duet_cpu_level) throws {
    let kernels = try kernels(level)
    let x = stride(from: Float(-87.3), through: 88.7, by: 0.00731).map { $0 }
    var y = [Float](repeating: 0, count: x.count)
    kernels.exp(x, &y, x.count)
    let worst = zip(x, y).map { relativeError($1, exp(Double($0))) }.max() ?? 1
    #expect(worst < 2e-7, "largest relative error \(worst)")

    let edges: [Float] = [0, -0.0, -88, -1000, -.infinity, 89, 1000, .infinity, .nan]
    var atEdges = [Float](repeating: 7, count: edges.count)
    kernels.exp(edges, &atEdges, edges.count)
    #expect(Array(atEdges.prefix(8)) == [1, 1, 0, 0, 0, .infinity, .infinity, .infinity])
    #expect(atEdges[8].isNaN)
  }

  @Test(arguments: cpuLevels) func `erf is accurate to 3e-7, odd, and saturates`(level: duet_cpu_level) throws
  {
    let kernels = try kernels(level)
    let x = stride(from: Float(-6), through: 6, by: 0.000731).map { $0 } + [1e-30, 1e-10, -1e-20]
    var y = [Float](repeating: 0, count: x.count)
    kernels.erf(x, &y, x.count)
    let worst = zip(x, y).map { relativeError($1, erf(Double($0))) }.max() ?? 1
    #expect(worst < 3e-7, "largest relative error \(worst)")

    let edges: [Float] = [0, -0.0, 100, -100, .infinity, -.infinity, .nan]
    var atEdges = [Float](repeating: 7, count: edges.count)
    kernels.erf(edges, &atEdges, edges.count)
    #expect(Array(atEdges.prefix(6)) == [0, 0, 1, -1, 1, -1])
    #expect(atEdges[1].sign == .minus)
    #expect(atEdges[6].isNaN)
  }

  @Test(arguments: cpuLevels, [1, 3, 4, 15, 16, 17, 33, 64, 100])
  func `activations agree with their definition, with and without bias`(level: duet_cpu_level, columns: Int)
    throws
  {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: UInt64(columns))
    let definitions: [(duet_activation, (Double) -> Double)] = [
      (DUET_ACTIVATION_NONE, { $0 }),
      (DUET_ACTIVATION_QUICK_GELU, { $0 / (1 + exp(-1.702 * $0)) }),
      (DUET_ACTIVATION_GELU, { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }),
      (
        DUET_ACTIVATION_GELU_TANH,
        { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
      ),
    ]
    let (rows, stride) = (3, columns + 5)
    let bias = random.values(columns)
    for (activation, definition) in definitions {
      for usesBias in [false, true] {
        let x = random.values(rows * stride).map { $0 * 4 }
        var y = x
        kernels.bias_activation(&y, stride, rows, columns, usesBias ? bias : nil, activation)
        var worst = 0.0
        for index in y.indices {
          let column = index % stride
          guard column < columns else {
            #expect(y[index] == x[index], "wrote beside the matrix")
            continue
          }
          let sum = x[index] + (usesBias ? bias[column] : 0)
          let scale = max(1e-3, Double(abs(sum)))
          worst = max(worst, relativeError(y[index], definition(Double(sum)), scale: scale))
        }
        #expect(worst < 5e-7)
      }
    }
  }

  @Test(arguments: cpuLevels, [1, 2, 7, 16, 31, 64, 65, 200, 768])
  func `norms and softmax agree with their definition`(level: duet_cpu_level, columns: Int) throws {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: UInt64(columns))
    let (rows, stride) = (3, columns + 3)
    let x = random.values(rows * stride).map { $0 * 3 + 2 }
    let gain = random.values(columns)
    let bias = random.values(columns)
    var normed = x
    var softmaxed = x
    var unit = x
    kernels.layer_norm(x, stride, &normed, stride, rows, columns, gain, bias, 1e-5)
    kernels.softmax(&softmaxed, stride, rows, columns)
    kernels.normalize(&unit, stride, rows, columns)
    var worst = 0.0
    for row in 0..<rows {
      let values = (0..<columns).map { Double(x[row * stride + $0]) }
      let mean = values.reduce(0, +) / Double(columns)
      let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(columns)
      let largest = values.max() ?? 0
      let total = values.map { exp($0 - largest) }.reduce(0, +)
      let length = values.map { $0 * $0 }.reduce(0, +).squareRoot()
      for column in 0..<columns {
        let index = row * stride + column
        let expected =
          (values[column] - mean) / (variance + 1e-5).squareRoot() * Double(gain[column])
          + Double(bias[column])
        worst = max(worst, relativeError(normed[index], expected, scale: 3))
        worst = max(worst, relativeError(softmaxed[index], exp(values[column] - largest) / total))
        worst = max(worst, relativeError(unit[index], values[column] / length))
      }
      for beside in columns..<stride {
        let index = row * stride + beside
        #expect(normed[index] == x[index] && softmaxed[index] == x[index] && unit[index] == x[index])
      }
    }
    #expect(worst < 2e-6)
  }

  @Test(arguments: cpuLevels) func `softmax and norm survive extremes`(level: duet_cpu_level) throws {
    let kernels = try kernels(level)
    var large: [Float] = [3e38, 3e38, -3e38, -.infinity]
    kernels.softmax(&large, 4, 1, 4)
    #expect(large == [0.5, 0.5, 0, 0])
    var zeros = [Float](repeating: 0, count: 5)
    kernels.normalize(&zeros, 5, 1, 5)
    #expect(zeros == [0, 0, 0, 0, 0])
  }

  @Test(arguments: cpuLevels, [0, 1, 3, 8, 17, 63, 64, 129, 1000])
  func `dot and add agree with their definition`(level: duet_cpu_level, count: Int) throws {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: UInt64(count))
    let x = random.values(count)
    let y = random.values(count)
    let terms = zip(x, y).map { Double($0) * Double($1) }
    let magnitude = terms.map { abs($0) }.reduce(1, +)
    #expect(relativeError(kernels.dot(x, y, count), terms.reduce(0, +), scale: magnitude) < 1e-6)
    var sum = x
    kernels.add(&sum, y, count)
    #expect(sum == zip(x, y).map { $0 + $1 })
  }

  @Test(arguments: cpuLevels) func `all 65,536 halves widen exactly`(level: duet_cpu_level) throws {
    let kernels = try kernels(level)
    let patterns = (0...UInt16.max).map { $0 }
    var halves = [Float](repeating: 0, count: patterns.count)
    var brains = halves
    kernels.widen_f16(patterns, &halves, patterns.count)
    kernels.widen_bf16(patterns, &brains, patterns.count)
    let wrong = patterns.filter { pattern in
      let exponent = Int(pattern >> 10 & 31)
      let mantissa = Double(pattern & 1023)
      let value = halves[Int(pattern)]
      let isRight =
        switch exponent {
        case 31: mantissa == 0 ? value.isInfinite : value.isNaN
        case 0: Double(value.magnitude) == mantissa * 0x1p-24  // subnormal: no hidden bit
        default: Double(value.magnitude) == (1024 + mantissa) * exp2(Double(exponent - 25))
        }
      return !isRight || value.sign != (pattern >> 15 == 1 ? .minus : .plus)
        || brains[Int(pattern)].bitPattern != UInt32(pattern) << 16
    }
    #expect(wrong == [])
  }

  @Test(arguments: cpuLevels) func `a tail of halves is converted and nothing after it`(level: duet_cpu_level)
    throws
  {
    let kernels = try kernels(level)
    for count in 0..<40 {
      var target = [Float](repeating: 9, count: 41)
      kernels.widen_f16([UInt16](repeating: 0x3C00, count: count), &target, count)
      #expect(target == [Float](repeating: 1, count: count) + [Float](repeating: 9, count: 41 - count))
    }
  }
}
