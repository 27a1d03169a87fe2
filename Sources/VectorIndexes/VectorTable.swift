// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

/// The keys and rows of one segment or of the fresh vectors, wherever they lie: what every scan runs over.
///
/// Slots are sorted by key; nothing here relies on that for memory safety.
struct VectorTable: @unchecked Sendable {
  // Unchecked: the memory is never written while `owner`, which the table keeps alive, exists.
  private let owner: any AnyObject & Sendable
  /// The map that all of it lies in, if it is one.
  private let file: MappedFile?
  /// Numbers in a vector.
  let dimension: Int
  /// The item of each slot.
  let items: UnsafeBufferPointer<Int64>
  /// The ordinal of each slot.
  let ordinals: UnsafeBufferPointer<UInt32>
  /// The vector of each slot; int8 rows are the vectors' codes, in the rotated space of those.
  let rows: StoredRows
  /// The rows' quantised copies, where there are any.
  let codes: CodeTable?
  /// Which of them are near to each other, where that is known.
  let lists: InvertedLists?

  init(
    owner: any AnyObject & Sendable, dimension: Int, items: UnsafePointer<Int64>,
    ordinals: UnsafePointer<UInt32>, rows: StoredRows, codes: CodeTable? = nil, lists: InvertedLists? = nil
  ) {
    self.owner = owner
    file = owner as? MappedFile
    self.dimension = dimension
    self.items = UnsafeBufferPointer(start: items, count: rows.count)
    self.ordinals = UnsafeBufferPointer(start: ordinals, count: rows.count)
    self.rows = rows
    self.codes = codes
    self.lists = lists
  }

  var count: Int { rows.count }

  @inline(__always)
  func key(_ slot: Int) -> VectorKey { VectorKey(item: items[slot], ordinal: ordinals[slot]) }

  /// Calls `body` with the slots of each of `wanted` (rising item ids) that is here, and its place in `wanted`.
  ///
  /// Gallops: O(m log(n / m)) for m ids among n slots, and linear when they are as many.
  func forEachSlotRange(of wanted: [Int64], _ body: (_ index: Int, _ slots: Range<Int>) -> Void) {
    var start = 0
    for index in wanted.indices {
      let item = wanted[index]
      start = lowerBound(of: item, from: start)
      guard start < count else { return }
      var end = start
      while end < count, items[end] == item { end += 1 }
      if end > start { body(index, start..<end) }
      start = end
    }
  }

  /// The first slot at or after `start` whose item is not below `item`.
  private func lowerBound(of item: Int64, from start: Int) -> Int {
    guard start < count, items[start] < item else { return start }
    // items[low] < item; double the step until it is too far.
    var low = start
    var step = 1
    while low + step < count, items[low + step] < item {
      low += step
      step *= 2
    }
    var high = min(low + step, count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if items[middle] < item { low = middle } else { high = middle }
    }
    return high
  }

  /// The slots of the items in `wanted`, rising item ids.
  func bitmap(of wanted: [Int64]) -> SlotBitmap {
    var bitmap = SlotBitmap(slotCount: count)
    forEachSlotRange(of: wanted) { _, slots in bitmap.insert(slots) }
    return bitmap
  }

  /// Bytes that are mapped; 0 for vectors in memory.
  var mappedSize: Int { file?.size ?? 0 }

  /// Lets the system take back the pages of what a scan of `slots` read: codes, or else rows. They stay in its cache while
  /// it has room, and are mapped again when they are read.
  func release(_ slots: Range<Int>) {
    guard let file else { return }
    let (base, rowSize) =
      if let codes { (UnsafeRawPointer(codes.codes), codes.dimension) } else {
        (rows.base, rows.dimension * rows.storage.scalarSize)
      }
    let start = base - file.base
    file.advise(.dontNeed, range: (start + slots.lowerBound * rowSize)..<(start + slots.upperBound * rowSize))
  }

  /// The same for all rows, of which codes asked for a few here and there.
  func releaseRows() {
    guard let file else { return }
    let start = rows.base - file.base
    file.advise(.dontNeed, range: start..<(start + count * rows.dimension * rows.storage.scalarSize))
  }

  /// Whether rows are scored with rotated queries, since they are rotated themselves.
  var isRotated: Bool { rows.storage == .int8 }

  /// The vector of `slot` as float32.
  func vector(_ slot: Int) -> [Float] {
    let row = [Float](unsafeUninitializedCapacity: rows.dimension) { output, count in
      if let base = output.baseAddress {
        ScanKernels.current.widen(rows, range: slot..<(slot + 1), into: base)
      }
      count = rows.dimension
    }
    return isRotated ? Rotation.of(dimension).undone(row) : row
  }
}

extension Array where Element == Int64 {
  /// Rising, without repetitions; the array itself when it is so already.
  var sortedItems: [Int64] {
    for index in indices.dropFirst() where self[index - 1] >= self[index] {
      let sorted = self.sorted()
      var unique: [Int64] = []
      unique.reserveCapacity(count)
      for item in sorted where unique.last != item { unique.append(item) }
      return unique
    }
    return self
  }
}
