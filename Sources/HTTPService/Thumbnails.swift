// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import Glibc
import Images
import Search
import Synchronization
import SystemPackage

/// Pictures made small, kept on disk by what they show: `CACHE/thumbnails/ab/HASH-SIZE.webp`.
final class Thumbnails: Sendable {
  /// Pixels of the longer side. Few, so that what one caller asked for serves the others.
  static let sizes = [128, 256, 512, 1024]
  /// Bytes on disk; when there are more, those that were made the longest ago go.
  private let budget: Int
  private let folder: FilePath
  private let written = Atomic<Int>(0)

  init(folder: FilePath, budget: Int = 512 << 20) {
    self.folder = folder
    self.budget = budget
  }

  /// On a compute thread: the WebP file, and whether it shows the content that was indexed. It does not where the file was
  /// replaced since: then it is not kept under that content's name.
  ///
  /// - Throws: ``Problem`` when the original is gone or cannot be read.
  func bytes(of record: ItemRecord, size: Int) throws -> (bytes: [UInt8], isOfRecord: Bool) {
    let name = record.item.file.hash.hexadecimal
    let path = folder.appending(String(name.prefix(2))).appending("\(name)-\(size).webp")
    if let known = try? readFile(path, limit: 8 << 20), !known.isEmpty { return (known, true) }
    let original = try OpenedOriginal.open(record)
    let bytes = try Thumbnail.webp(of: try OpenedOriginal.bytes(of: original), size: size)
    let isOfRecord =
      original.isUnchanged && original.size == record.item.file.size
      && original.modified == record.item.file.modified
    if isOfRecord { keep(bytes, at: path) }
    return (bytes, isOfRecord)
  }

  /// A disk that is full costs time only.
  private func keep(_ bytes: [UInt8], at path: FilePath) {
    do {
      try Folders.create(path.removingLastComponent())
      let file = try AtomicFileWriter(to: path, permissions: 0o600)
      try file.append(bytes)
      try file.commit()
    } catch { return }
    if written.add(1, ordering: .relaxed).newValue % 256 == 0 { trim() }
  }

  /// Deletes the oldest files until nine tenths of the budget are left.
  func trim() {
    guard let walker = try? DirectoryWalker(root: folder) else { return }
    let files = walker.compactMap { event in if case .file(let file) = event { file } else { nil } }
    var total = files.reduce(0) { $0 + $1.status.size }
    guard total > budget else { return }
    for file in files.sorted(by: { $0.status.modified < $1.status.modified }) where total > budget / 10 * 9 {
      unlink(folder.pushing(file.path).string)
      total -= file.status.size
    }
  }
}
