// SPDX-License-Identifier: Apache-2.0
package import Embedders
import Files
import LinearAlgebra
package import SystemPackage

/// Keeps the projections of pictures from one run to the next, by model and content.
///
/// A folder for each model holds pieces that are never changed, each named by the hash of its own bytes: one that was
/// damaged is not believed, and runs beside each other cannot spoil each other's. All of it can be deleted; a cache that
/// cannot be written costs time, never an error.
///
///     piece = "DUETPRJ1" dimension:u32 count:u32 count × (hash: 16 bytes) count × dimension × f32, little-endian
package struct ProjectionCache: Sendable {
  /// A picture's content and its un-normalised projection.
  struct Entry: Sendable {
    let content: ContentHash
    let projection: [Float]
  }

  private static let magic = Array("DUETPRJ1".utf8)
  private static let suffix = ".projections"
  /// More than any piece that is written.
  private static let largestPiece = 1 << 30

  private let folder: FilePath
  private let dimension: Int

  /// The cache of one model below `folder`.
  package init(in folder: FilePath, model: ModelIdentity) {
    let facts =
      "\(model.weightsHash)\n\(model.dimension)\n\(model.preprocessing)\n\(model.precision.rawValue)"
    self.folder = folder.appending(ContentHash(of: Array(facts.utf8)).description)
    dimension = model.dimension
  }

  /// The cache of one model in the user's cache.
  package init(of model: ModelIdentity) {
    self.init(in: BaseDirectories.current.cache.appending("evaluation"), model: model)
  }

  /// Hands every entry to `body`, one piece in memory at a time.
  func forEach(_ body: (Entry) throws -> Void) throws {
    for name in (try? Folders.names(in: folder)) ?? [] where name.hasSuffix(Self.suffix) {
      try Task.checkCancellation()
      let path = folder.appending(name)
      guard let bytes = try? readFile(path, limit: Self.largestPiece),
        ContentHash(of: bytes).description + Self.suffix == name, let entries = try? parse(bytes, path)
      else { continue }
      for entry in entries { try body(entry) }
    }
  }

  /// Adds a piece.
  func store(_ entries: [Entry]) {
    guard !entries.isEmpty else { return }
    var bytes = Self.magic
    for number in [UInt32(dimension), UInt32(entries.count)] { append(number, to: &bytes) }
    for entry in entries { bytes += entry.content.bytes }
    bytes.reserveCapacity(bytes.count + entries.count * dimension * 4)
    for entry in entries {
      for value in entry.projection { append(value.bitPattern, to: &bytes) }
    }
    try? Folders.create(folder)
    try? AtomicFile.write(
      bytes, to: folder.appending(ContentHash(of: bytes).description + Self.suffix))
  }

  private func append(_ number: UInt32, to bytes: inout [UInt8]) {
    for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
  }

  private func parse(_ bytes: [UInt8], _ path: FilePath) throws -> [Entry] {
    var reader = ByteReader(bytes.span.bytes, path: path)
    guard try reader.readBytes(Self.magic.count) == Self.magic,
      Int(try reader.readLittleEndian(UInt32.self)) == dimension
    else { return [] }
    let count = Int(try reader.readLittleEndian(UInt32.self))
    guard reader.remaining == count * (16 + dimension * 4) else { return [] }
    var contents: [ContentHash] = []
    for _ in 0..<count {
      contents.append(
        ContentHash(low: try reader.readLittleEndian(), high: try reader.readLittleEndian()))
    }
    return try contents.map { content in
      var projection: [Float] = []
      projection.reserveCapacity(dimension)
      for _ in 0..<dimension {
        projection.append(Float(bitPattern: try reader.readLittleEndian(UInt32.self)))
      }
      return Entry(content: content, projection: projection)
    }
  }
}
