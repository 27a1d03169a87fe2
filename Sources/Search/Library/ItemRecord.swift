// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import SystemPackage

/// One picture of a library, and what is said of it.
package struct ItemRecord: Sendable {
  package let item: Item
  /// Where the file is.
  package let path: FilePath
  /// The folder it is indexed by, absolute.
  package let root: FilePath
  package let captions: [String]
  package let tags: [String]
}

extension LibrarySnapshot {
  /// What the catalog holds of an item; nil when there is no such item.
  package func record(of id: ItemID) throws -> ItemRecord? {
    guard let item = try catalog.items([id]).first, let root = rootPaths[item.file.root] else { return nil }
    let captions = try catalog.captions(of: [id])[id] ?? []
    return ItemRecord(
      item: item, path: path(of: item), root: root,
      captions: captions.filter { !$0.isBoilerplate }.map(\.text), tags: try catalog.tags(of: [id])[id] ?? [])
  }
}
