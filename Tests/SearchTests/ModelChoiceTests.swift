// SPDX-License-Identifier: Apache-2.0
import Embedders
import Testing

@testable import Search

@Suite struct ModelChoiceTests {
  /// A library whose model was called that.
  private func library(of model: String) async throws -> PictureFolder {
    let pictures = try PictureFolder(embedder: ColourEmbedder(id: model))
    try pictures.paint("red.png", 250, 5, 5)
    try await pictures.index()
    return pictures
  }

  @Test func `a library of an earlier built-in model is brought up to date with the present one`()
    async throws
  {
    let pictures = try await library(of: "builtin")
    let reader = try LibraryReader(pictures.location)
    let error = #expect(throws: SearchError.self) { try reader.model() }
    #expect(error?.code == .modelMismatch && error?.message.contains("run 'duet index'") == true)
    let choice = try reader.modelForIndexing()
    #expect(choice.source == .builtin)
    let options = IngestOptions()
    let ingestor = try Ingestor(location: pictures.location, embedder: choice.embedder, options: options)
    #expect(try await ingestor.run().summary.indexed == 1)
    try ingestor.close()
    #expect(try LibraryReader(pictures.location).model().source == .builtin)
  }

  @Test func `another model that is not here is asked for`() async throws {
    let pictures = try await library(of: "acme/gone")
    let reader = try LibraryReader(pictures.location)
    let error = #expect(throws: SearchError.self) { try reader.modelForIndexing() }
    #expect(error?.code == .modelMismatch && error?.message.contains("acme/gone") == true)
    withExtendedLifetime(pictures) {}
  }
}
