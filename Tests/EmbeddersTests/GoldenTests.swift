// SPDX-License-Identifier: Apache-2.0
import Foundation
import Images
import TestSupport
import Testing

@testable import Embedders

/// What `Fixtures/Models/make_models.py` wrote: the reference's answers.
private struct Golden: Decodable {
  struct Text: Decodable {
    let text: String
    let tokens: [Int32]
    let projection: [Float]
  }

  struct Picture: Decodable {
    let file: String
    let projection: [Float]
  }

  struct Composed: Decodable {
    struct Term: Decodable {
      let kind: String
      let index: Int
      let weight: Float

      init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        kind = try values.decode(String.self)
        index = try values.decode(Int.self)
        weight = try values.decode(Float.self)
      }
    }

    let terms: [Term]
    let embedding: [Float]
  }

  let texts: [Text]
  let images: [Picture]
  let composed: [Composed]
  let padding: [Picture]?
  let oddcrop: [Picture]?

  init(_ model: String) throws {
    self = try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: Fixture.url("Models/\(model)/golden.json")))
  }

  private enum CodingKeys: String, CodingKey { case texts, images, composed, padding, oddcrop }
}

/// The law of the issue: cosine above 0.99999 and no number of a unit vector off by 1e-4.
private func expectParity(
  _ projection: [Float], _ expected: [Float], _ what: String, location: SourceLocation = #_sourceLocation
) {
  func unit(_ vector: [Float]) -> [Double] {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return vector.map { Double($0) / length }
  }
  #expect(projection.count == expected.count, "\(what): dimension", sourceLocation: location)
  let (a, b) = (unit(projection), unit(expected))
  let cosine = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 1
  #expect(cosine > 0.99999, "\(what): cosine", sourceLocation: location)
  #expect(difference < 1e-4, "\(what): largest difference", sourceLocation: location)
}

@Suite("Parity with transformers in float32")
struct GoldenTests {
  /// F32 in the old form, F16 with class defaults, BF16 in two shards.
  static let models = ["legacy", "minimal", "sharded"]

  private func picture(_ file: String) throws -> Image {
    try ImageDecoder.decode(Fixture.bytes("Models/images/\(file)"), options: .parity)
  }

  @Test("texts, the cut ones included", arguments: models)
  func texts(_ name: String) throws {
    let golden = try Golden(name)
    let model = try Checkpoint(copyOf: name).open()
    let result = try model.projectTexts(readingSpecialTokens: golden.texts.map(\.text))
    for (index, text) in golden.texts.enumerated() {
      expectParity(result.projections[index], text.projection, "\(name): \"\(text.text)\"")
    }
    // The one text of 100 words is cut everywhere, and only it may be.
    #expect(result.droppedTokens[7] > 0)
    #expect(result.droppedTokens[0] == 0)
  }

  @Test(
    "a special token that someone typed is text; read as the reference reads it, it ends the text",
    arguments: models)
  func specialTokens(_ name: String) throws {
    let model = try Checkpoint(copyOf: name).open()
    let texts = ["a cat", "a cat<|endoftext|>", "a cat<|endoftext|>a dog"]
    let asTokens = try model.projectTexts(readingSpecialTokens: texts).projections
    #expect(asTokens[1] == asTokens[0] && asTokens[2] == asTokens[0])
    for inBulk in [false, true] {
      let asText = try model.projectTexts(texts, inBulk: inBulk).projections
      expectParity(asText[0], asTokens[0], "without special tokens nothing changes")
      #expect(asText.embedding(1) != asText.embedding(0) && asText.embedding(2) != asText.embedding(0))
    }
  }

  @Test("a text is cut where the caller says, its end kept", arguments: models)
  func tokenLimit(_ name: String) throws {
    let model = try Checkpoint(copyOf: name).open()
    let whole = try model.projectTexts(readingSpecialTokens: ["a", "a a a a"])
    // Begin, one word, end.
    let cut = try model.projectTexts(readingSpecialTokens: ["a", "a a a a"], maxTokens: 3)
    #expect(cut.projections[1] == whole.projections[0] && cut.droppedTokens[1] > 0)
    #expect(cut.projections[0] == whole.projections[0] && cut.droppedTokens[0] == whole.droppedTokens[0])
    let wide = try model.projectTexts(readingSpecialTokens: ["a a a a"], maxTokens: 1_000)
    #expect(wide.projections[0] == whole.projections[1])
  }

  @Test("pictures, un-normalised lengths included", arguments: models)
  func pictures(_ name: String) throws {
    let golden = try Golden(name)
    let model = try Checkpoint(copyOf: name).open()
    let result = try model.projectImages(golden.images.map { try picture($0.file) })
    for (index, image) in golden.images.enumerated() {
      expectParity(result[index], image.projection, "\(name): \(image.file)")
      let lengths = [result[index], image.projection].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      #expect(abs(lengths[0] / lengths[1] - 1) < 1e-4, "\(name): length of \(image.file)")
    }
  }

  @Test("crops that are padded, and crops at odd offsets", arguments: ["padding", "oddcrop"])
  func framing(_ variant: String) throws {
    let golden = try Golden("legacy")
    let checkpoint = try Checkpoint()
    try checkpoint.folder.write(
      Fixture.bytes("Models/legacy/preprocessor_\(variant).json"), to: "preprocessor_config.json")
    let model = try checkpoint.open()
    for image in try #require(variant == "padding" ? golden.padding : golden.oddcrop) {
      let result = try model.projectImages([try picture(image.file)])
      expectParity(result[0], image.projection, "\(variant): \(image.file)")
    }
  }

  @Test("weighted sums of texts and pictures", arguments: models)
  func composed(_ name: String) throws {
    let golden = try Golden(name)
    let model = try Checkpoint(copyOf: name).open()
    let texts = try model.projectTexts(golden.texts.map(\.text)).projections
    let images = try model.projectImages(golden.images.map { try picture($0.file) })
    #expect(golden.composed.count >= 5)
    for composed in golden.composed {
      let terms = composed.terms.map { term in
        Embedding.Term((term.kind == "text" ? texts : images)[term.index], weight: term.weight)
      }
      expectParity(
        Embedding.sum(terms, rule: model.composeRule).embedding, composed.embedding,
        "\(name): \(composed.terms)")
    }
  }

  @Test("a vector does not depend on what is computed beside it", arguments: models)
  func batches(_ name: String) throws {
    let golden = try Golden(name)
    let model = try Checkpoint(copyOf: name).open()
    let texts = golden.texts.map(\.text)
    let together = try model.projectTexts(texts).projections
    let bulk = try model.projectTexts(texts, inBulk: true).projections
    for (index, text) in texts.enumerated() {
      let alone = try model.projectTexts([text]).projections
      #expect(alone[0] == together[index])
      expectParity(bulk[index], together[index], "in bulk: \(text)")
    }
    let images = try golden.images.map { try picture($0.file) }
    let many = try model.projectImages(images + images + images)
    for (index, image) in images.enumerated() {
      let alone = try model.projectImages([image])
      for copy in 0..<3 { expectParity(many[index + copy * images.count], alone[0], "picture \(index)") }
    }
    #expect(try model.projectImages([PreparedImage]()).count == 0)
    #expect(try model.projectTexts([]).projections.count == 0)
  }
}
