// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import LinearAlgebra
import TestSupport
import Testing

@testable import Search

@Suite struct VectorPrecisionsTests {
  private let pictures: PictureFolder

  init() throws { pictures = try PictureFolder() }

  /// Runs `duet index` with a model that computes in `precision`.
  @discardableResult
  private func index(_ precision: Precision, rebuilds: Bool = false) async throws -> Ingestor.Report {
    var options = IngestOptions()
    options.folders = [pictures.root]
    options.rebuilds = rebuilds
    return try await Ingestor(
      location: pictures.location, embedder: ColourEmbedder(precision: precision), options: options
    ).run()
  }

  private var kinds: [Precision] {
    get throws {
      let catalog = try pictures.snapshot().catalog
      return try catalog.spaces().flatMap { try VectorPrecisions(of: $0.id, in: catalog).kinds }
    }
  }

  @Test func `those that vectors were computed in are known, and no others`() async throws {
    try await index(.int8)
    #expect(try kinds == [])
    try pictures.paint("red.png", 250, 5, 5)
    try await index(.float32)
    #expect(try kinds == [.float32])
    // Nothing to do.
    try await index(.bfloat16)
    #expect(try kinds == [.float32])
    try pictures.paint("blue.png", 5, 5, 250)
    try await index(.bfloat16)
    #expect(try kinds == [.float32, .bfloat16])
  }

  @Test func `a rebuild leaves one`() async throws {
    try pictures.paint("red.png", 250, 5, 5)
    try pictures.folder.write("a red thing", to: "red.txt")
    try await index(.float32)
    #expect(try await index(.int8, rebuilds: true).summary.indexed == 1)
    #expect(try kinds == [.int8])
  }

  @Test func `pictures that a rebuild could not read keep the kind that they had`() async throws {
    for name in ["red", "green", "blue"] {
      try pictures.paint("\(name).png", 250, 5, 5, side: name.utf8.count)
    }
    try await index(.float32)
    try pictures.folder.write("no picture", to: "green.png")
    let report = try await index(.int8, rebuilds: true)
    #expect(report.summary.indexed == 2)
    #expect(try kinds == [.float32, .int8])
  }
}
