// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra
package import SystemPackage

/// Keeps packed weights from one run to the next, in files that processes map and share.
///
/// A file for each tower, named by the hash of its checkpoint, the precision and the layout's version. It is a safetensors
/// file of bytes, so that the same checks apply to it: ``SafeTensorsHeader``. Written beside and renamed, it is there
/// whole or not at all, whoever else writes it at the same time. All of it can be deleted; a cache that cannot be
/// written costs time, never an error.
package struct PackedWeightsCache: Sendable {
  /// What decides the bytes of a file.
  struct Key: Sendable {
    let weightsHash: String
    let tower: String
    let precision: Precision

    var fileName: String {
      "\(weightsHash)-\(tower)-\(precision.rawValue)-\(PackedMatrix.layoutVersion).safetensors"
    }
  }

  /// The user's cache.
  package static var standard: PackedWeightsCache {
    PackedWeightsCache(folder: BaseDirectories.current.cache.appending("packed"))
  }

  /// After so many days without use a file goes when another is written.
  private static let daysKept = 60

  private let folder: FilePath

  /// The cache in `folder`, which is made when it is first needed.
  package init(folder: FilePath) { self.folder = folder }

  /// What `make` makes of the weights of `key`: of those that are here, else of those that it packs, which are then kept.
  func load<Tower>(
    _ key: Key, _ make: (PackedWeights) throws(EmbedderError) -> Tower
  ) throws(EmbedderError) -> Tower {
    // A file that does not fit was damaged: it is made again.
    if let stored = open(key), let tower = try? make(stored) { return tower }
    let packed = PackedWeights()
    let tower = try make(packed)
    guard store(packed, as: key), let stored = open(key) else { return tower }
    // Mapped pages are shared with other processes, and those just packed are given back.
    return (try? make(stored)) ?? tower
  }

  /// The weights of `key`; nil when they are not here, or not to be used.
  private func open(_ key: Key) -> PackedWeights? {
    let path = folder.appending(key.fileName)
    guard let map = try? MappedFile(path),
      let file = try? WeightFile(name: path.string, storage: .mapped(map))
    else { return nil }
    map.advise(.willNeed)
    Folders.markUsed(path)
    return PackedWeights(file)
  }

  /// Writes what was packed; returns whether it is there now.
  private func store(_ weights: PackedWeights, as key: Key) -> Bool {
    let layers = weights.layers
    guard !layers.isEmpty else { return false }
    try? Folders.create(folder)
    removeUnused()
    do {
      let size = layers.reduce(0) { $0 + $1.matrix.bytes.byteCount }
      let writer = try AtomicFileWriter(to: folder.appending(key.fileName), expectedSize: size)
      try writer.append(Self.header(layers))
      for layer in layers { try writer.append(layer.matrix.bytes) }
      try writer.commit()
      return true
    } catch {
      return false
    }
  }

  /// The length of the header, and the header, with spaces up to the alignment.
  private static func header(_ layers: [PackedWeights.Layer]) -> [UInt8] {
    var end = 0
    let entries = layers.map { layer in
      let start = end
      end += layer.matrix.bytes.byteCount
      return
        "\"\(layer.name)\":{\"dtype\":\"U8\",\"shape\":[\(end - start)],\"data_offsets\":[\(start),\(end)]}"
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    let rest = (8 + json.count) % PackedMatrix.alignment
    if rest > 0 { json += [UInt8](repeating: UInt8(ascii: " "), count: PackedMatrix.alignment - rest) }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { [UInt8]($0) } + json
  }

  private func removeUnused() {
    for name in (try? Folders.names(in: folder)) ?? [] {
      let path = folder.appending(name)
      guard let status = try? FileStatus(of: path),
        status.age > .seconds(86_400 * (AtomicFile.isTemporaryName(name) ? 1 : Self.daysKept))
      else {
        continue
      }
      _ = try? Folders.removeFile(path)
    }
  }
}
