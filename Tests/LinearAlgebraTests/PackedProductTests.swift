// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import TestSupport
import Testing

/// The kernels of one CPU level: with and without BF16, where this machine has it.
struct PackedLevel: CustomTestStringConvertible {
  let level: duet_cpu_level
  let isPlain: Bool

  static let all = cpuLevels.flatMap { level in [false, true].map { PackedLevel(level: level, isPlain: $0) } }

  var kernels: duet_packed_kernels {
    get throws {
      try #require(isPlain ? duet_packed_kernels_plain_for(level) : duet_packed_kernels_for(level)).pointee
    }
  }

  var testDescription: String { String(cString: duet_cpu_name(level)) + (isPlain ? ", plain" : "") }
}

/// The nearest bfloat16, ties to even, by the definition.
private func bfloat16(_ x: Float) -> Float {
  guard x.isFinite else { return x }
  let low = Float(bitPattern: x.bitPattern & 0xFFFF_0000)
  let high = Float(bitPattern: low.bitPattern &+ 0x1_0000)
  guard high.isFinite else { return (Double(abs(x)) < 0x1.FFp127) ? low : high }
  let (down, up) = (abs(Double(x) - Double(low)), abs(Double(high) - Double(x)))
  if down == up { return low.bitPattern >> 16 & 1 == 0 ? low : high }
  return down < up ? low : high
}

@Suite struct `Packed products` {
  private static let shapes = [
    (1, 1, 1), (3, 5, 7), (6, 64, 64), (7, 65, 66), (13, 130, 33), (29, 48, 257), (200, 70, 100),
  ]

  @Test(arguments: PackedLevel.all) func `bfloat16 is the nearest, ties to even`(level: PackedLevel) throws {
    let kernels = try level.kernels
    var values: [Float] = [
      0, -0.0, 1, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 0x1.01p0, 0x1.03p0,
      0x1.010002p0, -0x1.01p0, 0x1.FEp-127, 0x1.FF7FFEp127,
    ]
    var random = SeededRandom(seed: 1)
    values += random.values(50)
    var words = [UInt32](repeating: 9, count: (values.count + 1) / 2 + 1)
    kernels.round_bf16(values, values.count, 1, values.count, &words, words.count)
    #expect(words.last == 9, "wrote beside the row")
    for (index, value) in values.enumerated() {
      let half = UInt16(truncatingIfNeeded: words[index / 2] >> (index % 2 * 16))
      #expect(Float(bitPattern: UInt32(half) << 16).bitPattern == bfloat16(value).bitPattern, "\(value)")
    }
    var nan: UInt32 = 0
    kernels.round_bf16([Float(bitPattern: 0x7F80_0001)], 1, 1, 1, &nan, 1)
    #expect(Float(bitPattern: nan << 16).isNaN)
  }

  @Test(arguments: PackedLevel.all) func `bytes are steps between the extremes`(level: PackedLevel) throws {
    let kernels = try level.kernels
    var random = SeededRandom(seed: 2)
    for columns in [1, 3, 4, 15, 16, 17, 64, 103] {
      let rows = 3
      let x = random.values(rows * columns)
      let stride = (columns + 3) / 4
      var codes = [UInt32](repeating: 0, count: rows * stride)
      var scale = [Float](repeating: 0, count: rows), low = scale
      kernels.quantize(x, columns, rows, columns, &codes, stride, &scale, &low)
      for row in 0..<rows {
        let values = x[row * columns..<(row + 1) * columns]
        #expect(low[row] == values.min())
        #expect(abs(low[row] + 255 * scale[row] - (values.max() ?? 0)) < 1e-6)
        for (column, value) in values.enumerated() {
          let code = codes[row * stride + column / 4] >> (column % 4 * 8) & 0xFF
          #expect(abs(low[row] + scale[row] * Float(code) - value) <= scale[row] * 0.5001 + 1e-7)
        }
      }
    }
  }

  @Test(arguments: PackedLevel.all, [[Float.nan, 1], [1, .infinity], [-.infinity, .infinity]])
  func `a row that is not finite is not hidden`(level: PackedLevel, row: [Float]) throws {
    let kernels = try level.kernels
    var code: UInt32 = 0, scale: Float = 0, low: Float = 0
    kernels.quantize(row, 2, 1, 2, &code, 1, &scale, &low)
    #expect(!scale.isFinite)
    var words = [UInt32](repeating: 0, count: 16), weightScale: Float = 0, sum: Float = 0
    duet_pack_int8(row, 1, 2, 0, 1, &words, &weightScale, &sum)
    #expect(!weightScale.isFinite)
  }

  @Test(arguments: PackedLevel.all) func `a row of one number has no steps`(level: PackedLevel) throws {
    let kernels = try level.kernels
    var code: UInt32 = 7, scale: Float = 1, low: Float = 0
    kernels.quantize([2.5, 2.5, 2.5], 3, 1, 3, &code, 1, &scale, &low)
    #expect(scale == 0 && low == 2.5 && code == 0)
  }

  /// The oracle takes the rounded operands apart and adds in double precision.
  @Test(arguments: PackedLevel.all, shapes) func `agree with the definition`(
    level: PackedLevel, shape: (Int, Int, Int)
  ) throws {
    let kernels = try level.kernels
    let (m, n, k) = shape
    var random = SeededRandom(seed: UInt64(m * 1000 + n))
    let (a, b) = (random.values(m * k), random.values(n * k))
    let bias = random.values(n)
    let panels = (n + 15) / 16
    for isInteger in [false, true] {
      let words = (k + (isInteger ? 3 : 1)) / (isInteger ? 4 : 2)
      var packed = [UInt32](repeating: 0, count: panels * words * 16)
      var rows = [UInt32](repeating: 0, count: m * words)
      var (scale, low) = ([Float](repeating: 0, count: m), [Float](repeating: 0, count: m))
      var (weightScale, sum) = ([Float](repeating: 0, count: n), [Float](repeating: 0, count: n))
      if isInteger {
        duet_pack_int8(b, n, k, 0, panels, &packed, &weightScale, &sum)
        kernels.quantize(a, k, m, k, &rows, words, &scale, &low)
      } else {
        duet_pack_bf16(b, n, k, 0, panels, &packed)
        kernels.round_bf16(a, k, m, k, &rows, words)
      }
      func left(_ row: Int, _ i: Int) -> Double {
        guard isInteger else { return Double(bfloat16(a[row * k + i])) }
        let code = rows[row * words + i / 4] >> (i % 4 * 8) & 0xFF
        return Double(low[row]) + Double(scale[row]) * Double(code)
      }
      func right(_ output: Int, _ i: Int) -> Double {
        guard isInteger else { return Double(bfloat16(b[output * k + i])) }
        let word = packed[(output / 16 * words + i / 4) * 16 + output % 16]
        return Double(weightScale[output]) * Double(Int8(truncatingIfNeeded: word >> (i % 4 * 8)))
      }
      for accumulates in [false, true] {
        var c = [Float](repeating: 0.5, count: m * (n + 2))
        var product = duet_packed_product()
        rows.withUnsafeBufferPointer { rows in
          packed.withUnsafeBufferPointer { packed in
            c.withUnsafeMutableBufferPointer { c in
              (product.a, product.a_stride, product.m) = (rows.baseAddress, words, m)
              (product.b, product.n, product.words) = (packed.baseAddress, n, words)
              (product.c, product.c_stride) = (c.baseAddress, n + 2)
              product.accumulates = accumulates ? 1 : 0
              withScales(bias, scale, low, weightScale, sum, &product) {
                (isInteger ? kernels.multiply_int8 : kernels.multiply_bf16)(&$0)
              }
            }
          }
        }
        var worst = 0.0
        for row in 0..<m {
          #expect(c[row * (n + 2) + n] == 0.5 && c[row * (n + 2) + n + 1] == 0.5, "wrote beside the matrix")
          for output in 0..<n {
            let terms = (0..<k).map { left(row, $0) * right(output, $0) }
            let expected = terms.reduce(0, +) + Double(bias[output]) + (accumulates ? 0.5 : 0)
            let magnitude = terms.map { abs($0) }.reduce(1, +)
            worst = max(worst, relativeError(c[row * (n + 2) + output], expected, scale: magnitude))
          }
        }
        #expect(worst < 2e-6, "\(isInteger ? "int8" : "bf16")")
      }
    }
  }

  private func withScales(
    _ bias: [Float], _ scale: [Float], _ low: [Float], _ weightScale: [Float], _ sum: [Float],
    _ product: inout duet_packed_product, _ body: (inout duet_packed_product) -> Void
  ) {
    bias.withUnsafeBufferPointer { bias in
      scale.withUnsafeBufferPointer { scale in
        low.withUnsafeBufferPointer { low in
          weightScale.withUnsafeBufferPointer { weightScale in
            sum.withUnsafeBufferPointer { sum in
              product.bias = bias.baseAddress
              (product.a_scale, product.a_low) = (scale.baseAddress, low.baseAddress)
              (product.b_scale, product.b_sum) = (weightScale.baseAddress, sum.baseAddress)
              body(&product)
            }
          }
        }
      }
    }
  }

  @Test(arguments: [Precision.bfloat16, .int8]) func `stay close to single precision, activation included`(
    precision: Precision
  ) {
    var random = SeededRandom(seed: 7)
    let (m, n, k) = (37, 96, 192)
    let weights = WeightMatrix(rows: n, columns: k, values: random.values(n * k))
    let bias = WeightVector(random.values(n))
    var x = Activations()
    x.matrix = Matrix(rows: m, columns: k, values: random.values(m * k))
    for activation in [nil] + Activation.allCases.map(Optional.some) {
      var exact = Matrix(rows: m, columns: n)
      var packed = Matrix(rows: m, columns: n)
      GEMM.multiply(x.matrix, weights, bias: bias, activation: activation, into: &exact)
      x.round(to: precision)
      GEMM.multiply(
        x, PackedMatrix(packing: [weights], precision: precision), bias: bias, activation: activation,
        into: &packed)
      let (wanted, found) = (exact.array(), packed.array())
      let error = zip(wanted, found).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
      let size = wanted.map { $0 * $0 }.reduce(0, +)
      #expect(error > 0 && (error / size).squareRoot() < (precision == .int8 ? 0.02 : 0.006))
    }
  }

  /// The same text must get the same vector alone and in a batch.
  @Test(arguments: [Precision.bfloat16, .int8], [64, 100, 1030])
  func `give a row the same bits alone and in company`(precision: Precision, k: Int) {
    var random = SeededRandom(seed: 8)
    let (m, n) = (205, 70)
    let weights = PackedMatrix(
      packing: [WeightMatrix(rows: n, columns: k, values: random.values(n * k))], precision: precision)
    let values = random.values(m * k)
    func product(_ rows: Range<Int>) -> [Float] {
      var x = Activations()
      x.matrix = Matrix(
        rows: rows.count, columns: k, values: Array(values[rows.lowerBound * k..<rows.upperBound * k]))
      x.round(to: precision)
      var y = Matrix(rows: rows.count, columns: n)
      GEMM.multiply(x, weights, into: &y)
      return y.array()
    }
    let together = product(0..<m)
    for rows in [0..<1, 7..<12, 100..<165, 204..<205] {
      #expect(product(rows) == Array(together[rows.lowerBound * n..<rows.upperBound * n]), "rows \(rows)")
    }
  }

  @Test(arguments: Precision.allCases, [(32, 16), (10, 21)])
  func `stacked parts are packed as one matrix`(precision: Precision, heights: (Int, Int)) {
    var random = SeededRandom(seed: 9)
    let k = 37
    let first = random.values(heights.0 * k), second = random.values(heights.1 * k)
    let parts = [
      WeightMatrix(rows: heights.0, columns: k, values: first),
      WeightMatrix(rows: heights.1, columns: k, values: second),
    ]
    let whole = WeightMatrix(rows: heights.0 + heights.1, columns: k, values: first + second)
    let (stacked, one) = (
      PackedMatrix(packing: parts, precision: precision), PackedMatrix(packing: [whole], precision: precision)
    )
    #expect(stacked.bytes.byteCount == one.bytes.byteCount && stacked.bytes.byteCount % 64 == 0)
    let equal = stacked.bytes.withUnsafeBytes { a in one.bytes.withUnsafeBytes { a.elementsEqual($0) } }
    #expect(equal)
  }
}
