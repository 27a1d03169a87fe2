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
