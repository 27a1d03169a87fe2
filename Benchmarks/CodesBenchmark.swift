// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import LinearAlgebra

/// The kernels over quantised vectors on one thread, beside the speed at which memory can be read at all.
struct CodesBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "codes", abstract: "Kernels over int8 and 1-bit codes: GB/s beside memory read bandwidth.")

  @Option(help: "Vectors.")
  var count = 200_000

  @Option(help: "Numbers in a vector, a multiple of 64.")
  var dimension = 512

  @Option(help: "Seconds for each group of kernels.")
  var seconds = 4.0

  func validate() throws {
    guard dimension > 0, dimension % 64 == 0 else { throw ValidationError("dimension is a multiple of 64") }
    guard count >= 1024, seconds > 0 else {
      throw ValidationError("count is at least 1,024, seconds above zero")
    }
  }

  func run() throws {
    var machine = MachineOptions()
    machine.threads = 1
    machine.begin()
    print("\(count) x \(dimension), one thread, its CPU time: what other programs take does not count.")
    print("Yardstick: a loop that only adds up, the best of three.\n")
    let table = Table("kernel", "ms", "Mvec/s", "GB/s", "of memory", "G mul-add/s")
    try measureProducts(table)
    try measureScans(table)
    try measurePreparation()
  }

  private func measureProducts(_ table: Table) throws {
    let codes = RandomCodes(count: count, dimension: dimension)
    let (small, queryCounts) = ((256 << 10) / dimension, [1, 2, 4, 8])
    var work: [() throws -> Void] = queryCounts.map { queries in
      { codes.score(queryCount: queries, count: count) }
    }
    work += [1, 8].map { queries in
      { for _ in 0..<100 { codes.score(queryCount: queries, count: small) } }
    }
    work.append { codes.scoreCandidates() }
    let (times, memory) = try medians(work, beside: count * dimension)
    for (queries, time) in zip(queryCounts, times) {
      let products = Double(queries) * Double(count) * Double(dimension)
      row(
        table, "int8, \(queries) at once", time, vectors: count, bytes: dimension, memory, products: products)
    }
    for (queries, time) in zip([1, 8], times[4...]) {
      let products = Double(queries) * Double(small) * Double(dimension)
      row(
        table, "int8, \(queries) at once, 256 KiB", time / 100, vectors: small, bytes: dimension, nil,
        products: products)
    }
    row(
      table, "int8, \(RandomCodes.candidateCount) rows here and there", times[6],
      vectors: RandomCodes.candidateCount, bytes: dimension, nil)
  }

  private func measureScans(_ table: Table) throws {
    let blocks = RandomBlocks(count: count / 32 * 8, dimension: dimension)
    let small = max(1, (512 << 10) / blocks.size)
    let work: [() throws -> Void] = [
      { blocks.scan(first: 0, count: blocks.count, threshold: .infinity) },
      { for _ in 0..<100 { blocks.scan(first: 0, count: small, threshold: .infinity) } },
      { for _ in 0..<100 { blocks.scan(first: 0, count: small, threshold: -.infinity) } },
      {
        for list in 0..<1000 {
          blocks.scan(first: list &* 7919 % (blocks.count - 4), count: 4, threshold: .infinity)
        }
      },
    ]
    let (times, memory) = try medians(work, beside: blocks.count * blocks.size)
    let bytes = blocks.size / 32
    row(table, "1 bit, none pass", times[0], vectors: blocks.count * 32, bytes: bytes, memory)
    row(table, "1 bit, none pass, 512 KiB", times[1] / 100, vectors: small * 32, bytes: bytes, nil)
    row(table, "1 bit, all pass, 512 KiB", times[2] / 100, vectors: small * 32, bytes: bytes, nil)
    row(table, "1 bit, 1,000 lists of 4 blocks", times[3], vectors: 128_000, bytes: bytes, memory)
  }

  /// What is done once a query or once a vector.
  private func measurePreparation() throws {
    let kernels = CodeKernels.current
    var numbers = RandomNumbers(seed: 5)
    let residuals: [Float] = (0..<(32 * dimension)).map { _ in numbers.next() }
    let power = 1 << (Int.bitWidth - 1 - dimension.leadingZeroBitCount)
    var (rotated, codes) = (residuals, [Int8](repeating: 0, count: dimension))
    var entries = [UInt8](repeating: 0, count: 4 * dimension)
    var block = [UInt8](repeating: 0, count: CodeKernels.blockSize(dimension: dimension))
    let ids = Array(0..<UInt32(32))
    let work: [() throws -> Void] = [
      { for _ in 0..<1000 { kernels.hadamard(&rotated, count: power) } },
      { for _ in 0..<1000 { _ = kernels.quantize(residuals, count: dimension, into: &codes) } },
      { for _ in 0..<1000 { _ = kernels.makeLookupTable(residuals, dimension: dimension, into: &entries) } },
      { for _ in 0..<1000 { kernels.encodeBlock(residuals, ids: ids, dimension: dimension, into: &block) } },
    ]
    let times = try medians(work, seconds: seconds / 4)
    print()
    let table = Table("of one vector", "ns")
    for (name, time) in zip(["Hadamard transform of \(power)", "int8 code", "lookup table"], times) {
      table.row(name, (time * 1e6).digits(0))
    }
    table.row("1-bit code and factor, a block at a time", (times[3] * 1e6 / 32).digits(0))
  }

  /// The median times of `work`, and the speed of reading about `byteCount` of memory meanwhile, in bytes per second.
  private func medians(_ work: [() throws -> Void], beside byteCount: Int) throws -> ([Double], Double) {
    let memory = MemoryReader(byteCount: byteCount)
    let readers: [() throws -> Void] = [0, 2048, 8192].map { ahead in { memory.read(ahead: ahead) } }
    let times = try medians(work + readers, seconds: seconds)
    let size = Double(byteCount / (2 << 20) * (2 << 20))
    return (Array(times[..<work.count]), size / (times[work.count...].min() ?? .nan))
  }

  /// The median CPU times of pieces of work that run on this thread and take turns.
  private func medians(_ work: [() throws -> Void], seconds: Double) throws -> [Double] {
    let measured = try Measurement.alternating(seconds: seconds, atLeast: 9, pieces: work.count) { piece in
      let start = threadSeconds()
      try work[piece]()
      return threadSeconds() - start
    }
    return measured.map(\.median)
  }

  private func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  private func row(
    _ table: Table, _ name: String, _ time: Double, vectors: Int, bytes: Int, _ memory: Double?,
    products: Double? = nil
  ) {
    let speed = Double(vectors * bytes) / time
    table.row(
      name, (time * 1e3).digits(3), (Double(vectors) / time * 1e-6).digits(0), (speed * 1e-9).digits(1),
      memory.map { "\((speed / $0 * 100).digits(0)) %" } ?? "",
      products.map { ($0 / time * 1e-9).digits(0) } ?? "")
  }
}

/// Memory in huge pages where the system gives them, so that pages are not what is measured.
private func hugePages(_ byteCount: Int) -> UnsafeMutableRawPointer {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 2 << 20)
  madvise(memory, byteCount, Int32(MADV_HUGEPAGE))
  var numbers = RandomNumbers(seed: 4)
  for offset in stride(from: 0, to: byteCount / 4 * 4, by: 4) {
    memory.storeBytes(of: numbers.next().bitPattern &* 0x9E37_79B1, toByteOffset: offset, as: UInt32.self)
  }
  return memory
}

/// Random int8 rows, and eight queries.
private final class RandomCodes {
  static let candidateCount = 250

  private let count: Int
  private let dimension: Int
  private let codes: UnsafeMutableRawPointer
  private let scales: [Float]
  private let queries: [Int8]
  private var scores: [Float]
  private var candidates: [Candidate]
  private var random = RandomNumbers(seed: 6)

  init(count: Int, dimension: Int) {
    self.count = count
    self.dimension = dimension
    codes = hugePages(count * dimension)
    scales = [Float](repeating: 1, count: count)
    queries = (0..<(8 * dimension)).map { Int8($0 * 37 % 255 - 127) }
    scores = [Float](repeating: 0, count: 8 * count)
    candidates = [Candidate](repeating: Candidate(score: 0, id: 0), count: Self.candidateCount)
  }

  deinit { codes.deallocate() }

  func score(queryCount: Int, count: Int) {
    CodeKernels.current.score(
      queries: queries, scales: scales, queryCount: queryCount,
      codes: codes.assumingMemoryBound(to: Int8.self),
      codeScales: scales, count: count, dimension: dimension, into: &scores, stride: count)
  }

  func scoreCandidates() {
    for index in candidates.indices {
      candidates[index].id = UInt32(abs(random.next()) * 0.999 * Float(count))
    }
    candidates.withUnsafeMutableBufferPointer {
      CodeKernels.current.score(
        $0, query: queries, scale: 1, codes: codes.assumingMemoryBound(to: Int8.self), codeScales: scales,
        count: count,
        dimension: dimension)
    }
  }
}

/// Blocks of random 1-bit codes with factors of 1.
private final class RandomBlocks {
  let count: Int
  let size: Int
  private let dimension: Int
  private let blocks: UnsafeMutableRawPointer
  private let entries: [UInt8]
  private let room = UnsafeMutableBufferPointer<Candidate>.allocate(capacity: 1 << 17)

  init(count: Int, dimension: Int) {
    self.count = count
    self.dimension = dimension
    size = CodeKernels.blockSize(dimension: dimension)
    blocks = hugePages(count * size)
    for block in 0..<count {
      let factors = blocks + (block * size + 4 * dimension)
      for place in 0..<32 {
        factors.storeBytes(of: 1, toByteOffset: 4 * place, as: Float.self)
        factors.storeBytes(of: UInt32(block * 32 + place), toByteOffset: 128 + 4 * place, as: UInt32.self)
      }
    }
    entries = (0..<(4 * dimension)).map { UInt8($0 * 37 % 256) }
    room.initialize(repeating: Candidate(score: 0, id: 0))
  }

  deinit {
    blocks.deallocate()
    room.deallocate()
  }

  func scan(first: Int, count: Int, threshold: Float) {
    let done = CodeKernels.current.scan(
      entries, dimension: dimension, blocks: blocks + first * size, blockCount: count, slope: 1, offset: 0,
      base: 0,
      threshold: threshold, allowed: nil, idCount: self.count * 32, into: room)
    precondition(done.blockCount == count, "blocks were left out")
  }
}
