// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra
internal import Synchronization

/// One search on its way: the queries, and the score that each query's answers must reach by now.
///
/// Three ways to score a block, one answer. Rows that have codes are scored by those, a quarter of the bytes; others by
/// the scan kernels when queries are few, at the speed of memory, and by matrix products when they are many. Scores from
/// codes and from products are off by a little, by how much at most is known: what comes within that of the threshold is
/// scored again by the scan kernels, so that the answers are the very ones of the scan kernels.
final class Scan: Sendable {
  /// From how many queries on a matrix product is faster than the kernels.
  static let multiplyMinimum = 24
  /// The most queries of one matrix product.
  static let multiplyMaximum = 256

  let queries: [Float]
  let count: Int
  let dimension: Int
  let k: Int
  /// The queries in the space of the codes, where some source has codes.
  let quantized: QuantizedQueries?
  /// The k-th best score found so far anywhere, by query: it only ever rises.
  private let floors: Mutex<[Float]>

  init(queries: [Float], count: Int, dimension: Int, k: Int, quantized: QuantizedQueries? = nil) {
    self.queries = queries
    self.quantized = quantized
    self.count = count
    self.dimension = dimension
    self.k = k
    floors = Mutex([Float](repeating: -.infinity, count: count))
  }

  /// The queries, cut into pieces of work.
  var queryChunks: [Range<Int>] {
    stride(from: 0, to: count, by: Self.multiplyMaximum).map { $0..<min($0 + Self.multiplyMaximum, count) }
  }

  /// The best `k` items of `block` for each of `chunk`'s queries, best first; worse ones than found elsewhere may be
  /// missing.
  func best(of chunk: Range<Int>, in block: Block) -> [[Neighbor]] {
    var collectors = [TopK](repeating: TopK(k: k), count: chunk.count)
    if let codes = block.table.codes, let quantized {
      scoreByCodes(chunk, block, codes, quantized, &collectors)
    } else if count < Self.multiplyMinimum {
      score(chunk, block, &collectors)
    } else {
      multiply(chunk, block, &collectors)
    }
    var best: [[Neighbor]] = []
    best.reserveCapacity(chunk.count)
    for index in collectors.indices { best.append(collectors[index].best()) }
    raiseFloors(chunk, collectors)
    return best
  }

  func currentFloors(_ chunk: Range<Int>) -> [Float] { floors.withLock { Array($0[chunk]) } }

  func raiseFloors(_ chunk: Range<Int>, _ collectors: [TopK]) {
    floors.withLock { floors in
      for (query, collector) in zip(chunk, collectors) {
        floors[query] = max(floors[query], collector.threshold)
      }
    }
  }

  /// Scores a block by the scan kernels.
  private func score(_ chunk: Range<Int>, _ block: Block, _ collectors: inout [TopK]) {
    let kernels = ScanKernels.current
    let rows = block.table.rows
    // Rows that several groups of queries go over stay in the cache meanwhile.
    let group = ScanKernels.maximumQueryCount
    block.forEachTile(rowCount: chunk.count <= group ? 512 : 128, gathersBelow: 0.3) { tile in
      let floors = currentFloors(chunk)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: chunk.count * tile.count) { scores in
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: tile.count) { found in
          guard let scores = scores.baseAddress, let found = found.baseAddress else { return }
          queries.withUnsafeBufferPointer { all in
            guard let first = all.baseAddress else { return }
            let queries = first + chunk.lowerBound * dimension
            switch tile {
            case .range(let range):
              for query in stride(from: 0, to: chunk.count, by: group) {
                kernels.score(
                  queries: queries + query * dimension, queryCount: min(group, chunk.count - query),
                  rows: rows,
                  range: range, into: scores + query * range.count, stride: range.count)
              }
            case .slots(let slots):
              for query in 0..<chunk.count {
                kernels.score(
                  query: queries + query * dimension, rows: rows, slots: slots,
                  into: scores + query * slots.count)
              }
            }
          }
          for query in 0..<chunk.count {
            let own = scores + query * tile.count
            let threshold = max(floors[query], collectors[query].threshold)
            let foundCount = kernels.select(own, count: tile.count, atLeast: threshold, into: found)
            for index in 0..<foundCount {
              let place = Int(found[index])
              let slot = tile.slot(place)
              guard block.allows(slot, in: tile) else { continue }
              collectors[query].offer(Neighbor(key: block.table.key(slot), score: own[place]))
            }
          }
        }
      }
    }
  }
}

/// Some rows of a block that are scored together.
enum RowTile {
  /// Rows that follow one another; not all of them need be allowed.
  case range(Range<Int>)
  /// Allowed rows here and there, rising.
  case slots(UnsafeBufferPointer<UInt32>)

  @inline(__always)
  var count: Int {
    switch self {
    case .range(let range): range.count
    case .slots(let slots): slots.count
    }
  }

  @inline(__always)
  func slot(_ index: Int) -> Int {
    switch self {
    case .range(let range): range.lowerBound + index
    case .slots(let slots): Int(slots[index])
    }
  }
}

extension Block {
  /// Calls `body` with the block's allowed rows, up to `rowCount` at a time: one by one where fewer than the share
  /// `gathersBelow` is allowed, else with the others between them.
  func forEachTile(rowCount: Int, gathersBelow share: Double, _ body: (RowTile) -> Void) {
    guard let allowed, Double(allowedCount) < share * Double(slots.count) else {
      for first in stride(from: slots.lowerBound, to: slots.upperBound, by: rowCount) {
        body(.range(first..<min(first + rowCount, slots.upperBound)))
      }
      return
    }
    var chosen: [UInt32] = []
    chosen.reserveCapacity(allowedCount)
    allowed.forEach(in: slots) { chosen.append(UInt32($0)) }
    chosen.withUnsafeBufferPointer { chosen in
      for first in stride(from: 0, to: chosen.count, by: rowCount) {
        body(.slots(UnsafeBufferPointer(rebasing: chosen[first..<min(first + rowCount, chosen.count)])))
      }
    }
  }

  /// Whether a row of `tile` may be returned.
  @inline(__always)
  func allows(_ slot: Int, in tile: RowTile) -> Bool {
    guard let allowed, case .range = tile else { return true }
    return allowed.contains(slot)
  }
}
