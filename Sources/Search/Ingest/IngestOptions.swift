// SPDX-License-Identifier: Apache-2.0
package import Files
package import LinearAlgebra
package import SystemPackage

/// What `duet index` was asked to do.
package struct IngestOptions: Sendable {
  /// Absolute paths of the folders (or files) to bring up to date; none means every root of the library.
  package var folders: [FilePath] = []
  /// Believe that missing pictures are gone, also where a disk may only be unmounted.
  package var prunes = false
  /// Whether a folder that lies in no root becomes one; otherwise it is passed over.
  package var addsRoots = true
  /// Believe that a folder inside a root, looked at by itself, holds no pictures any more: somebody saw them go. A root
  /// that is empty, or has lost more than half, is not believed all the same.
  package var believesEmptyFolders = false
  /// Read and embed everything anew.
  package var rebuilds = false
  /// Which files the walk meets.
  package var walk = DirectoryWalker.Options()
  /// Vectors that may wait in the catalog before they become a segment, per field (DESIGN: 4,096).
  package var freshLimit = 4096
  /// How segments store numbers from now on; nil leaves the library's way.
  package var storage: RowStorage?

  package init() {}
}

/// A part of a root that one run brings up to date.
struct IngestPart: Sendable, Hashable {
  /// The root's path as the catalog keeps it: absolute, or relative to the library's folder, so that a library that
  /// lies in its root can be moved with it.
  let storedRoot: FilePath
  /// The root, absolute.
  let root: FilePath
  /// Where in the root the walk starts; empty for all of it.
  let start: FilePath
}

extension LibraryLocation {
  /// The absolute path of a root.
  package func resolve(root stored: FilePath) -> FilePath {
    directory.pushing(stored).lexicallyNormalized()
  }

  /// How the catalog keeps a root: relative when the library lies in it.
  func stored(root: FilePath) -> FilePath {
    directory.removingLastComponent() == root ? ".." : root
  }

  /// Which part of which root each folder is; a folder that lies in no root becomes a new one, or is left out. No two parts overlap: a
  /// folder inside another one is done with it.
  ///
  /// - Throws: `invalidRequest` for a path that is not there, or a folder that holds a root of this library.
  func parts(of folders: [FilePath], roots: [FilePath], addsRoots: Bool = true) throws -> [IngestPart] {
    let known = roots.map { (stored: $0, absolute: resolve(root: $0)) }
    guard !folders.isEmpty else {
      return known.map { IngestPart(storedRoot: $0.stored, root: $0.absolute, start: "") }
    }
    var parts: [IngestPart] = []
    let folders = folders.map { $0.lexicallyNormalized() }
    for (index, folder) in folders.enumerated() {
      let isCovered = folders.enumerated().contains { other in
        folder.starts(with: other.element) && (other.element != folder || other.offset < index)
      }
      if isCovered { continue }
      guard let status = try? FileStatus(of: folder) else {
        throw SearchError(.invalidRequest, "\(folder): no such file or folder")
      }
      if let root = known.first(where: { folder.starts(with: $0.absolute) }) {
        var start = folder
        _ = start.removePrefix(root.absolute)
        parts.append(IngestPart(storedRoot: root.stored, root: root.absolute, start: start))
        continue
      }
      guard addsRoots else { continue }
      if let inner = known.first(where: { $0.absolute.starts(with: folder) }) {
        throw SearchError(
          .invalidRequest,
          "\(folder) holds \(inner.absolute), which is a root of this library: index that one, "
            + "or take it out first with 'duet roots remove \(inner.absolute)'")
      }
      guard status.kind == .directory else {
        throw SearchError(
          .invalidRequest, "\(folder) is a file outside every root of this library: index its folder")
      }
      parts.append(IngestPart(storedRoot: stored(root: folder), root: folder, start: ""))
    }
    return parts
  }
}
