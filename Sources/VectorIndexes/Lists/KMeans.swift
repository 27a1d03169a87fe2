// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra
internal import Synchronization

/// Spherical k-means: centroids of length 1, each vector with the centroid of the largest dot product.
///
/// Lloyd's iterations over a sample, as matrix products on all threads, in bytes: with VNNI four times as fast as in single
/// precision. A row that lies between two centroids may join the other, which the means do not feel. The result depends on
/// the rows, and by rounding on the CPU's level, not on the number of threads: every piece of work is fixed, and sums are
/// taken in the order of slots.
struct KMeans: Sendable {
  /// Rows that one matrix product compares with all centroids.
  static let tileRows = 128
  /// Rows of the sample for each centroid.
  static let sampleShare = 64
  static let iterations = 10

  let rows: StoredRows
  let pool: ComputePool

  /// The centroids, `[count, dimension]`.
  ///
  /// - Throws: what `progress` throws.
  func centroids(_ count: Int, progress: (Double) throws -> Void) rethrows -> [Float] {
    try centroids(
      count, of: Self.sample(of: rows.count, atMost: count * Self.sampleShare), progress: progress)
  }

  /// The centroids of some rows, `[count, dimension]`.
  func centroids(_ count: Int, of sample: [UInt32], progress: (Double) throws -> Void) rethrows -> [Float] {
    var centroids = initial(count, from: sample)
    for iteration in 0..<Self.iterations {
      let nearest = assign(sample, to: centroids)
      centroids = means(of: sample, nearest, count: count, previous: centroids)
      try progress(Double(iteration + 1) / Double(Self.iterations))
    }
    return centroids
  }

  /// `limit` slots spread evenly, or all.
  static func sample(of count: Int, atMost limit: Int) -> [UInt32] {
    guard count > limit else { return Array(0..<UInt32(count)) }
    return (0..<limit).map { UInt32($0 * count / limit) }
  }

  /// Random rows of the sample, all before one comes again: rows that follow one another are often of one series.
  private func initial(_ count: Int, from sample: [UInt32]) -> [Float] {
    var order = sample
    var random = SplitMix64(state: 1)
    for index in 0..<min(count, order.count) {
      let other = index + Int(random.next() % UInt64(order.count - index))
      order.swapAt(index, other)
    }
    var centroids = [Float](repeating: 0, count: count * rows.dimension)
    centroids.withUnsafeMutableBufferPointer { centroids in
      guard let base = centroids.baseAddress else { return }
      for index in 0..<count { widen(order[index % order.count], into: base + index * rows.dimension) }
    }
    return centroids
  }

  private func widen(_ slot: UInt32, into output: UnsafeMutablePointer<Float>) {
    ScanKernels.current.widen(rows, range: Int(slot)..<(Int(slot) + 1), into: output)
  }

  /// The nearest centroid of each of `slots`, or one about as near.
  private func assign(_ slots: [UInt32], to centroids: [Float]) -> [UInt32] {
    let (count, dimension) = (centroids.count / rows.dimension, rows.dimension)
    let packed = PackedMatrix(
      packing: [WeightMatrix(rows: count, columns: dimension, values: centroids)], precision: .int8)
    let nearest = SharedArray<UInt32>(count: slots.count)
    let tiles = (slots.count + Self.tileRows - 1) / Self.tileRows
    let next = Atomic<Int>(0)
    pool.forEach(min(tiles, pool.threadCount)) { _ in
      var tile = Activations()
      var products = Matrix()
      while true {
        let first = next.add(1, ordering: .relaxed).oldValue * Self.tileRows
        guard first < slots.count else { return }
        let own = slots[first..<min(first + Self.tileRows, slots.count)]
        tile.matrix.resize(rows: own.count, columns: dimension)
        for (row, slot) in own.enumerated() {
          var target = tile.matrix.mutableRow(row)
          target.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { widen(slot, into: base) } }
        }
        tile.round(to: .int8)
        products.resize(rows: own.count, columns: count)
        GEMM.multiply(tile, packed, into: &products)
        for row in 0..<own.count { nearest.base[first + row] = Self.largest(of: products.row(row)) }
      }
    }
    return nearest.array
  }

  /// The place of the largest number, the first of equal ones.
  private static func largest(of numbers: Span<Float>) -> UInt32 {
    numbers.withUnsafeBufferPointer { numbers in
      guard let base = numbers.baseAddress else { return 0 }
      var lanes = SIMD16<Float>(repeating: -.infinity)
      let whole = numbers.count & ~15
      for first in stride(from: 0, to: whole, by: 16) {
        let some = UnsafeRawPointer(base + first).loadUnaligned(as: SIMD16<Float>.self)
        lanes.replace(with: some, where: some .> lanes)
      }
      var best = lanes.max()
      for index in whole..<numbers.count { best = max(best, numbers[index]) }
      var place = 0
      while place < numbers.count - 1, numbers[place] != best { place += 1 }
      return UInt32(place)
    }
  }

  /// Calls `body` with the dot products of some rows and all centroids, `[tileCount, centroids]`, on all threads.
  func compare(
    _ slots: [UInt32], with centroids: [Float],
    _ body: @Sendable (_ first: Int, _ tileCount: Int, _ products: UnsafePointer<Float>) -> Void
  ) {
    let count = centroids.count / rows.dimension
    let tiles = (slots.count + Self.tileRows - 1) / Self.tileRows
    pool.forEach(tiles) { tile in
      let first = tile * Self.tileRows
      let tileCount = min(Self.tileRows, slots.count - first)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: tileCount * rows.dimension) { copies in
        guard let copies = copies.baseAddress else { return }
        for row in 0..<tileCount { widen(slots[first + row], into: copies + row * rows.dimension) }
        let products = UnsafeMutablePointer<Float>.allocate(capacity: tileCount * count)
        defer { products.deallocate() }
        ScanKernels.current.multiply(
          queries: copies, queryCount: tileCount, rows: centroids, rowCount: count, dimension: rows.dimension,
          into: products)
        body(first, tileCount, products)
      }
    }
  }

  /// The normalised mean of each centroid's rows. A centroid without rows takes the place of a row of the largest.
  private func means(
    of slots: [UInt32], _ nearest: [UInt32], count: Int, previous: [Float]
  ) -> [Float] {
    let members = Members(nearest, count: count)
    let dimension = rows.dimension
    let centroids = SharedArray<Float>(copying: previous)
    pool.forEach(count) { list in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * dimension) { memory in
        guard let sum = memory.baseAddress, !members[list].isEmpty else { return }
        let row = sum + dimension
        sum.update(repeating: 0, count: dimension)
        for index in members[list] {
          widen(slots[Int(index)], into: row)
          for place in 0..<dimension { sum[place] += row[place] }
        }
        Self.normalize(sum, dimension, into: centroids.base + list * dimension)
      }
    }
    replaceEmpty(members, slots, centroids)
    return centroids.array
  }

  private func replaceEmpty(_ members: Members, _ slots: [UInt32], _ centroids: SharedArray<Float>) {
    let empty = (0..<members.count).filter { members[$0].isEmpty }
    guard !empty.isEmpty else { return }
    let largest = (0..<members.count).sorted {
      (members[$1].count, $0) < (members[$0].count, $1)
    }
    for (turn, list) in empty.enumerated() {
      let donor = members[largest[turn % largest.count]]
      guard donor.count > 1 else { return }
      widen(
        slots[Int(donor[donor.startIndex + donor.count / 2])], into: centroids.base + list * rows.dimension)
    }
  }

  private static func normalize(
    _ sum: UnsafePointer<Float>, _ count: Int, into output: UnsafeMutablePointer<Float>
  ) {
    var squares = 0.0
    for index in 0..<count { squares += Double(sum[index]) * Double(sum[index]) }
    // Rows that cancel out leave the centroid where it was.
    guard squares > 1e-12 else { return }
    let scale = Float(1 / squares.squareRoot())
    for index in 0..<count { output[index] = sum[index] * scale }
  }
}

/// Which elements belong to each of some lists, in their own order: a counting sort.
struct Members: Sendable {
  let count: Int
  private let starts: [Int]
  private let order: [UInt32]

  /// - Parameter lists: the list of each element, below `count`.
  init(_ lists: [UInt32], count: Int) {
    var starts = [Int](repeating: 0, count: count + 1)
    for list in lists { starts[Int(list) + 1] += 1 }
    for list in 0..<count { starts[list + 1] += starts[list] }
    var next = starts
    var order = [UInt32](repeating: 0, count: lists.count)
    for (index, list) in lists.enumerated() {
      order[next[Int(list)]] = UInt32(index)
      next[Int(list)] += 1
    }
    self.count = count
    self.starts = starts
    self.order = order
  }

  /// The elements of a list, rising.
  subscript(list: Int) -> ArraySlice<UInt32> { order[starts[list]..<starts[list + 1]] }
}
