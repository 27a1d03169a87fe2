// SPDX-License-Identifier: Apache-2.0

/// The items that a search may return.
package struct IDFilter: Sendable, Hashable {
  /// Item ids, rising.
  package let items: [Int64]

  /// Allows exactly these items, in any order.
  package init(items: [Int64]) { self.items = items.sortedItems }
}

/// An ``IDFilter`` turned into slots of one ``VectorSearch``: prepared once, used by any number of queries.
package struct PreparedFilter: Sendable {
  /// The allowed live slots of each source; nil stands for all.
  let allowed: [SlotBitmap?]
  /// How many slots of each source that is.
  let counts: [Int]
  /// Where in each source's lists those slots are; nil where there are no lists, or so little is allowed that they will
  /// not be asked.
  let occupancies: [DeferredOccupancy?]
  /// Which search it was made for.
  let searchID: UInt64
  /// How many vectors it allows.
  package var vectorCount: Int { counts.reduce(0, +) }
}
