// SPDX-License-Identifier: Apache-2.0
package import Images
package import LinearAlgebra

/// A model that puts texts and pictures into one space.
///
/// Results are **un-normalised projections**: composition adds them before anything is normalised, see
/// ``Embedding``. All methods compute on the calling thread and on free threads of `ComputePool`: call them from a
/// compute thread, not from a task of the cooperative pool. Any number of calls may run at once.
package protocol Embedder: Sendable {
  /// The model's name; see ``ModelSource/id``.
  var id: String { get }
  /// The length of a vector.
  var dimension: Int { get }
  /// What the linear layers compute with.
  var precision: Precision { get }
  /// How terms are added.
  var composeRule: ComposeRule { get }
  /// What to decode a picture for, nil for a model without a vision tower.
  var imageInput: ImageInput? { get }
  /// Whether there is a text tower.
  var embedsTexts: Bool { get }
  /// Texts that have nothing to do with anything in particular: the null against which scores are calibrated.
  var backgroundTexts: [String] { get }
  /// What is odd about the model although it can be used, a sentence each: for people, at the first use.
  var warnings: [String] { get }

  /// What makes vectors of this model comparable with each other, and with no others.
  ///
  /// Reads all the weights when their hash is not in the cache: 600 MB take a good half second.
  func identity(view: ImageView) throws(EmbedderError) -> ModelIdentity
  /// Reads in what the first call of the given kind would have to wait for.
  func warmUp(texts: Bool, images: Bool) throws(EmbedderError)
  /// Projects texts: `[n, dimension]`. A special token that is written out in a text (`<|endoftext|>`) is the characters
  /// it is made of: whoever types it, or writes it into a caption, does not mean to end the text there.
  ///
  /// - Parameter inBulk: false for queries: each text is computed alone, so that its vector is the same bits whatever
  ///   stands beside it. True for the captions of a library: several share a pass over the weights, and the last bits
  ///   may differ on machines where BLAS does the products.
  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections
  /// Projects texts as the reference implementation reads them: a special token written out in a text is that token.
  ///
  /// - Parameter maxTokens: at most so many tokens of a text are read, begin and end included; nil for as many as the
  ///   model takes.
  func projectTexts(
    readingSpecialTokens texts: [String], maxTokens: Int?
  ) throws(EmbedderError) -> TextProjections
  /// Brings a picture to the size and form the model looks at. What is left of it is small: pictures that wait to be
  /// projected are best kept this way. May run on any number of threads at once.
  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage
  /// Projects prepared pictures: `[n, dimension]`. Any number takes bounded memory beyond the result.
  func projectImages(_ images: [PreparedImage]) throws(EmbedderError) -> Projections
}

extension Embedder {
  /// Single precision.
  package var precision: Precision { .float32 }

  /// Nothing odd.
  package var warnings: [String] { [] }

  /// For models that know neither tokens nor limits.
  package func projectTexts(
    readingSpecialTokens texts: [String], maxTokens: Int?
  ) throws(EmbedderError) -> TextProjections {
    try projectTexts(texts, inBulk: false)
  }

  /// Projects texts as the reference implementation reads them, each as far as the model can.
  package func projectTexts(readingSpecialTokens texts: [String]) throws(EmbedderError) -> TextProjections {
    try projectTexts(readingSpecialTokens: texts, maxTokens: nil)
  }

  /// Projects texts, each computed alone.
  package func projectTexts(_ texts: [String]) throws(EmbedderError) -> TextProjections {
    try projectTexts(texts, inBulk: false)
  }

  /// Projects decoded pictures.
  package func projectImages(_ images: [Image]) throws(EmbedderError) -> Projections {
    var prepared: [PreparedImage] = []
    for image in images { prepared.append(try prepare(image)) }
    return try projectImages(prepared)
  }
}

/// A picture as one model sees it: only ``Embedder/prepare(_:)`` of that model makes it.
package struct PreparedImage: Sendable, Equatable {
  /// RGB bytes in the size that the model takes.
  let image: Image
}

/// Vectors as they leave a model, before any normalisation: `[count, dimension]`, row by row.
package struct Projections: Sendable, Equatable {
  /// The length of a row.
  package let dimension: Int
  /// The rows, one after the other.
  package let values: [Float]

  package init(dimension: Int, values: [Float]) {
    precondition(dimension > 0 && values.count % dimension == 0, "projections are whole rows")
    self.dimension = dimension
    self.values = values
  }

  /// Every row as an embedding: `[count, dimension]`.
  package var embeddings: [Float] { (0..<count).flatMap { embedding($0) } }

  /// The number of rows.
  package var count: Int { values.count / dimension }

  /// One row, un-normalised.
  package subscript(row: Int) -> [Float] { [Float](values[row * dimension..<(row + 1) * dimension]) }

  /// One row as an embedding: a unit vector on the grid of ``Embedding/rounded(_:)``.
  package func embedding(_ row: Int) -> [Float] { Embedding.unit(self[row]) }
}

/// Projected texts, and what of them was not read.
package struct TextProjections: Sendable, Equatable {
  /// A row for each text.
  package let projections: Projections
  /// For each text the number of tokens that the model had no room for, mostly 0.
  package let droppedTokens: [Int]

  package init(projections: Projections, droppedTokens: [Int]) {
    self.projections = projections
    self.droppedTokens = droppedTokens
  }
}
