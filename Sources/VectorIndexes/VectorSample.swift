// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// Vectors of some items, to measure what scores are usual in a library.
package struct VectorSample: Sendable {
  /// Numbers in a vector.
  package let dimension: Int
  /// The items, rising.
  package let items: [Int64]
  /// One vector of each item, `[items.count, dimension]`.
  package let rows: [Float]

  /// The vector of the item at `index`.
  package func vector(_ index: Int) -> [Float] {
    Array(rows[(index * dimension)..<((index + 1) * dimension)])
  }

  /// The scores of the sample's vectors for a query of `dimension` numbers, in the order of `items`.
  package func scores(of query: [Float]) -> [Float] {
    precondition(query.count == dimension, "a query of another dimension")
    return [Float](unsafeUninitializedCapacity: items.count) { output, count in
      rows.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress, let scores = output.baseAddress else { return }
        let stored = StoredRows(base: base, count: items.count, dimension: dimension, storage: .float32)
        ScanKernels.current.score(
          queries: query, queryCount: 1, rows: stored, range: 0..<items.count, into: scores,
          stride: items.count)
      }
      count = items.count
    }
  }
}

extension VectorSearch {
  /// Picks at most `limit` items, the first live vector of each.
  ///
  /// Which ones depends on the item ids alone, not on how the library is cut into segments; after a small change of the
  /// library most stay. O(n log limit).
  package func sample(atMost limit: Int) -> VectorSample {
    guard limit > 0 else { return VectorSample(dimension: dimension, items: [], rows: []) }
    /// The chosen, by hash; twice `limit` before a cut.
    var chosen: [(hash: UInt64, key: VectorKey, source: Int, slot: Int)] = []
    var bar = UInt64.max
    for (index, source) in sources.enumerated() {
      var lastItem: Int64?
      for slot in 0..<source.table.count where source.live?.contains(slot) ?? true {
        let key = source.table.key(slot)
        guard key.item != lastItem else { continue }
        lastItem = key.item
        let hash = SplitMix64.mixed(UInt64(bitPattern: key.item) &+ 0x9E37_79B9_7F4A_7C15)
        guard hash <= bar else { continue }
        chosen.append((hash, key, index, slot))
        if chosen.count >= 2 * limit + 64 { bar = cut(&chosen, to: limit) }
      }
    }
    _ = cut(&chosen, to: limit)
    chosen.sort { $0.key < $1.key }
    var rows: [Float] = []
    rows.reserveCapacity(chosen.count * dimension)
    for place in chosen { rows += sources[place.source].table.vector(place.slot) }
    return VectorSample(dimension: dimension, items: chosen.map(\.key.item), rows: rows)
  }

  /// Keeps the `limit` items of the lowest hashes, each once, and returns the highest hash that stayed.
  private func cut(
    _ chosen: inout [(hash: UInt64, key: VectorKey, source: Int, slot: Int)], to limit: Int
  ) -> UInt64 {
    chosen.sort { $0.hash != $1.hash ? $0.hash < $1.hash : $0.key < $1.key }
    var kept = 0
    for place in chosen where kept < limit && (kept == 0 || chosen[kept - 1].key.item != place.key.item) {
      chosen[kept] = place
      kept += 1
    }
    chosen.removeSubrange(kept...)
    return kept == limit ? chosen[kept - 1].hash : .max
  }
}
