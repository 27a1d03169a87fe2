// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

extension Scan {
  /// Rows of one matrix product: with ``multiplyMaximum`` queries the products, 512 KiB, stay in the L2 cache.
  static let tileRows = 512

  /// Scores a block by matrix products, and what they leave in doubt again by the scan kernels.
  func multiply(_ chunk: Range<Int>, _ block: Block, _ collectors: inout [TopK]) {
    let kernels = ScanKernels.current
    var copies: [Float] = []
    settle(chunk, block, gathersBelow: 0.75, margins: margins(chunk), &collectors) {
      queries, tile, products in
      block.withFloats(tile, &copies) {
        kernels.multiply(
          queries: queries, queryCount: chunk.count, rows: $0, rowCount: tile.count, dimension: dimension,
          into: products)
      }
    }
  }

  /// Scores a block roughly, tile by tile, and what that leaves in doubt again by the scan kernels.
  ///
  /// - Parameters:
  ///   - margins: how far a rough score of each query can be from the true one.
  ///   - scoreRoughly: writes `[chunk.count, tile.count]` scores.
  func settle(
    _ chunk: Range<Int>, _ block: Block, gathersBelow share: Double, margins: [Float],
    _ collectors: inout [TopK],
    scoreRoughly: (_ queries: UnsafePointer<Float>, _ tile: RowTile, _ scores: UnsafeMutablePointer<Float>) ->
      Void
  ) {
    var rough = [Float](repeating: 0, count: chunk.count * Self.tileRows)
    var doubtful = Doubtful(k: k)
    block.forEachTile(rowCount: Self.tileRows, gathersBelow: share) { tile in
      let floors = currentFloors(chunk)
      queries.withUnsafeBufferPointer { all in
        guard let first = all.baseAddress else { return }
        let queries = first + chunk.lowerBound * dimension
        rough.withUnsafeMutableBufferPointer { rough in
          if let scores = rough.baseAddress { scoreRoughly(queries, tile, scores) }
        }
        for query in 0..<chunk.count {
          rough.withUnsafeBufferPointer { rough in
            let own = UnsafeBufferPointer(
              rebasing: rough[(query * tile.count)..<((query + 1) * tile.count)])
            let threshold = max(floors[query], collectors[query].threshold)
            doubtful.select(own, atLeast: threshold - margins[query], tile, block)
          }
          doubtful.dropHopeless(margin: margins[query], block)
          withQuery(chunk.lowerBound + query, for: block.table) {
            doubtful.rescore($0, block.table.rows) { slot, score in
              guard score >= floors[query] else { return }
              collectors[query].offer(Neighbor(key: block.table.key(slot), score: score))
            }
          }
        }
      }
      raiseFloors(chunk, collectors)
    }
  }

  /// Calls `body` with a query in the space of the table's rows.
  private func withQuery(_ query: Int, for table: VectorTable, _ body: (UnsafePointer<Float>) -> Void) {
    if table.isRotated, let quantized { return quantized.withRotated(query, body) }
    queries.withUnsafeBufferPointer { all in
      if let first = all.baseAddress { body(first + query * dimension) }
    }
  }

  /// For each query, how far a product may be from the score of the scan kernels.
  private func margins(_ chunk: Range<Int>) -> [Float] {
    let error = ScanKernels.productError(dimension: dimension) * (1 + 2 * UnitVector.tolerance)
    return chunk.map { query in
      var squares = 0.0
      for index in (query * dimension)..<((query + 1) * dimension) {
        squares += Double(queries[index]) * Double(queries[index])
      }
      return (error * Float(squares.squareRoot())).nextUp
    }
  }
}

/// The rows of one tile that may belong to one query's answer, as far as products can tell.
private struct Doubtful {
  private let k: Int
  private let kernels = ScanKernels.current
  private var found: [UInt32]
  private var slots: [UInt32] = []
  private var products: [Float] = []
  private var scores: [Float]
  /// The `k` best products of different items, falling.
  private var best: [Float] = []

  init(k: Int) {
    self.k = k
    found = [UInt32](repeating: 0, count: Scan.tileRows)
    scores = [Float](repeating: 0, count: Scan.tileRows)
  }

  /// Takes the allowed rows whose products reach `threshold`.
  mutating func select(
    _ all: UnsafeBufferPointer<Float>, atLeast threshold: Float, _ tile: RowTile, _ block: Block
  ) {
    slots.removeAll(keepingCapacity: true)
    products.removeAll(keepingCapacity: true)
    guard let base = all.baseAddress else { return }
    let foundCount = kernels.select(base, count: all.count, atLeast: threshold, into: &found)
    for index in 0..<foundCount {
      let place = Int(found[index])
      let slot = tile.slot(place)
      guard block.allows(slot, in: tile) else { continue }
      slots.append(UInt32(slot))
      products.append(all[place])
    }
  }

  /// Drops the rows that at least `k` items of this very tile surely beat: worth it while there is no threshold yet.
  mutating func dropHopeless(margin: Float, _ block: Block) {
    guard slots.count >= 4 * k, slots.count >= 64 else { return }
    best.removeAll(keepingCapacity: true)
    var index = 0
    while index < slots.count {
      // The best product of the item: slots of an item follow one another.
      let item = block.table.items[Int(slots[index])]
      var product = products[index]
      index += 1
      while index < slots.count, block.table.items[Int(slots[index])] == item {
        product = max(product, products[index])
        index += 1
      }
      keep(product)
    }
    guard best.count == k else { return }
    let threshold = best[k - 1] - 2 * margin
    var keptCount = 0
    for index in slots.indices where products[index] >= threshold {
      slots[keptCount] = slots[index]
      keptCount += 1
    }
    slots.removeSubrange(keptCount...)
  }

  /// Puts a product in its place among the `k` best: few of a tile's get there.
  private mutating func keep(_ product: Float) {
    if best.count == k {
      guard product > best[k - 1] else { return }
      best.removeLast()
    }
    var place = best.count
    best.append(product)
    while place > 0, best[place - 1] < product {
      best[place] = best[place - 1]
      place -= 1
    }
    best[place] = product
  }

  /// Calls `body` with the slots that are left and their scores by the scan kernels.
  mutating func rescore(_ query: UnsafePointer<Float>, _ rows: StoredRows, _ body: (Int, Float) -> Void) {
    guard !slots.isEmpty else { return }
    slots.withUnsafeBufferPointer { kernels.score(query: query, rows: rows, slots: $0, into: &scores) }
    for index in slots.indices { body(Int(slots[index]), scores[index]) }
  }
}

extension Block {
  /// Calls `body` with the rows of `tile` as float32, `[tile.count, dimension]`: in place, or copied to `copies`.
  fileprivate func withFloats(
    _ tile: RowTile, _ copies: inout [Float], _ body: (UnsafePointer<Float>) -> Void
  ) {
    let rows = table.rows
    if case .range(let range) = tile, rows.storage == .float32 {
      return body(rows.row(range.lowerBound).assumingMemoryBound(to: Float.self))
    }
    let needed = tile.count * rows.dimension
    if copies.count < needed { copies = [Float](repeating: 0, count: needed) }
    copies.withUnsafeMutableBufferPointer { copies in
      guard let base = copies.baseAddress else { return }
      switch tile {
      case .range(let range):
        ScanKernels.current.widen(rows, range: range, into: base)
      case .slots(let slots):
        for (index, slot) in slots.enumerated() {
          let slot = Int(slot)
          ScanKernels.current.widen(rows, range: slot..<(slot + 1), into: base + index * rows.dimension)
        }
      }
      body(base)
    }
  }
}
