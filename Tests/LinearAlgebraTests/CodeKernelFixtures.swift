// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import TestSupport

/// All multiples of 64 up to more than any model has, across the widths at which sums are folded.
let codeDimensions = Array(stride(from: 64, through: 2112, by: 64)) + [4096]

/// The bits of a number; every NaN has the same.
func sameBits(_ value: Float) -> UInt32 { value.isNaN ? Float.nan.bitPattern : value.bitPattern }

/// A number that only a damaged file holds.
func hostile(_ random: inout SeededRandom) -> Float {
  let values: [Float] = [
    .nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e38,
  ]
  return values[Int.random(in: values.indices, using: &random)]
}

/// Kernels that this machine can run, beside their scalar twins.
struct CodeTables: Sendable, CustomStringConvertible {
  let kernels: CodeKernels
  let scalar: CodeKernels
  let description: String

  /// Each level, with and without what this CPU has beyond it.
  static let all: [CodeTables] = [DUET_CPU_SCALAR, DUET_CPU_AVX2, DUET_CPU_AVX512, DUET_CPU_NEON].flatMap {
    level in
    [true, false].compactMap { plain in
      guard let kernels = CodeKernels(level: level, plain: plain),
        let scalar = CodeKernels(level: DUET_CPU_SCALAR)
      else { return nil }
      let name = String(cString: duet_cpu_name(level))
      return CodeTables(
        kernels: kernels, scalar: scalar, description: plain ? name : "\(name), all this CPU has")
    }
  }

  /// The codes and scale of `x`.
  func quantize(_ x: [Float]) -> (codes: [Int8], scale: Float) {
    var codes = [Int8](repeating: 99, count: x.count + 1)
    let scale = kernels.quantize(x, count: x.count, into: &codes)
    precondition(codes.removeLast() == 99, "written past the end")
    return (codes, scale)
  }
}

/// Random int8 rows, -128 among them, with a few hostile scales, and queries.
struct CodeSet {
  let count: Int
  let dimension: Int
  let queries: [Int8]
  let queryScales: [Float]
  let codes: [Int8]
  let codeScales: [Float]
  private let sums: [[Int32]]

  init(count: Int, queryCount: Int, dimension: Int, random: inout SeededRandom) {
    self.count = count
    self.dimension = dimension
    queries = (0..<(queryCount * dimension)).map {
      $0 < dimension ? -127 : Int8.random(in: -127...127, using: &random)
    }
    queryScales = (0..<queryCount).map { _ in random.normal() }
    codes = (0..<(count * dimension)).map {
      $0 < dimension ? -128 : Int8.random(in: -128...127, using: &random)
    }
    codeScales = (0..<count).map { $0 % 9 == 5 ? hostile(&random) : random.normal() }
    sums = (0..<queryCount).map { [queries, codes] query in
      (0..<count).map { row in Self.dot(queries, at: query * dimension, codes, at: row * dimension, dimension)
      }
    }
  }

  private static func dot(_ a: [Int8], at i: Int, _ b: [Int8], at j: Int, _ dimension: Int) -> Int32 {
    var sum: Int32 = 0
    for index in 0..<dimension { sum += Int32(a[i + index]) * Int32(b[j + index]) }
    return sum
  }

  /// The bits of the scores, queries one after another; what lies between them must stay as it was.
  func scores(_ kernels: CodeKernels, queryCount: Int, range: Range<Int>) -> [UInt32] {
    let stride = range.count + 3
    var scores = [Float](repeating: 12345, count: queryCount * stride)
    codes.withUnsafeBufferPointer { codes in
      codeScales.withUnsafeBufferPointer { scales in
        guard let codes = codes.baseAddress, let scales = scales.baseAddress else { return }
        kernels.score(
          queries: queries, scales: queryScales, queryCount: queryCount,
          codes: codes + range.lowerBound * dimension,
          codeScales: scales + range.lowerBound, count: range.count, dimension: dimension, into: &scores,
          stride: stride)
      }
    }
    let gaps = (0..<queryCount).flatMap { scores[($0 * stride + range.count)..<(($0 + 1) * stride)] }
    precondition(gaps.allSatisfy { $0 == 12345 }, "written between the scores")
    return (0..<queryCount).flatMap { scores[($0 * stride)..<($0 * stride + range.count)].map(sameBits) }
  }

  func expectedScores(queryCount: Int, range: Range<Int>) -> [UInt32] {
    (0..<queryCount).flatMap { query in
      range.map { row in sameBits(Float(sums[query][row]) * (codeScales[row] * queryScales[query])) }
    }
  }
}

/// The lookup table of a query.
struct LookupBytes: Equatable {
  let entries: [UInt8]
  let step: Float
  let low: Float

  init(entries: [UInt8], step: Float, low: Float) {
    self.entries = entries
    self.step = step
    self.low = low
  }

  init(_ query: [Float], _ kernels: CodeKernels) {
    var entries = [UInt8](repeating: 0, count: 4 * query.count)
    (step, low) = kernels.makeLookupTable(query, dimension: query.count, into: &entries)
    self.entries = entries
  }

  static func == (a: Self, b: Self) -> Bool {
    a.entries == b.entries && sameBits(a.step) == sameBits(b.step) && sameBits(a.low) == sameBits(b.low)
  }
}

/// One encoded block and what it was made of.
struct CodeBlock {
  let count: Int
  let dimension: Int
  let bytes: [UInt8]
  private let residuals: [Float]

  init(count: Int, dimension: Int, _ kernels: CodeKernels, random: inout SeededRandom) {
    let residuals = (0..<(count * dimension)).map { $0 % 97 == 3 ? 0 : random.normal() }
    self.init(residuals: residuals, count: count, dimension: dimension, kernels)
  }

  init(residuals: [Float], count: Int, dimension: Int, _ kernels: CodeKernels) {
    self.count = count
    self.dimension = dimension
    self.residuals = residuals
    bytes = Self.encode(residuals, count, dimension, kernels)
  }

  func encoded(by kernels: CodeKernels) -> [UInt8] { Self.encode(residuals, count, dimension, kernels) }

  private static func encode(_ residuals: [Float], _ count: Int, _ dimension: Int, _ kernels: CodeKernels)
    -> [UInt8]
  {
    var block = [UInt8](repeating: 0xA5, count: CodeKernels.blockSize(dimension: dimension))
    kernels.encodeBlock(residuals, ids: Array(0..<UInt32(count)), dimension: dimension, into: &block)
    return block
  }

  /// Residual `v`; empty from `count` on.
  func row(_ v: Int) -> [Float] {
    v < count ? Array(residuals[(v * dimension)..<((v + 1) * dimension)]) : []
  }

  var factors: [Float] {
    bytes.withUnsafeBytes { bytes in
      (0..<32).map { bytes.loadUnaligned(fromByteOffset: 4 * dimension + 4 * $0, as: Float.self) }
    }
  }

  /// The bits of vector `v`, read by the format's definition.
  func signs(_ v: Int) -> [Bool] {
    (0..<dimension).map { bytes[$0 / 4 * 16 + v % 16] >> (v / 16 * 4 + $0 % 4) & 1 == 1 }
  }
}

/// Blocks of random codes, with factors and ids that a damaged file may hold.
struct CodeBlocks {
  let count: Int
  let dimension: Int
  let bytes: [UInt8]

  init(_ block: CodeBlock) {
    count = 1
    dimension = block.dimension
    bytes = block.bytes
  }

  init(count: Int, dimension: Int, random: inout SeededRandom) {
    self.count = count
    self.dimension = dimension
    let size = CodeKernels.blockSize(dimension: dimension)
    // One byte more, so that no blocks have an address too.
    var bytes = (0...(count * size)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    bytes.withUnsafeMutableBytes { bytes in
      for place in 0..<(32 * count) {
        let rest = place / 32 * size + 4 * dimension + place % 32 * 4
        let factor = place % 7 == 3 ? hostile(&random) : random.normal() / 100
        let id =
          place % 11 == 5 ? UInt32.max - UInt32(place % 3) : UInt32.random(in: 0..<1000, using: &random)
        bytes.storeBytes(of: factor, toByteOffset: rest, as: Float.self)
        bytes.storeBytes(of: id, toByteOffset: rest + 128, as: UInt32.self)
      }
    }
    self.bytes = bytes
  }
}

/// One call of the scan, and what it must give.
struct CodeScan {
  let slope, offset, base, threshold: Float
  let idCount: Int
  let capacity: Int
  let allowed: [UInt64]?

  struct Found: Equatable {
    let score: UInt32
    let id: UInt32
  }
  struct Result: Equatable {
    let found: [Found]
    let blockCount: Int
  }

  func run(_ table: LookupBytes, _ blocks: CodeBlocks, _ kernels: CodeKernels) -> Result {
    var room = [Candidate](repeating: Candidate(score: 12345, id: 12345), count: capacity + 1)
    let (count, done) = room.withUnsafeMutableBufferPointer { room in
      blocks.bytes.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return (0, 0) }
        func scan(_ allowed: UnsafePointer<UInt64>?) -> (count: Int, blockCount: Int) {
          kernels.scan(
            table.entries, dimension: blocks.dimension, blocks: start, blockCount: blocks.count, slope: slope,
            offset: offset, base: base, threshold: threshold, allowed: allowed, idCount: idCount,
            into: UnsafeMutableBufferPointer(rebasing: room[..<capacity]))
        }
        guard let allowed else { return scan(nil) }
        return allowed.withUnsafeBufferPointer { scan($0.baseAddress) }
      }
    }
    precondition(room[capacity] == Candidate(score: 12345, id: 12345), "written past the end")
    return Result(found: room[..<count].map { Found(score: sameBits($0.score), id: $0.id) }, blockCount: done)
  }

  func expected(_ table: LookupBytes, _ blocks: CodeBlocks) -> Result {
    var found: [Found] = []
    var block = 0
    while block < blocks.count, capacity - found.count >= 32 {
      for v in 0..<32 {
        let (sum, factor, id) = read(table, blocks, block, v)
        let inner = slope * Float(sum) + offset
        let score = base + factor * inner
        guard score > threshold, id < idCount, isAllowed(Int(id)) else { continue }
        found.append(Found(score: sameBits(score), id: id))
      }
      block += 1
    }
    return Result(found: found, blockCount: block)
  }

  private func isAllowed(_ id: Int) -> Bool { allowed.map { $0[id / 64] >> (id % 64) & 1 == 1 } ?? true }

  private func read(_ table: LookupBytes, _ blocks: CodeBlocks, _ block: Int, _ v: Int) -> (
    Int, Float, UInt32
  ) {
    let start = block * CodeKernels.blockSize(dimension: blocks.dimension)
    var sum = 0
    for m in 0..<(blocks.dimension / 4) {
      let nibble = blocks.bytes[start + 16 * m + v % 16] >> (v / 16 * 4) & 15
      sum += Int(table.entries[16 * m + Int(nibble)])
    }
    let rest = start + 4 * blocks.dimension + 4 * v
    return blocks.bytes.withUnsafeBytes {
      (
        sum, $0.loadUnaligned(fromByteOffset: rest, as: Float.self),
        $0.loadUnaligned(fromByteOffset: rest + 128, as: UInt32.self)
      )
    }
  }
}
