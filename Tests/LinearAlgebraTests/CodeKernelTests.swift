// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import TestSupport
import Testing

@Suite struct CodeKernelTests {
  @Test("A candidate is laid out as in C")
  func layout() {
    #expect(MemoryLayout<Candidate>.size == MemoryLayout<duet_candidate>.size)
    #expect(MemoryLayout<Candidate>.offset(of: \.id) == MemoryLayout<duet_candidate>.offset(of: \.id))
    #expect(MemoryLayout<Candidate>.alignment == MemoryLayout<duet_candidate>.alignment)
  }

  @Test(
    "The Hadamard transform is that of the matrix, with the scalar twin's bits", arguments: CodeTables.all)
  func hadamard(tables: CodeTables) {
    var random = SeededRandom(seed: 11)
    for power in 0...12 {
      let x = (0..<(1 << power)).map { _ in random.normal() }
      var (got, twin) = (x, x)
      tables.kernels.hadamard(&got, count: x.count)
      tables.scalar.hadamard(&twin, count: x.count)
      #expect(got.map(\.bitPattern) == twin.map(\.bitPattern), "n=\(x.count)")
      guard power <= 7 else { continue }
      let scale = 1 / Double(x.count).squareRoot()
      for i in x.indices {
        var exact = 0.0
        for j in x.indices { exact += (i & j).nonzeroBitCount % 2 == 0 ? Double(x[j]) : -Double(x[j]) }
        #expect(abs(Double(got[i]) - scale * exact) < 1e-5, "n=\(x.count) i=\(i)")
      }
    }
  }

  @Test(
    "Quantisation rounds to the nearest, ties to even; what is not finite gives zeros",
    arguments: CodeTables.all)
  func quantizes(tables: CodeTables) {
    var random = SeededRandom(seed: 12)
    for count in Array(0...70) + [127, 128, 129, 512, 1000] {
      // Multiples of a half of max / 127, so that many are ties.
      let ties = (0..<count).map {
        $0 == 0 ? Float(127) : Float(Int.random(in: -253...253, using: &random)) / 2
      }
      let normal = (0..<count).map { _ in random.normal() }
      for x in [ties, normal, normal.map { $0 * 1e-30 }] {
        let largest = x.map(abs).max() ?? 0
        let (codes, scale) = tables.quantize(x)
        #expect(scale.bitPattern == (largest / 127).bitPattern)
        #expect(codes == x.map { Int8(($0 * (127 / largest)).rounded(.toNearestOrEven)) }, "\(count)")
      }
      for bad in [Float.nan, -.nan, .infinity, -.infinity] where count > 0 {
        var x = normal
        x[count / 2] = bad
        #expect(tables.quantize(x) == ([Int8](repeating: 0, count: count), 0), "\(bad)")
      }
      #expect(tables.quantize([Float](repeating: -0.0, count: count)).scale == 0)
      #expect(tables.quantize([Float](repeating: 0x1p-140, count: count)).scale == 0)
    }
  }

  @Test("int8 products are exact sums, in every call shape", arguments: CodeTables.all)
  func products(tables: CodeTables) {
    var random = SeededRandom(seed: 13)
    for dimension in codeDimensions {
      let set = CodeSet(count: 35, queryCount: 8, dimension: dimension, random: &random)
      for queryCount in 1...8 {
        for range in [0..<0, 0..<1, 1..<4, 0..<16, 2..<19, 0..<35] {
          let got = set.scores(tables.kernels, queryCount: queryCount, range: range)
          #expect(
            got == set.expectedScores(queryCount: queryCount, range: range),
            "d=\(dimension), \(queryCount) queries, \(range)")
        }
      }
    }
  }

  @Test("Candidates get their rows' scores, ids of no row -infinity", arguments: CodeTables.all)
  func productsAtCandidates(tables: CodeTables) {
    var random = SeededRandom(seed: 14)
    for dimension in codeDimensions {
      let set = CodeSet(count: 35, queryCount: 1, dimension: dimension, random: &random)
      let rows = set.expectedScores(queryCount: 1, range: 0..<35)
      for ids: [UInt32] in [[], [34], [3, 3, 0], [35, 7, .max, 1 << 31, 34, 36], (0..<35).reversed()] {
        var candidates = ids.map { Candidate(score: .nan, id: $0) }
        candidates.withUnsafeMutableBufferPointer {
          tables.kernels.score(
            $0, query: set.queries, scale: set.queryScales[0], codes: set.codes, codeScales: set.codeScales,
            count: set.count, dimension: dimension)
        }
        #expect(candidates.map(\.id) == ids)
        #expect(
          candidates.map { sameBits($0.score) }
            == ids.map { $0 < 35 ? rows[Int($0)] : (-Float.infinity).bitPattern }, "d=\(dimension)")
      }
    }
  }

  @Test("A table's entries are sums over nibbles in steps", arguments: CodeTables.all)
  func lookupTable(tables: CodeTables) {
    var random = SeededRandom(seed: 15)
    for dimension in codeDimensions {
      let query = (0..<dimension).map { _ in random.normal() }
      let table = LookupBytes(query, tables.kernels)
      #expect(table == LookupBytes(query, tables.scalar), "d=\(dimension)")
      #expect(abs(Double(table.low) - query.reduce(0.0) { $0 + Double(min($1, 0)) }) < 1e-2)
      for m in 0..<(dimension / 4) {
        let group = query[(4 * m)..<(4 * m + 4)].map { Double($0) }
        for entry in 0..<16 {
          var sum = 0.0
          for j in 0..<4 {
            if entry >> j & 1 == 1 { sum += group[j] }
            if group[j] < 0 { sum -= group[j] }
          }
          let got = Double(table.entries[16 * m + entry])
          #expect(abs(got - sum / Double(table.step)) < 0.501, "d=\(dimension) m=\(m) entry \(entry)")
        }
      }
    }
  }

  @Test("A table of a hostile or empty query is the same everywhere", arguments: CodeTables.all)
  func hostileLookupTable(tables: CodeTables) {
    var random = SeededRandom(seed: 16)
    for _ in 0..<200 {
      let query = (0..<128).map { _ in Bool.random(using: &random) ? hostile(&random) : random.normal() }
      #expect(LookupBytes(query, tables.kernels) == LookupBytes(query, tables.scalar))
    }
    let empty = LookupBytes([Float](repeating: 0, count: 64), tables.kernels)
    #expect(empty.step > 0 && empty.low == 0 && empty.entries.allSatisfy { $0 == 0 })
  }

  @Test("A block holds the signs, the factors and nothing else", arguments: CodeTables.all)
  func encodes(tables: CodeTables) {
    var random = SeededRandom(seed: 17)
    for dimension in codeDimensions {
      for count in [0, 1, 15, 17, 32] {
        let block = CodeBlock(count: count, dimension: dimension, tables.kernels, random: &random)
        #expect(block.bytes == block.encoded(by: tables.scalar), "d=\(dimension) count \(count)")
        let factors = block.factors
        for v in 0..<32 {
          let row = block.row(v)
          let signs = (0..<dimension).map { v < count && row[$0] > 0 }
          #expect(block.signs(v) == signs, "d=\(dimension) vector \(v)")
          guard v < count else {
            #expect(factors[v].bitPattern == Float.nan.bitPattern)
            continue
          }
          let squares = row.reduce(0.0) { $0 + Double($1) * Double($1) }
          let magnitudes = row.reduce(0.0) { $0 + abs(Double($1)) }
          let factor = magnitudes == 0 ? 0 : Float(squares / magnitudes)
          #expect(abs(factors[v] - factor) <= factor.ulp, "d=\(dimension) vector \(v)")
        }
      }
    }
  }

  @Test("Factors of hostile residuals are the same everywhere", arguments: CodeTables.all)
  func encodesHostile(tables: CodeTables) {
    var random = SeededRandom(seed: 18)
    let residuals = (0..<(32 * 64)).map { $0 < 64 ? Float(0) : $0 % 5 == 0 ? hostile(&random) : 1 }
    let block = CodeBlock(residuals: residuals, count: 32, dimension: 64, tables.kernels)
    #expect(block.bytes == block.encoded(by: tables.scalar))
    #expect(block.factors[0] == 0)
  }

  @Test("A scan finds what a plain loop finds, with its bits", arguments: CodeTables.all)
  func scans(tables: CodeTables) {
    var random = SeededRandom(seed: 19)
    for dimension in codeDimensions {
      let table = LookupBytes((0..<dimension).map { _ in random.normal() }, tables.kernels)
      let full = LookupBytes(
        entries: [UInt8](repeating: 255, count: 4 * dimension), step: table.step, low: table.low)
      for blockCount in [0, 1, 2, 5] {
        let blocks = CodeBlocks(count: blockCount, dimension: dimension, random: &random)
        for threshold in [-Float.infinity, 0, 1, .nan, .infinity] {
          for idCount in [0, 600, 1000, Int(UInt32.max) + 2] {
            let scan = CodeScan(
              slope: 2 * table.step, offset: 2 * table.low, base: random.normal(), threshold: threshold,
              idCount: idCount, capacity: [0, 31, 32, 40, 64, 160][Int.random(in: 0..<6, using: &random)],
              allowed: idCount <= 1000 && Bool.random(using: &random)
                ? (0..<16).map { _ in random.next() } : nil)
            for entries in [table, full] {
              #expect(
                scan.run(entries, blocks, tables.kernels) == scan.expected(entries, blocks),
                "d=\(dimension), \(blockCount) blocks, \(scan)")
            }
          }
        }
      }
    }
  }

  @Test("What is encoded and scanned is near the true product", arguments: CodeTables.all)
  func estimates(tables: CodeTables) {
    var random = SeededRandom(seed: 20)
    let dimension = 512
    let query = (0..<dimension).map { _ in random.normal() / Float(dimension).squareRoot() }
    let block = CodeBlock(count: 32, dimension: dimension, tables.kernels, random: &random)
    let table = LookupBytes(query, tables.kernels)
    let scan = CodeScan(
      slope: 2 * table.step, offset: 2 * table.low - query.reduce(0, +), base: 3, threshold: -.infinity,
      idCount: 32,
      capacity: 32, allowed: nil)
    let found = scan.run(table, CodeBlocks(block), tables.kernels).found
    #expect(found.map(\.id) == Array(0..<32))
    for candidate in found {
      let row = block.row(Int(candidate.id))
      let exact = 3 + zip(row, query).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      // The estimate's deviation is about 0.75 |r||q| / √d, and |r| is about √d here: six of them.
      #expect(abs(Double(Float(bitPattern: candidate.score)) - exact) < 4.5, "vector \(candidate.id)")
    }
  }

  @Test("Many equal candidates take no longer than others", arguments: CodeTables.all)
  func keepsEqual(tables: CodeTables) {
    for (count, best) in [(200_000, 100_000), (200_000, 1), (7, 7)] {
      var candidates = (0..<count).map {
        Candidate(score: $0 % 3 == 0 ? .nan : 1, id: $0 % 3 == 0 ? .max : 5)
      }
      candidates.withUnsafeMutableBufferPointer { tables.kernels.keepBest($0, best) }
      let sound = count - (count + 2) / 3
      #expect(candidates[..<best].count { $0.score == 1 } == min(best, sound))
    }
  }

  @Test(
    "The best candidates are those of a full sort, in whatever order they come", arguments: CodeTables.all)
  func keepsBest(tables: CodeTables) {
    var random = SeededRandom(seed: 43)
    /// Score falling, NaN last, then id rising.
    func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
      if a.score.isNaN || b.score.isNaN {
        return a.score.isNaN == b.score.isNaN ? a.id < b.id : b.score.isNaN
      }
      return a.score == b.score ? a.id < b.id : a.score > b.score
    }
    for count in Array(1...40) + [63, 64, 65, 100, 1000, 5000] {
      for round in 0..<12 {
        var candidates = (0..<count).map { id in
          // All equal, many ties, few, and what only damaged files hold.
          let ties = Float(Int.random(in: -count...(round == 0 ? -count : count), using: &random))
          let score =
            round % 3 == 2 && id % 5 == 0 ? hostile(&random) : round % 2 == 0 ? ties : random.normal()
          return Candidate(score: score, id: round == 1 ? .max - UInt32(id) : UInt32(id))
        }
        candidates.shuffle(using: &random)
        let sorted = candidates.sorted(by: precedes)
        let best = Int.random(in: 1...count, using: &random)
        candidates.withUnsafeMutableBufferPointer { tables.kernels.keepBest($0, best) }
        let kept = candidates[..<best].sorted(by: precedes)
        #expect(kept.map(\.id) == sorted[..<best].map(\.id), "\(best) of \(count)")
        #expect(
          kept.map { sameBits($0.score + 0) } == sorted[..<best].map { sameBits($0.score + 0) },
          "\(best) of \(count)")
        #expect(candidates[best - 1].id == sorted[best - 1].id)
        #expect(Set(candidates.map(\.id)) == Set(sorted.map(\.id)), "none is lost")
      }
    }
  }
}
