// SPDX-License-Identifier: Apache-2.0
package import LinearAlgebra
package import SystemPackage

extension VectorSearch {
  /// The best vector and score of each of `items` that is here: the same bits as ``neighbors(of:k:filter:)`` gives.
  ///
  /// - Returns: one entry for each of `items`, in their order; nil for an item without a live vector.
  package func scores(of query: [Float], items: [Int64]) throws(IndexError) -> [Neighbor?] {
    try check(query, count: 1)
    let wanted = items.sortedItems
    var best = [Neighbor?](repeating: nil, count: wanted.count)
    for source in sources {
      var slots: [UInt32] = []
      var places: [Int] = []
      source.table.forEachSlotRange(of: wanted) { place, range in
        for slot in range where source.live?.contains(slot) ?? true {
          slots.append(UInt32(slot))
          places.append(place)
        }
      }
      var scores = [Float](repeating: 0, count: slots.count)
      let own = source.table.isRotated ? Rotation.of(dimension).applied(to: query) : query
      slots.withUnsafeBufferPointer {
        ScanKernels.current.score(query: own, rows: source.table.rows, slots: $0, into: &scores)
      }
      for (index, place) in places.enumerated() {
        let candidate = Neighbor(key: source.table.key(Int(slots[index])), score: scores[index])
        if let known = best[place], !candidate.precedes(known) { continue }
        best[place] = candidate
      }
    }
    if wanted == items { return best }
    let places = Dictionary(uniqueKeysWithValues: zip(wanted, best))
    return items.map { places[$0] ?? nil }
  }

  /// The live vectors of an item, by ordinal.
  package func vectors(ofItem item: Int64) -> [(key: VectorKey, vector: [Float])] {
    var found: [(key: VectorKey, vector: [Float])] = []
    for source in sources {
      source.table.forEachSlotRange(of: [item]) { _, slots in
        for slot in slots where source.live?.contains(slot) ?? true {
          found.append((source.table.key(slot), source.table.vector(slot)))
        }
      }
    }
    return found.sorted { $0.key < $1.key }
  }

  /// Calls `body` with every live vector, `[dimension]`, in rising order of keys. Of equal keys, which a sound library
  /// does not hold, the last source's is taken.
  package func forEachVector<Failure: Error>(
    _ body: (VectorKey, Span<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    try forEachSlot { (source: Int, slot: Int, key: VectorKey) throws(Failure) in
      try body(key, sources[source].table.vector(slot).span)
    }
  }

  /// How many keys ``forEachVector(_:)`` visits.
  var keyCount: Int {
    var count = 0
    forEachSlot { (_, _, _) throws(Never) in count += 1 }
    return count
  }

  /// Visits the live slots of all sources in rising order of keys, by a merge of their cursors.
  private func forEachSlot<Failure: Error>(
    _ body: (_ source: Int, _ slot: Int, _ key: VectorKey) throws(Failure) -> Void
  ) throws(Failure) {
    var cursors = sources.map { Cursor($0) }
    while true {
      var next: Int?
      for index in cursors.indices {
        guard let key = cursors[index].key else { continue }
        if let known = next, let lowest = cursors[known].key, lowest < key { continue }
        // Equal keys: skip the earlier source's.
        if let known = next, cursors[known].key == key { cursors[known].advance() }
        next = index
      }
      guard let next, let key = cursors[next].key else { return }
      try body(next, cursors[next].slot, key)
      cursors[next].advance()
    }
  }

  /// The next live slot of one source.
  private struct Cursor {
    private let source: VectorSource
    private(set) var slot = -1
    private(set) var key: VectorKey?

    init(_ source: VectorSource) {
      self.source = source
      advance()
    }

    mutating func advance() {
      repeat { slot += 1 } while slot < source.table.count && !(source.live?.contains(slot) ?? true)
      key = slot < source.table.count ? source.table.key(slot) : nil
    }
  }
}

extension VectorSearch {
  /// Writes every live vector to one new segment: a flush of fresh vectors, or a merge of segments.
  ///
  /// - Returns: the size of the file in bytes.
  /// - Throws: ``IndexError``; then there is no file.
  @discardableResult
  package func write(
    to path: FilePath, id: UInt64, fingerprint: [UInt8], storage: RowStorage,
    structure: SegmentStructure? = nil
  ) throws -> Int {
    let writer = try SegmentWriter(
      to: path, id: id, fingerprint: fingerprint, dimension: dimension, count: keyCount, storage: storage,
      structure: structure)
    try forEachVector { (key, vector) throws(IndexError) in try writer.append(key, vector) }
    return try writer.finish()
  }
}
