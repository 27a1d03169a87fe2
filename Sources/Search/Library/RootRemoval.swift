// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
package import SystemPackage

/// Takes folders out of a library.
package struct RootRemoval {
  private let location: LibraryLocation

  package init(_ location: LibraryLocation) {
    self.location = location
  }

  /// Removes a root with all its items; the files stay.
  ///
  /// - Parameter root: absolute.
  /// - Returns: the root, and how many items it had.
  /// - Throws: ``SearchError``: `invalidRequest` lists the roots there are; `libraryBusy` while somebody indexes.
  package func remove(_ root: FilePath) throws -> (path: FilePath, items: Int) {
    let lock: FileLock
    do {
      lock = try FileLock(location.ingestLock)
    } catch {
      throw SearchError(error.code == .locked ? .libraryBusy : .storage, "\(error)")
    }
    defer { lock.unlock() }
    return try Library.storing(location) {
      let store = try CatalogStore.open(location.catalog, access: .readWrite)
      defer { try? store.close() }
      let roots = try store.roots()
      guard let found = roots.first(where: { location.resolve(root: $0.path) == root }) else {
        let names = roots.map { location.resolve(root: $0.path).string }.joined(separator: ", ")
        throw SearchError(
          .invalidRequest,
          "\(root) is no root of \(location.directory); its roots are: \(names.isEmpty ? "none" : names)")
      }
      let items = try store.itemCount(root: found.id)
      try store.write { try $0.removeRoot(found.id) }
      return (root, items)
    }
  }
}
