// SPDX-License-Identifier: Apache-2.0
import Images
import LinearAlgebra
import Synchronization

@testable import Embedders

/// A model that sees nothing but a picture's mean colour and knows the words for colours: enough to try the engine
/// with, in no time, and its answers are known beforehand.
final class ColourEmbedder: Embedder {
  let id: String
  let precision: Precision
  let composeRule = ComposeRule.rawSum
  let dimension = 4
  let imageInput: ImageInput? = ImageInput(width: 8, height: 8)
  let embedsTexts = true
  let backgroundTexts = ["grey", "white", "dark", "pale red", "teal"]
  /// How many pictures and texts were embedded so far.
  let pictures = Atomic<Int>(0)
  let texts = Atomic<Int>(0)

  init(id: String = "colours", precision: Precision = .float32) {
    self.id = id
    self.precision = precision
  }

  func identity(view: ImageView) -> ModelIdentity {
    ModelIdentity(id: id, weightsHash: id, dimension: 4, preprocessing: "8x8", composeRule: composeRule)
  }

  func warmUp(texts: Bool, images: Bool) {}

  func prepare(_ image: Image) -> PreparedImage {
    PreparedImage(image: image.resized(width: 8, height: 8))
  }

  func projectImages(_ images: [PreparedImage]) -> Projections {
    pictures.add(images.count, ordering: .relaxed)
    return Projections(
      dimension: 4,
      values: images.flatMap { image in
        (0..<3).map { channel in
          let sum = stride(from: channel, to: image.image.pixels.count, by: 3)
            .reduce(0) { $0 + Int(image.image.pixels[$1]) }
          return Float(sum) / Float(255 * image.image.pixels.count / 3)
        } + [0.25]
      })
  }

  func projectTexts(_ texts: [String], inBulk: Bool) -> TextProjections {
    self.texts.add(texts.count, ordering: .relaxed)
    let rows = texts.flatMap { text in
      var row: [Float] = [0.02, 0.02, 0.02, 0.25]
      for (channel, word) in ["red", "green", "blue"].enumerated() where text.contains(word) {
        row[channel] = 1
      }
      return row
    }
    return TextProjections(
      projections: Projections(dimension: 4, values: rows), droppedTokens: texts.map { _ in 0 })
  }
}
