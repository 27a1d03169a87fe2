// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// The two lists of each vector.
///
/// The first is that of the nearest centroid c. The second, c', is chosen to be near too but in another direction, so
/// that a query that the first misses is likely to meet it: among the nearest it minimises |x - c'|² + λ ⟨r̂, x - c'⟩² with
/// r̂ = (x - c) / |x - c| and λ = 1 (SOAR, arXiv 2404.00774).
struct ListAssignment {
  /// How many centroids are looked at for the second list.
  static let neighborhood = 24
  static let lambda: Float = 1

  /// Of each of the slots.
  let first: [UInt32]
  /// Of each of the slots; the first list again where there is only one.
  let second: [UInt32]

  /// Finds the lists of the rows `slots` of `means`.
  ///
  /// - Throws: what `progress` throws.
  init(
    _ means: KMeans, centroids: [Float], of slots: [UInt32], progress: (Double) throws -> Void
  ) rethrows {
    let (rows, dimension) = (means.rows, means.rows.dimension)
    let listCount = centroids.count / dimension
    let first = SharedArray<UInt32>(count: slots.count)
    let second = SharedArray<UInt32>(count: slots.count)
    let centroidRows = SharedRows(centroids, dimension: dimension)
    // In parts, to tell how far it is.
    let part = 65_536
    for start in stride(from: 0, to: slots.count, by: part) {
      let end = min(start + part, slots.count)
      let some = Array(slots[start..<end])
      means.compare(some, with: centroids) { offset, tileCount, products in
        var nearest = NearestLists()
        for index in offset..<(offset + tileCount) {
          nearest.find(products + (index - offset) * listCount, count: listCount)
          first.base[start + index] = nearest.lists[0].id
          second.base[start + index] = nearest.second(
            rows: rows, slot: Int(some[index]), centroids: centroidRows.rows)
        }
      }
      try progress(Double(end) / Double(slots.count))
    }
    self.first = first.array
    self.second = second.array
  }
}

/// The centroids nearest to one vector.
private struct NearestLists {
  /// Best first, with the dot products.
  private(set) var lists: [Candidate] = []
  private var found: [UInt32] = []
  private var residual: [Float] = []

  mutating func find(_ products: UnsafePointer<Float>, count: Int) {
    let wanted = ListAssignment.neighborhood
    if found.count < count { found = [UInt32](repeating: 0, count: count) }
    let foundCount = ScanKernels.current.select(
      products, count: count, atLeast: Self.floor(products, count, wanted), into: &found)
    lists.removeAll(keepingCapacity: true)
    for index in 0..<foundCount {
      lists.append(Candidate(score: products[Int(found[index])], id: found[index]))
    }
    // All products may be NaN only if a row is: the writer refused it.
    if lists.isEmpty { lists.append(Candidate(score: 0, id: 0)) }
    lists.withUnsafeMutableBufferPointer { all in
      if all.count > wanted { CodeKernels.current.keepBest(all, wanted) }
    }
    if lists.count > wanted { lists.removeSubrange(wanted...) }
    lists.sort { $0.precedes($1) }
  }

  /// A product that at least `wanted` of them reach: the `wanted`-th largest of the maxima of as many groups or more.
  private static func floor(_ products: UnsafePointer<Float>, _ count: Int, _ wanted: Int) -> Float {
    let size = count / (2 * wanted)
    guard size >= 2 else { return -.infinity }
    var maxima: [Float] = []
    maxima.reserveCapacity(2 * wanted + 1)
    for first in stride(from: 0, to: count, by: size) {
      var best: Float = -.infinity
      for index in first..<min(first + size, count) { best = max(best, products[index]) }
      maxima.append(best)
    }
    maxima.sort(by: >)
    return maxima[wanted - 1]
  }

  /// The second list: see ``ListAssignment``.
  mutating func second(rows: StoredRows, slot: Int, centroids: StoredRows) -> UInt32 {
    guard lists.count > 1 else { return lists[0].id }
    let dimension = rows.dimension
    if residual.isEmpty { residual = [Float](repeating: 0, count: dimension) }
    ScanKernels.current.widen(rows, range: slot..<(slot + 1), into: &residual)
    let own = centroids.row(Int(lists[0].id)).assumingMemoryBound(to: Float.self)
    var (squareOfX, squareOfR): (Float, Float) = (0, 0)
    for index in 0..<dimension {
      squareOfX += residual[index] * residual[index]
      residual[index] -= own[index]
      squareOfR += residual[index] * residual[index]
    }
    let slots = lists.dropFirst().map(\.id)
    // ⟨r, c'⟩ for each c'.
    var products = [Float](repeating: 0, count: slots.count)
    slots.withUnsafeBufferPointer {
      ScanKernels.current.score(query: residual, rows: centroids, slots: $0, into: &products)
    }
    var best = (loss: Float.infinity, list: lists[1].id)
    for (index, list) in slots.enumerated() {
      let distance = squareOfX - 2 * lists[index + 1].score + 1
      let along = squareOfX - lists[0].score - products[index]
      let loss = distance + ListAssignment.lambda * along * along / max(squareOfR, 1e-20)
      if loss < best.loss { best = (loss, list) }
    }
    return best.list
  }
}
