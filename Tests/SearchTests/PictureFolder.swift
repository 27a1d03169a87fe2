// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Foundation
import SystemPackage
import TestSupport
import VectorIndexes

@testable import Search

/// A folder of small pictures with a library in it.
struct PictureFolder {
  let folder: TemporaryDirectory
  let embedder: any Embedder

  init(embedder: any Embedder = ColourEmbedder(), inMemory: Bool = false) throws {
    folder = try TemporaryDirectory(inMemory: inMemory)
    self.embedder = embedder
  }

  var root: FilePath { FilePath(folder.path) }
  var location: LibraryLocation { LibraryLocation(directory: root.appending(".duet")) }

  /// Writes a picture of one colour. A binary PPM would be simpler, but no format of ours: this is a stored PNG.
  func paint(_ name: String, _ red: UInt8, _ green: UInt8, _ blue: UInt8, side: Int = 8) throws {
    try folder.write(TinyPNG.encode(red, green, blue, side: side), to: name)
  }

  /// Runs `duet index` on the folder.
  @discardableResult
  func index(_ parts: [String] = [""], _ change: (inout IngestOptions) -> Void = { _ in }) async throws
    -> Ingestor.Report
  {
    var options = IngestOptions()
    options.folders = parts.map { $0.isEmpty ? root : root.appending($0) }
    change(&options)
    return try await Ingestor(location: location, embedder: embedder, options: options).run()
  }

  func snapshot() throws -> LibrarySnapshot {
    try LibraryReader(location).snapshot(embedder: embedder)
  }

  /// The paths of the `k` pictures nearest to a text.
  func nearest(_ text: String, k: Int = 3) throws -> [String] {
    let snapshot = try snapshot()
    let query = try embedder.projectTexts([text]).projections.embedding(0)
    let items = try snapshot.image.neighbors(of: query, k: k).map(\.item)
    return try snapshot.catalog.items(items).map(\.file.path.string)
  }
}

/// PNG files of one colour, made by hand: stored (uncompressed) deflate blocks need no library.
enum TinyPNG {
  static func encode(_ red: UInt8, _ green: UInt8, _ blue: UInt8, side: Int) -> [UInt8] {
    let row = [0] + [UInt8]((0..<side).flatMap { _ in [red, green, blue] })
    let raw = (0..<side).flatMap { _ in row }
    precondition(raw.count < 65_536)
    var deflated: [UInt8] =
      [0x78, 0x01, 1] + littleEndian(UInt16(raw.count)) + littleEndian(~UInt16(raw.count))
    deflated += raw + bigEndian(adler(raw))
    let header = bigEndian(UInt32(side)) + bigEndian(UInt32(side)) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", deflated)
      + chunk("IEND", [])
  }

  private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(kind.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(crc(content))
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }

  private static func adler(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func littleEndian(_ value: UInt16) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
  }
}
