// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite struct `Matrix products` {
  @Test(
    arguments: [GEMM.Engine.kernels, .blas],
    [(1, 1, 1), (3, 5, 7), (17, 33, 64), (70, 300, 100), (200, 65, 1100), (7, 9, 1024), (4, 4, 0)])
  func `agree with the definition, beside what is there`(engine: GEMM.Engine, shape: (Int, Int, Int)) {
    let (m, n, k) = shape
    var random = SeededRandom(seed: UInt64(m * 1000 + n))
    let a = random.values(m * k)
    let b = random.values(n * k)
    let bias = random.values(n)
    for accumulates in [false, true] {
      var c = Matrix(rows: m, columns: n + 3)
      c.fill(0.5)
      GEMM.multiply(
        Matrix(rows: m, columns: k, values: a), WeightMatrix(rows: n, columns: k, values: b),
        bias: WeightVector(bias), accumulates: accumulates, into: &c, column: 2, engine: engine)
      var worst = 0.0
      for row in 0..<m {
        #expect(c[row, 0] == 0.5 && c[row, 1] == 0.5 && c[row, n + 2] == 0.5)
        for column in 0..<n {
          var sum = (accumulates ? 0.5 : 0) + Double(bias[column])
          var magnitude = 1.0
          for i in 0..<k {
            let term = Double(a[row * k + i]) * Double(b[column * k + i])
            sum += term
            magnitude += abs(term)
          }
          worst = max(worst, relativeError(c[row, column + 2], sum, scale: magnitude))
        }
      }
      #expect(worst < 1e-6)
    }
  }

  @Test(arguments: cpuLevels) func `agree at every level on every remainder`(level: duet_cpu_level) throws {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: 5)
    for m in Array(1...13) + [97, 193, 205, 391] {
      for (n, k) in [(1, 5), (4, 16), (6, 31), (9, 70), (11, 800)] {
        let a = random.values(m * (k + 1))
        let b = random.values(n * (k + 2))
        var c = [Float](repeating: 9, count: m * (n + 1))
        kernels.gemm(a, k + 1, m, b, k + 2, n, k, &c, n + 1, 0)
        var worst = 0.0
        for row in 0..<m {
          #expect(c[row * (n + 1) + n] == 9, "wrote beside the matrix")
          for column in 0..<n {
            let terms = (0..<k).map { Double(a[row * (k + 1) + $0]) * Double(b[column * (k + 2) + $0]) }
            let magnitude = terms.map { abs($0) }.reduce(1, +)
            worst = max(worst, relativeError(c[row * (n + 1) + column], terms.reduce(0, +), scale: magnitude))
          }
        }
        #expect(worst < 1e-6)
      }
    }
  }

  /// The same text must get the same vector alone and in a batch: bits of a row may not depend on the other rows, nor
  /// those of a column on the other columns.
  @Test(arguments: cpuLevels, [64, 100, 768, 1024, 3072])
  func `give a row the same bits alone and in company`(level: duet_cpu_level, k: Int) throws {
    let kernels = try kernels(level)
    var random = SeededRandom(seed: UInt64(k))
    let (m, n) = (205, 13)
    let a = random.values(m * k)
    let b = random.values(n * k)
    var whole = [Float](repeating: 0, count: m * n)
    kernels.gemm(a, k, m, b, k, n, k, &whole, n, 0)
    for row in [0, 1, 5, 6, 95, 96, 107, 108, 191, 192, 204] {
      var alone = [Float](repeating: 0, count: n)
      kernels.gemm(Array(a[row * k..<(row + 1) * k]), k, 1, b, k, n, k, &alone, n, 0)
      #expect(alone == Array(whole[row * n..<(row + 1) * n]))
      for column in [0, 3, 12] {
        var one: Float = 0
        kernels.gemm(
          Array(a[row * k..<(row + 1) * k]), k, 1, Array(b[column * k..<(column + 1) * k]), k, 1, k, &one, 1,
          0)
        #expect(one == alone[column])
      }
    }
  }

  @Test(arguments: [GEMM.Engine.kernels, .blas], [1, 12, 40, 600])
  func `give the same bits on one thread and on all`(engine: GEMM.Engine, rows: Int) {
    var random = SeededRandom(seed: UInt64(rows))
    let (n, k) = (900, 200)
    let a = random.values(rows * k)
    let weights = WeightMatrix(rows: n, columns: k, values: random.values(n * k))
    let product: @Sendable () -> [Float] = {
      var c = Matrix(rows: rows, columns: n)
      GEMM.multiply(
        Matrix(rows: rows, columns: k, values: a), weights, activation: .quickGELU, into: &c, engine: engine)
      return c.array()
    }
    let expected = product()
    // Inside a piece of work that occupies every thread, a product runs on the caller's alone.
    ComputePool.shared.forEach(2 * ComputePool.shared.threadCount) { _ in #expect(product() == expected) }
  }

  @Test(arguments: Activation.allCases) func `apply the activation after the bias`(activation: Activation) {
    var random = SeededRandom(seed: 3)
    let a = Matrix(rows: 20, columns: 30, values: random.values(600))
    let weights = WeightMatrix(rows: 50, columns: 30, values: random.values(1500))
    let bias = WeightVector(random.values(50))
    var fused = Matrix(rows: 20, columns: 50)
    GEMM.multiply(a, weights, bias: bias, activation: activation, into: &fused)
    var separate = Matrix(rows: 20, columns: 50)
    GEMM.multiply(a, weights, bias: bias, into: &separate)
    separate.apply(activation)
    #expect(fused.array() == separate.array())
  }

  @Test func `The library behind BLAS has a name`() {
    #expect(!BLASLibrary.name.isEmpty)
    #expect(BLASLibrary.isReference == (BLASLibrary.name == "reference BLAS (slow)"))
  }

  @Test(arguments: [("quick_gelu", Activation.quickGELU), ("gelu", .gelu), ("gelu_pytorch_tanh", .geluTanh)])
  func `Checkpoints name their activation`(name: String, activation: Activation) {
    #expect(Activation(hiddenAct: name) == activation)
    #expect(Activation(hiddenAct: "relu6") == nil)
  }
}
