// SPDX-License-Identifier: Apache-2.0
package import Compute
internal import LinearAlgebra
internal import Synchronization
internal import SystemPackage

/// A segment or the fresh vectors, less what was deleted.
package struct VectorSource: Sendable {
  let table: VectorTable
  /// Slots that are still wanted; nil stands for all.
  let live: SlotBitmap?
  let name: String

  init(table: VectorTable, live: SlotBitmap?, name: String) {
    self.table = table
    self.live = live
    self.name = name
  }

  /// A segment, without the items in `tombstones`.
  package init(_ segment: Segment, tombstones: [Int64] = []) {
    self.init(segment, deleted: tombstones.isEmpty ? nil : segment.bitmap(of: tombstones))
  }

  /// A segment, without the slots in `deleted`.
  package init(_ segment: Segment, deleted: SlotBitmap?) {
    precondition(deleted.map { $0.slotCount == segment.count } ?? true, "the bitmap is of another segment")
    table = segment.table
    live = deleted?.inverted
    name = segment.path.string
  }

  /// Fresh vectors, without the items in `tombstones`.
  package init(_ fresh: FreshVectors, tombstones: [Int64] = []) {
    table = fresh.table
    live = tombstones.isEmpty ? nil : fresh.bitmap(of: tombstones).inverted
    name = "fresh vectors"
  }
}

/// Search over one field of a library: some segments and the fresh vectors, frozen.
///
/// Answers are items: of an item's vectors the nearest counts. Their order is score falling, then item id rising. The
/// same sources and query give the same bits, whatever the number of threads, the CPU level, and whether queries come
/// alone or in batches; exact search also however vectors are spread over sources.
package struct VectorSearch: Sendable {
  /// Numbers in a vector.
  package let dimension: Int
  /// How many live vectors there are.
  package let vectorCount: Int
  let sources: [VectorSource]
  /// How many slots of each source are live.
  let liveCounts: [Int]
  let pool: ComputePool
  /// The space of the codes; nil when no source has any.
  private let rotation: Rotation?
  /// Whether scans give pages back.
  private let releasesPages: Bool
  private let searchID: UInt64
  private static let searchCount = Atomic<UInt64>(0)

  /// Freezes `sources`.
  ///
  /// - Throws: ``IndexError``, `.wrongDimension`, when a source has another dimension.
  ///
  /// - Parameter memoryLimit: when the sources' files are larger than this together, pages that a scan has read are given
  ///   back to the system as soon as it is done with them, so that a large library does not push other programs out.
  package init(dimension: Int, sources: [VectorSource], memoryLimit: Int? = nil) throws(IndexError) {
    try self.init(dimension: dimension, sources: sources, pool: .shared, memoryLimit: memoryLimit)
  }

  /// The same, with threads of its own: for benchmarks and tests.
  package init(
    dimension: Int, sources: [VectorSource], pool: ComputePool, memoryLimit: Int? = nil
  ) throws(IndexError) {
    for source in sources where source.table.dimension != dimension {
      throw IndexError(
        .wrongDimension,
        "\(source.name): vectors of dimension \(source.table.dimension) among those of \(dimension)")
    }
    self.dimension = dimension
    self.sources = sources
    self.pool = pool
    rotation = sources.contains { $0.table.codes != nil } ? Rotation(dimension: dimension) : nil
    releasesPages = memoryLimit.map { $0 < sources.reduce(0) { $0 + $1.table.mappedSize } } ?? false
    liveCounts = sources.map { $0.live?.count ?? $0.table.count }
    vectorCount = liveCounts.reduce(0, +)
    searchID = Self.searchCount.add(1, ordering: .relaxed).newValue
  }

  /// Turns a filter into slots: O(m log(n / m)) for m ids among n vectors. The first query that asks lists under it counts
  /// what they hold of it: O(n).
  package func prepare(_ filter: IDFilter) -> PreparedFilter {
    let allowed = sources.map { source in
      var slots = source.table.bitmap(of: filter.items)
      if let live = source.live { slots.subtract(live.inverted) }
      return slots
    }
    let counts = allowed.map(\.count)
    let occupancies = sources.indices.map { index -> DeferredOccupancy? in
      let table = sources[index].table
      guard counts[index] >= table.count / SearchPlanner.gatheredShare else { return nil }
      return DeferredOccupancy(table, allowed[index], pool: pool)
    }
    return PreparedFilter(allowed: allowed, counts: counts, occupancies: occupancies, searchID: searchID)
  }

  /// The `k` items nearest to `query`, fewer when there are fewer.
  ///
  /// - Parameters:
  ///   - query: `[dimension]`; of any length, so that scores scale with it.
  ///   - filter: made by ``prepare(_:)`` of this very search.
  /// - Throws: ``IndexError`` when the query has another dimension or is not finite.
  package func neighbors(
    of query: [Float], k: Int, filter: PreparedFilter? = nil, recall: Recall = .exact
  ) throws(IndexError) -> [Neighbor] {
    try neighbors(ofEach: query, count: 1, k: k, filter: filter, recall: recall)[0]
  }

  /// The `k` nearest items of each of `count` queries; the same answers as one by one, and faster.
  ///
  /// - Parameter queries: `[count, dimension]`.
  package func neighbors(
    ofEach queries: [Float], count: Int, k: Int, filter: PreparedFilter? = nil, recall: Recall = .exact
  ) throws(IndexError) -> [[Neighbor]] {
    try check(queries, count: count)
    let allowed = slots(filter)
    guard k > 0, count > 0 else { return [[Neighbor]](repeating: [], count: count) }
    let k = min(k, max(vectorCount, 1))
    let quantized = rotation.map { QuantizedQueries(queries, count: count, rotation: $0, pool: pool) }
    let plans = plans(filter, k: k, recall: recall)
    var lists = scan(queries, count, k: k, quantized, allowed, plans)
    if let quantized { probe(queries, quantized, k: k, filter, plans, into: &lists) }
    return lists.map { TopK.merge($0, k: k) }
  }

  /// How each source is looked through.
  func plans(_ filter: PreparedFilter?, k: Int, recall: Recall) -> [SourcePlan] {
    let planner = SearchPlanner(k: k, recall: recall)
    let counts = filter?.counts ?? liveCounts
    return sources.indices.map { index in
      planner.plan(
        sources[index].table, allowedCount: counts[index],
        isFiltered: filter?.occupancies[index] != nil)
    }
  }

  /// How ``neighbors(of:k:filter:recall:)`` looks through each source, in words.
  package func paths(k: Int, filter: PreparedFilter? = nil, recall: Recall) -> [String] {
    zip(sources, plans(filter, k: min(k, max(vectorCount, 1)), recall: recall)).map { source, plan in
      "\(source.table.count) vectors: \(plan.description(source.table))"
    }
  }

  /// How many sources ``neighbors(of:k:filter:recall:)`` looks through by their lists, and how many as a whole.
  package func planCounts(k: Int, filter: PreparedFilter? = nil, recall: Recall) -> (
    probed: Int, scanned: Int
  ) {
    plans(filter, k: min(k, max(vectorCount, 1)), recall: recall).reduce(into: (probed: 0, scanned: 0)) {
      counts, plan in
      switch plan {
      case .probe: counts.probed += 1
      case .scan: counts.scanned += 1
      case .skip: break
      }
    }
  }

  /// Looks at all allowed vectors of the sources that are planned to be scanned.
  func scan(
    _ queries: [Float], _ count: Int, k: Int, _ quantized: QuantizedQueries?, _ allowed: [SlotBitmap?],
    _ plans: [SourcePlan]
  ) -> [[[Neighbor]]] {
    let scan = Scan(queries: queries, count: count, dimension: dimension, k: k, quantized: quantized)
    let parts = blocks(allowed, plans)
    let answers = Mutex([[[Neighbor]]](repeating: [], count: count))
    let chunks = scan.queryChunks
    pool.forEach(parts.count * chunks.count) { task in
      // Blocks outermost, so that a block's rows are read once from memory for all chunks of queries.
      let (block, chunk) = (parts[task / chunks.count], chunks[task % chunks.count])
      let best = scan.best(of: chunk, in: block)
      if releasesPages { block.table.release(block.slots) }
      answers.withLock { answers in
        for (query, list) in zip(chunk, best) where !list.isEmpty { answers[query].append(list) }
      }
    }
    if releasesPages { for source in sources { source.table.releaseRows() } }
    return answers.withLock { $0 }
  }

  /// The slots of each source that a search may return; nil stands for all.
  func slots(_ filter: PreparedFilter?) -> [SlotBitmap?] {
    guard let filter else { return sources.map(\.live) }
    precondition(filter.searchID == searchID, "the filter was prepared for another search")
    return filter.allowed
  }

  /// Cuts the sources into pieces of work, leaving out those without an allowed slot.
  private func blocks(_ allowed: [SlotBitmap?], _ plans: [SourcePlan]) -> [Block] {
    var blocks: [Block] = []
    for (index, source) in sources.enumerated() {
      guard case .scan = plans[index] else { continue }
      let allowed = allowed[index]
      for first in stride(from: 0, to: source.table.count, by: Block.size) {
        let slots = first..<min(first + Block.size, source.table.count)
        let count = allowed?.count(in: slots) ?? slots.count
        guard count > 0 else { continue }
        let isWhole = count == slots.count
        blocks.append(
          Block(table: source.table, slots: slots, allowed: isWhole ? nil : allowed, allowedCount: count))
      }
    }
    return blocks
  }

  func check(_ queries: [Float], count: Int) throws(IndexError) {
    guard queries.count == count * dimension else {
      throw IndexError(
        .wrongDimension, "\(queries.count) numbers are not \(count) queries of dimension \(dimension)")
    }
    guard queries.allSatisfy(\.isFinite) else {
      throw IndexError(.invalidVector, "the query holds a number that is not finite")
    }
  }
}

/// Some slots of one source that follow one another: one piece of work.
struct Block: Sendable {
  /// A multiple of 64. Large enough to make a piece of work worth its start, small enough to share.
  static let size = 8192

  let table: VectorTable
  let slots: Range<Int>
  /// The slots of the whole table that may be returned; nil when all of this block may.
  let allowed: SlotBitmap?
  /// How many slots of this block may be returned.
  let allowedCount: Int
}
