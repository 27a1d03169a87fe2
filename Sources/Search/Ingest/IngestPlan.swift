// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import SystemPackage

/// What a walk of one root means for the catalog: what is as it was, what has to be looked at, what is gone.
///
/// Size and modification time decide first; the content hash, which is known only once a file is read, decides later
/// between *changed*, *touched* and *moved*. Paths are compared by their bytes.
struct IngestPlan {
  /// A file that has to be read: new, or of another size or time than the catalog knows.
  struct Candidate: Sendable {
    let path: FilePath
    let status: FileStatus
    /// What the catalog knows of this path.
    let known: KnownFile?
  }

  /// Pictures whose file has the size and time that the catalog knows.
  private(set) var unchanged: [KnownFile] = []
  /// Files to read, in the order of the walk.
  private(set) var candidates: [Candidate] = []
  /// Pictures whose path the walk did not meet.
  private(set) var missing: [KnownFile] = []

  /// - Parameters:
  ///   - found: every picture file that the walk met.
  ///   - known: every item of this root (or of the part of it that was walked).
  ///   - unread: folders and files that the walk could not look at; items in them are neither missing nor unchanged.
  ///   - rereadsAll: `--rebuild`: nothing counts as unchanged.
  /// - Complexity: O(found + known) expected.
  init(found: [WalkedFile], known: [KnownFile], unread: [FilePath] = [], rereadsAll: Bool = false) {
    var byPath: [FilePath: KnownFile] = [:]
    byPath.reserveCapacity(known.count)
    for item in known { byPath[item.file.path] = item }
    for file in found {
      let item = byPath.removeValue(forKey: file.path)
      if let item, !rereadsAll, item.file.matches(file.status) {
        unchanged.append(item)
      } else {
        candidates.append(Candidate(path: file.path, status: file.status, known: item))
      }
    }
    missing = known.filter { item in
      byPath[item.file.path] != nil && !unread.contains { item.file.path.starts(with: $0) }
    }
  }
}

extension FileRecord {
  /// Whether a file on disk has the size and modification time recorded here.
  func matches(_ status: FileStatus) -> Bool {
    size == Int64(status.size) && modified == status.modified
  }
}

/// Finds, by content, the item that a new file used to be.
///
/// A file that was moved keeps its vectors: among the items whose path is gone, one with the same content hash is the
/// same picture. Each is given away once, so that two copies of a moved file do not both claim it.
struct MoveDetection {
  private var byHash: [[UInt8]: [KnownFile]]

  init(missing: [KnownFile]) {
    byHash = Dictionary(grouping: missing.reversed(), by: \.file.hash)
  }

  /// Takes the item that had this content, if one is gone from its path.
  mutating func claim(hash: [UInt8]) -> KnownFile? {
    guard var items = byHash[hash], let item = items.popLast() else { return nil }
    byHash[hash] = items.isEmpty ? nil : items
    return item
  }

  /// Items nobody claimed: they are gone.
  var unclaimed: [KnownFile] {
    byHash.values.joined().sorted { $0.id < $1.id }
  }
}
