// SPDX-License-Identifier: Apache-2.0
package import LinearAlgebra

/// Vectors that are not in a segment yet: a few thousand, in memory, immutable, searched like a segment.
package final class FreshVectors: Sendable {
  /// Numbers in a vector.
  package let dimension: Int
  /// How many vectors there are.
  package let count: Int
  /// How numbers are kept: as the segments they will go to, so that scores do not change on the way.
  package let storage: RowStorage
  let table: VectorTable

  /// Sorts and copies vectors of length 1.
  ///
  /// - Parameters:
  ///   - keys: any order, no repetitions.
  ///   - rows: `[keys.count, dimension]`, in the order of `keys`.
  /// - Throws: ``IndexError`` that names the key, when a vector may not be stored or a key comes twice.
  package init(
    dimension: Int, storage: RowStorage, keys: [VectorKey], rows: [Float]
  ) throws(IndexError) {
    precondition(storage != .int8, "fresh vectors are kept as they came until they are coded")
    guard (1...SegmentHeader.maximumDimension).contains(dimension), rows.count == keys.count * dimension
    else {
      throw IndexError(
        .wrongDimension,
        "fresh vectors: \(rows.count) numbers are not \(keys.count) vectors of dimension \(dimension)")
    }
    let order = keys.indices.sorted { keys[$0] < keys[$1] }
    let memory = OwnedMemory(count: keys.count, dimension: dimension, storage: storage)
    for (slot, index) in order.enumerated() {
      let key = keys[index]
      let name = "fresh vectors: the vector of item \(key.item), ordinal \(key.ordinal),"
      if slot > 0, keys[order[slot - 1]] == key { throw IndexError(.wrongKeys, "\(name) comes twice") }
      let fault = rows.withUnsafeBufferPointer { all in
        let row = UnsafeBufferPointer(rebasing: all[(index * dimension)..<((index + 1) * dimension)])
        memory.store(key, row, at: slot)
        return UnitVector.fault(in: row)
      }
      if let fault { throw IndexError(.invalidVector, "\(name) \(fault)") }
    }
    self.dimension = dimension
    self.storage = storage
    self.count = keys.count
    table = memory.table(count: keys.count, dimension: dimension, storage: storage)
  }

  /// The slots of the items in `items`.
  package func bitmap(of items: [Int64]) -> SlotBitmap { table.bitmap(of: items.sortedItems) }
}

/// The arrays of ``FreshVectors``, where they do not move; freed with the last table over them.
private final class OwnedMemory: @unchecked Sendable {
  // Unchecked: written by one `init` before it is shared, never after.
  private let items: UnsafeMutablePointer<Int64>
  private let ordinals: UnsafeMutablePointer<UInt32>
  private let rows: UnsafeMutableRawPointer
  private let dimension: Int
  private let storage: RowStorage

  init(count: Int, dimension: Int, storage: RowStorage) {
    self.dimension = dimension
    self.storage = storage
    items = .allocate(capacity: max(count, 1))
    ordinals = .allocate(capacity: max(count, 1))
    rows = .allocate(byteCount: max(count * dimension * storage.scalarSize, 1), alignment: 64)
  }

  deinit {
    items.deallocate()
    ordinals.deallocate()
    rows.deallocate()
  }

  func store(_ key: VectorKey, _ row: UnsafeBufferPointer<Float>, at slot: Int) {
    (items + slot).initialize(to: key.item)
    (ordinals + slot).initialize(to: key.ordinal)
    guard let from = row.baseAddress else { return }
    let to = rows + slot * dimension * storage.scalarSize
    switch storage {
    case .float32: to.copyMemory(from: from, byteCount: dimension * 4)
    case .float16:
      ScanKernels.current.narrow(
        from, count: dimension, into: to.bindMemory(to: UInt16.self, capacity: dimension))
    case .int8: preconditionFailure("refused by FreshVectors")
    }
  }

  func table(count: Int, dimension: Int, storage: RowStorage) -> VectorTable {
    VectorTable(
      owner: self, dimension: dimension, items: items, ordinals: ordinals,
      rows: StoredRows(base: rows, count: count, dimension: dimension, storage: storage))
  }
}
