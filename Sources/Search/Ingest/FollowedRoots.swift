// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import Synchronization
import SystemPackage

/// What a watch follows: the roots of a library, or the folders in them that were named.
///
/// The catalog is read again only when its files have changed, so that asking often costs two looks at a file.
final class FollowedRoots: Sendable {
  private struct State {
    var catalog: [FileStatus?] = []
    var parts: [FolderWatcher.Part] = []
  }

  private let location: LibraryLocation
  private let folders: [FilePath]
  private let state = Mutex(State())

  /// - Parameter folders: absolute paths; none means every root.
  init(_ location: LibraryLocation, folders: [FilePath]) {
    self.location = location
    self.folders = folders.map { $0.lexicallyNormalized() }
  }

  /// As the catalog has them now; as they were when it cannot be read.
  func parts() -> [FolderWatcher.Part] {
    state.withLock { state in
      let files = [location.catalog, location.directory.appending("catalog.sqlite-wal")]
      let catalog = files.map { try? FileStatus(of: $0) }
      guard catalog != state.catalog, let roots = try? roots() else { return state.parts }
      state.catalog = catalog
      state.parts = Self.parts(of: folders, roots: roots)
      return state.parts
    }
  }

  /// Which part of which root each folder is. One that lies in no root, any more, is left out.
  static func parts(of folders: [FilePath], roots: [FilePath]) -> [FolderWatcher.Part] {
    guard !folders.isEmpty else { return roots.map { FolderWatcher.Part(root: $0) } }
    return folders.compactMap { folder in
      guard let root = roots.first(where: { folder.starts(with: $0) }) else { return nil }
      var start = folder
      _ = start.removePrefix(root)
      return FolderWatcher.Part(root: root, start: start)
    }
  }

  private func roots() throws -> [FilePath] {
    let reader = try LibraryReader(location)
    defer { try? reader.catalog.close() }
    return try reader.catalog.roots().map { location.resolve(root: $0.path) }
  }
}
