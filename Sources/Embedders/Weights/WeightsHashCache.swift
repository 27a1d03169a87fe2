// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import SystemPackage

/// Remembers the hashes of large files by device, inode, size and time, so that 600 MB are read once and not at each
/// start.
///
/// One small file per hash in a folder of the cache. Nothing is lost when it is deleted; a cache that cannot be written
/// costs time, never an error.
struct WeightsHashCache: Sendable {
  /// The user's cache.
  static var standard: WeightsHashCache {
    WeightsHashCache(folder: BaseDirectories.current.cache.appending("weights"))
  }

  let folder: FilePath

  /// The hash of a file's content, as 32 hexadecimal digits.
  func hash(of path: FilePath) throws(EmbedderError) -> String {
    do {
      let entry = entry(try FileStatus(of: path))
      if let known = try? readFile(entry, limit: 32), known.count == 32, known.allSatisfy(Self.isHexadecimal)
      {
        return String(decoding: known, as: UTF8.self)
      }
      let hash = try ContentHash(ofFile: path).description
      try? Folders.create(folder)
      try? AtomicFile.write([UInt8](hash.utf8), to: entry)
      return hash
    } catch {
      throw EmbedderError(.unreadable, "cannot read the weights", cause: error)
    }
  }

  /// Gives a file of a cache today's time, and keeps its hash known.
  func markUsed(_ path: FilePath) {
    guard let before = try? FileStatus(of: path) else { return }
    Folders.markUsed(path)
    guard let after = try? FileStatus(of: path), after != before,
      let hash = try? readFile(entry(before), limit: 32)
    else { return }
    try? AtomicFile.write(hash, to: entry(after))
    _ = try? Folders.removeFile(entry(before))
  }

  private func entry(_ status: FileStatus) -> FilePath {
    folder.appending("\(status.device)-\(status.inode)-\(status.size)-\(status.modified)")
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
