// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra

/// One matrix product of given size and engine, over and over.
final class Product {
  let name: String
  let gigaflops: Double
  private let engine: GEMM.Engine
  private let a: Matrix
  private let b: WeightMatrix
  private var c: Matrix

  init(rows: Int, columns: Int, depth: Int, engine: GEMM.Engine) {
    var numbers = RandomNumbers(seed: 3)
    name = "SGEMM \(rows) x \(columns) x \(depth), \(engine == .blas ? "BLAS" : "our kernels")"
    gigaflops = 2e-9 * Double(rows) * Double(columns) * Double(depth)
    self.engine = engine
    a = Matrix(rows: rows, columns: depth, values: (0..<rows * depth).map { _ in numbers.next() })
    b = WeightMatrix(rows: columns, columns: depth, values: (0..<columns * depth).map { _ in numbers.next() })
    c = Matrix(rows: rows, columns: columns)
  }

  func run() { GEMM.multiply(a, b, into: &c, engine: engine) }
}

/// One product with packed weights of given size and precision, over and over, rounding included.
final class PackedProduct {
  let name: String
  let gigaflops: Double
  private var a = Activations()
  private let b: PackedMatrix
  private var c: Matrix

  init(rows: Int, columns: Int, depth: Int, precision: Precision) {
    var numbers = RandomNumbers(seed: 3)
    name = "\(precision.rawValue) product \(rows) x \(columns) x \(depth)"
    gigaflops = 2e-9 * Double(rows) * Double(columns) * Double(depth)
    a.matrix = Matrix(rows: rows, columns: depth, values: (0..<rows * depth).map { _ in numbers.next() })
    let weights = (0..<columns * depth).map { _ in numbers.next() as Float }
    b = PackedMatrix(
      packing: [WeightMatrix(rows: columns, columns: depth, values: weights)], precision: precision)
    c = Matrix(rows: rows, columns: columns)
  }

  func run() {
    a.round(to: b.precision)
    GEMM.multiply(a, b, into: &c)
  }
}
