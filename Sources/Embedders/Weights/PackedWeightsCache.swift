// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra
package import SystemPackage

/// Keeps packed weights from one run to the next, in files that processes map and share.
///
/// A file for each tower, named by the hash of its checkpoint, the precision, the layout's version, and the hash of its own
/// bytes. It is a safetensors file of bytes, so that the same checks apply to it: ``SafeTensorsHeader``. Written beside and
/// renamed, it is there whole or not at all, whoever else writes it at the same time. All of it can be deleted; a cache
/// that cannot be written costs time, never an error.
package struct PackedWeightsCache: Sendable {
  /// What decides the bytes of a file.
  struct Key: Sendable {
    let weightsHash: String
    let tower: String
    let precision: Precision

    /// What a file's name begins with; its own hash follows.
    var prefix: String { "\(weightsHash)-\(tower)-\(precision.rawValue)-\(PackedMatrix.layoutVersion)-" }
  }

  /// The user's cache.
  package static var standard: PackedWeightsCache {
    PackedWeightsCache(folder: BaseDirectories.current.cache.appending("packed"))
  }

  private static let suffix = ".safetensors"
  /// After so many days without use a file goes when another is written.
  private static let daysKept = 60

  private let folder: FilePath
  /// Beyond so many bytes those files go that were not used for longest, to the day.
  private let byteLimit: Int
  private let hashes: WeightsHashCache

  /// The cache in `folder`, which is made when it is first needed.
  package init(folder: FilePath) { self.init(folder: folder, byteLimit: 8 << 30, hashes: .standard) }

  init(folder: FilePath, byteLimit: Int, hashes: WeightsHashCache) {
    self.folder = folder
    self.byteLimit = byteLimit
    self.hashes = hashes
  }

  /// What `make` makes of the weights of `key`: of those that are here, else of those that it packs, which are then kept.
  ///
  /// - Parameter mayKeep: asked after the weights were read: whether they still are those of `key`.
  func load<Tower>(
    _ key: Key, mayKeep: () -> Bool, _ make: (PackedWeights) throws(EmbedderError) -> Tower
  ) throws(EmbedderError) -> Tower {
    if let tower = stored(key, make) { return tower }
    let packed = PackedWeights()
    let tower = try make(packed)
    guard mayKeep(), store(packed, as: key) else { return tower }
    // Mapped pages are shared with other processes, and those just packed are given back.
    return stored(key, make) ?? tower
  }

  /// What `make` makes of the files of `key`; nil when there are none to be used. One is read once after each change of its
  /// time, and must have the hash that its name promises; one that does not fit all the same is of no use to anybody.
  private func stored<Tower>(
    _ key: Key, _ make: (PackedWeights) throws(EmbedderError) -> Tower
  ) -> Tower? {
    let names = (try? Folders.names(in: folder)) ?? []
    for name in names where name.hasPrefix(key.prefix) && name.hasSuffix(Self.suffix) {
      let path = folder.appending(name)
      guard let hash = try? hashes.hash(of: path), name == key.prefix + hash + Self.suffix,
        let map = try? MappedFile(path)
      else { continue }
      map.advise(.willNeed)
      if let file = try? WeightFile(name: path.string, storage: .mapped(map)),
        let tower = try? make(PackedWeights(file))
      {
        hashes.markUsed(path)
        return tower
      }
      _ = try? Folders.removeFile(path)
    }
    return nil
  }

  /// Writes what was packed; returns whether it is there now.
  private func store(_ weights: PackedWeights, as key: Key) -> Bool {
    let layers = weights.layers
    guard !layers.isEmpty else { return false }
    let header = Self.header(layers)
    let size = header.count + layers.reduce(0) { $0 + $1.matrix.bytes.byteCount }
    guard size <= byteLimit else { return false }
    try? Folders.create(folder)
    var hasher = ContentHasher()
    hasher.update(header)
    for layer in layers { hasher.update(layer.matrix.bytes) }
    let name = key.prefix + hasher.finalize().description + Self.suffix
    makeRoom(for: size)
    do {
      let writer = try AtomicFileWriter(to: folder.appending(name), expectedSize: size)
      try writer.append(header)
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

  /// Removes what has not been used for long, and more where the limit asks for it.
  private func makeRoom(for size: Int) {
    var kept: [(path: FilePath, status: FileStatus)] = []
    for name in (try? Folders.names(in: folder)) ?? [] {
      let path = folder.appending(name)
      guard let status = try? FileStatus(of: path) else { continue }
      let isTemporary = AtomicFile.isTemporaryName(name)
      if status.age > .seconds(86_400 * (isTemporary ? 1 : Self.daysKept)) {
        _ = try? Folders.removeFile(path)
      } else if !isTemporary {
        kept.append((path, status))
      }
    }
    var total = kept.reduce(size) { $0 + $1.status.size }
    for file in kept.sorted(by: { $0.status.modified < $1.status.modified }) where total > byteLimit {
      _ = try? Folders.removeFile(file.path)
      total -= file.status.size
    }
  }
}
