// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import LinearAlgebra
internal import Synchronization

/// How near a query must be to some list before lists tell where its neighbours are.
///
/// To a query in no direction that rows lie in, all lists are about equally far, and its neighbours are anywhere: what
/// was measured with trial queries says nothing of it. So far is a query that is no nearer to any centroid than random
/// directions are, of which some are tried when the first query asks.
final class ListReach: Sendable {
  private static let directionCount = 64
  private let known = Mutex<Float?>(nil)

  /// The cosine with the nearest centroid that a query must be above. The first call takes as long as the choice of lists
  /// for ``directionCount`` queries; others wait for it.
  func cosine(_ table: VectorTable, rotation: Rotation, pool: ComputePool) -> Float {
    known.withLock { known in
      if let known { return known }
      let cosine = Self.largestCosine(table, rotation, pool)
      known = cosine
      return cosine
    }
  }

  private static func largestCosine(_ table: VectorTable, _ rotation: Rotation, _ pool: ComputePool) -> Float
  {
    var random = SplitMix64(state: 3)
    let directions = (0..<(directionCount * rotation.dimension)).map { _ in random.uniform() }
    let quantized = QuantizedQueries(directions, count: directionCount, rotation: rotation, pool: pool)
    return (0..<directionCount).compactMap { query in
      let lookup = LookupTable(quantized, query: query)
      return ListSearch(quantized, query: query, lookup: lookup, table: table, pool: pool)?.nearestCosine
    }.max() ?? -1
  }
}
