// SPDX-License-Identifier: Apache-2.0
import Catalog
import VectorIndexes

/// What some filters allow.
struct Selection: Sendable {
  /// Ascending.
  let items: [ItemID]
  private let image: PreparedFilter
  private let caption: PreparedFilter

  init(items: [ItemID], image: VectorSearch, caption: VectorSearch) {
    self.items = items
    let filter = IDFilter(items: items)
    self.image = image.prepare(filter)
    self.caption = caption.prepare(filter)
  }

  func prepared(_ field: VectorField) -> PreparedFilter { field == .image ? image : caption }

  /// - Complexity: O(log n).
  func contains(_ item: ItemID) -> Bool {
    var low = 0
    var high = items.count
    while low < high {
      let middle = (low + high) / 2
      if items[middle] < item { low = middle + 1 } else { high = middle }
    }
    return low < items.count && items[low] == item
  }
}
