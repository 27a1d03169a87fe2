// SPDX-License-Identifier: Apache-2.0
import Images
import TestSupport
import Testing

@testable import Embedders

@Suite("The built-in model")
struct BuiltinModelTests {
  private let model: any Embedder

  init() throws { model = try ModelRegistry.open(.builtin, packedWeights: nil) }

  /// A disc on white, as an emoji font draws it.
  private func disc(_ colour: [UInt8]) -> Image {
    var pixels: [UInt8] = []
    for y in 0..<128 {
      for x in 0..<128 {
        let (dx, dy) = (Double(x) - 63.5, Double(y) - 63.5)
        pixels += dx * dx + dy * dy < 58 * 58 ? colour : [255, 255, 255]
      }
    }
    return Image(width: 128, height: 128, pixels: pixels)
  }

  @Test("knows red from blue, in English and in Chinese")
  func colours() throws {
    let images = try model.projectImages([disc([0xDD, 0x2E, 0x44]), disc([0x40, 0x7C, 0xFF])])
    for (red, blue) in [("red circle", "blue circle"), ("红色圆", "蓝色圆")] {
      let texts = try model.projectTexts([red, blue]).projections
      let score = { (image: Int, text: Int) in
        zip(images.embedding(image), texts.embedding(text)).reduce(0) { $0 + $1.0 * $1.1 }
      }
      #expect(score(0, 0) > score(0, 1) + 0.1, "\(red)")
      #expect(score(1, 1) > score(1, 0) + 0.1, "\(blue)")
    }
  }

  @Test("says what it is")
  func identity() throws {
    let identity = try model.identity(view: .library)
    #expect(identity.id == "builtin" && identity.dimension == 128 && identity.composeRule == .rawSum)
    #expect(identity == (try ModelRegistry.open(.builtin, packedWeights: nil).identity(view: .library)))
    #expect(identity.preprocessing.hasSuffix("library view"))
  }

  @Test("its background texts are many, all different, and none is cut")
  func background() throws {
    let texts = model.backgroundTexts
    #expect(texts.count >= 64 && Set(texts).count == texts.count)
    #expect(
      try model.projectTexts(texts, inBulk: true).droppedTokens.filter { $0 > 0 }.count < texts.count / 4)
  }

  @Test("the library's view of a photo is an upright, smaller one, and next to the full one for the model")
  func libraryView() throws {
    let input = try #require(model.imageInput)
    let bytes = try Fixture.bytes("Models/photo.jpg")
    let full = try ImageDecoder.decode(bytes, options: DecodeOptions(appliesOrientation: true))
    let small = try ImageDecoder.decode(bytes, options: input.decodeOptions(.library))
    #expect(full.width == 480 && full.height == 640)
    #expect(small.width == 120 && small.height == 160)
    let embeddings = try model.projectImages([full, small])
    let cosine = zip(embeddings.embedding(0), embeddings.embedding(1)).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(cosine >= 0.999)
    let asStored = try model.projectImages([ImageDecoder.decode(bytes, options: input.decodeOptions(.parity))]
    )
    #expect(asStored[0] != embeddings[0])
  }

  @Test("a reduced picture whose last pixels are filled in part is looked at in the same place")
  func awkwardSize() throws {
    let input = try #require(model.imageInput)
    let bytes = try Fixture.bytes("Models/awkward.jpg")
    let full = try ImageDecoder.decode(bytes, options: DecodeOptions(appliesOrientation: true))
    let small = try ImageDecoder.decode(bytes, options: input.decodeOptions(.library))
    #expect(full.width == 1597 && full.height == 393 && full.fullWidth == 1597)
    #expect(small.width == 400 && small.height == 99 && small.fullWidth == 1597 && small.fullHeight == 393)
    let embeddings = try model.projectImages([full, small])
    let cosine = zip(embeddings.embedding(0), embeddings.embedding(1)).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(cosine >= 0.999)
  }

  @Test("texts never fail, whatever is in them")
  func anyText() throws {
    var random = SeededRandom(seed: 11)
    let texts = (0..<50).map { _ in
      String(
        String.UnicodeScalarView(
          (0..<20).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &random))
          }))
    }
    let result = try model.projectTexts(texts + [String(repeating: "猫", count: 5000)])
    #expect(result.projections.values.allSatisfy { $0.isFinite })
    #expect(result.droppedTokens.last ?? 0 > 1000)
  }
}
