// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite struct `Matrices and weights` {
  /// Memory as a mapped file would hold it.
  final class Bytes: Sendable {
    nonisolated(unsafe) let base: UnsafeMutableRawPointer  // written in init only

    init(_ bytes: [UInt8]) {
      base = .allocate(byteCount: bytes.count, alignment: 64)
      base.copyMemory(from: bytes, byteCount: bytes.count)
    }

    deinit { base.deallocate() }
  }

  @Test func `Rows are read, written, gathered and added`() {
    var matrix = Matrix(rows: 3, columns: 2, values: [1, 2, 3, 4, 5, 6])
    #expect(matrix[2, 1] == 6)
    matrix[0, 1] = 7
    var row = matrix.mutableRow(1)
    row[0] = 8
    #expect(matrix.array() == [1, 7, 8, 4, 5, 6])
    #expect(matrix.row(1).count == 2 && matrix.span[2] == 8)
    var picked = Matrix()
    picked.gather([2, 0, 2], from: matrix)
    #expect(picked.array() == [5, 6, 1, 7, 5, 6])
    picked.add(matrix)
    #expect(picked.array() == [6, 13, 9, 11, 10, 12])
    picked.setRow(0, to: matrix.row(2))
    picked.addToRow(0, matrix.row(0))
    #expect(picked.rowArray(0) == [6, 13])
  }

  @Test func `A matrix resized to something smaller keeps its memory`() {
    var matrix = Matrix(rows: 10, columns: 10)
    let before = matrix.span.withUnsafeBufferPointer { $0.baseAddress }
    #expect(Int(bitPattern: before) % 64 == 0)
    matrix.resize(rows: 4, columns: 25)
    #expect(matrix.span.withUnsafeBufferPointer { $0.baseAddress } == before)
    matrix.resize(rows: 11, columns: 10)
    #expect(matrix.rows == 11 && matrix.span.count == 110 && matrix[10, 9] == 0)
  }

  @Test func `Mapped floats are used in place, at odd addresses copied, halves converted`() {
    let values: [Float] = [1, -2, 0.5, 65504, 6e-8, -0.25]
    let floats = values.withUnsafeBytes { [UInt8]($0) }
    let owner = Bytes(floats)
    let inPlace = WeightMatrix(
      mapped: owner.base, byteOffset: 8, rows: 2, columns: 2, type: .float32, owner: owner)
    #expect(
      inPlace.row(0).withUnsafeBufferPointer { UnsafeRawPointer($0.baseAddress) }
        == UnsafeRawPointer(owner.base + 8))
    #expect(inPlace.row(1)[0] == 6e-8 && inPlace.rows(1..<2).row(0)[1] == -0.25)

    let odd = Bytes([0, 0, 0] + floats)
    let copied = WeightMatrix(
      mapped: odd.base, byteOffset: 3, rows: 3, columns: 2, type: .float32, owner: odd)
    #expect(copied.row(1)[1] == 65504)
    #expect(copied.transposed().row(0)[2] == 6e-8)

    let halves = Bytes([0xFF, 0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00])
    let vector = WeightVector(mapped: halves.base, byteOffset: 1, count: 4, type: .float16, owner: halves)
    #expect((0..<4).map { vector[$0] } == [1, -2, 65504, 0x1p-24])
    let table = EmbeddingTable(
      mapped: halves.base, byteOffset: 1, rows: 2, columns: 2, type: .bfloat16, owner: halves)
    var rows = Matrix(rows: 2, columns: 2)
    table.copyRow(0, to: &rows, row: 1)
    #expect(rows[1, 0].bitPattern == 0x3C00_0000 && rows[1, 1].bitPattern == 0xC000_0000)
  }

  @Test func `Large halves are converted in pieces`() {
    let count = 600_001
    let owner = Bytes((0..<count).flatMap { [UInt8(truncatingIfNeeded: $0), 0x3C] })
    let vector = WeightVector(mapped: owner.base, byteOffset: 0, count: count, type: .float16, owner: owner)
    #expect((0..<count).allSatisfy { vector[$0] == 1 + Float($0 % 256) / 1024 })
  }

  @Test func `A layer norm in place equals one into another matrix`() {
    var random = SeededRandom(seed: 1)
    let norm = LayerNorm(
      gain: WeightVector(random.values(40)), bias: WeightVector(random.values(40)), epsilon: 1e-5)
    var x = Matrix(rows: 130, columns: 40, values: random.values(130 * 40))
    var y = Matrix()
    norm.apply(x, into: &y)
    norm.apply(to: &x)
    #expect(x.array() == y.array())
    x.normalizeRows()
    #expect(abs(VectorMath.dot(x.row(129), x.row(129)) - 1) < 1e-6)
    #expect(VectorMath.normalized(y.rowArray(7)) == x.rowArray(7))
    y.applySoftmax()
    #expect(abs(y.rowArray(77).reduce(0, +) - 1) < 1e-5)
  }

  @Test func `Patches follow the order of a convolution's weights`() {
    // 5 × 4 pixels and patches of 2: the fifth column fits no patch.
    let (width, height) = (5, 4)
    let pixels = (0..<3 * width * height).map { UInt8($0) }
    let normalization = PixelNormalization(mean: [0.5, 0.25, 0], deviation: [0.5, 1, 2])
    var patches = Matrix(rows: 5, columns: 12)
    patches.fill(9)
    patches.gatherPatches(
      pixels, width: width, height: height, patchSize: 2, normalization: normalization, firstRow: 1)
    #expect(patches.rowArray(0).allSatisfy { $0 == 9 })
    let mean = [0.5, 0.25, 0]
    let deviation = [0.5, 1.0, 2.0]
    var planes = [Float](repeating: 0, count: pixels.count)
    for patch in 0..<4 {
      for (index, value) in patches.rowArray(1 + patch).enumerated() {
        let (channel, y, x) = (index / 4, patch / 2 * 2 + index % 4 / 2, patch % 2 * 2 + index % 2)
        let byte = pixels[3 * (y * width + x) + channel]
        #expect(relativeError(value, (Double(byte) / 255 - mean[channel]) / deviation[channel]) < 1e-6)
        #expect(value == normalization[channel, byte])
        planes[(channel * height + y) * width + x] = value
      }
    }
    var fromPlanes = Matrix(rows: 4, columns: 12)
    fromPlanes.gatherPatches(planes: planes, width: width, height: height, patchSize: 2)
    #expect(fromPlanes.array() == Array(patches.array()[12...]))
  }
}
