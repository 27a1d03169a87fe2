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
      let status = try FileStatus(of: path)
      let entry = folder.appending(
        "\(status.device)-\(status.inode)-\(status.size)-\(status.modified)")
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

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
