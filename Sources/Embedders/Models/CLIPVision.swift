// SPDX-License-Identifier: Apache-2.0
internal import Images
internal import LinearAlgebra

/// The picture half of CLIP: a vision transformer (Dosovitskiy et al. 2021), of which the class token's row is projected.
struct CLIPVisionTower: Sendable {
  /// A tensor that every vision tower has.
  static let landmark = "vision_model.embeddings.patch_embedding.weight"

  /// Tokens that go through the layers together, unless one picture has more: enough for full speed, few enough to stay
  /// near the caches.
  private static let tokensPerPass = 2048

  private let size: CLIPConfiguration.Vision
  private let patchEmbedding: Linear  // [d, 3 · patch²], a convolution without bias
  private let classEmbedding: WeightVector  // [d]
  private let positionEmbedding: WeightMatrix  // [tokens, d], row 0 is the class token's
  private let preNorm: LayerNorm
  private let encoder: TransformerEncoder
  private let postNorm: LayerNorm
  private let projection: Linear  // [dimension, d]
  private let dimension: Int

  init(
    _ weights: WeightReader, _ size: CLIPConfiguration.Vision, dimension: Int
  ) throws(EmbedderError) {
    let d = size.tower.hiddenSize
    let p = size.patchSize
    self.size = size
    patchEmbedding = try weights.linear(
      "vision_model.embeddings.patch_embedding", outputs: d, inputs: 3 * p * p, shape: [d, 3, p, p],
      hasBias: false, isSensitive: true)
    classEmbedding = try weights.vector("vision_model.embeddings.class_embedding", d)
    positionEmbedding = try weights.matrix(
      "vision_model.embeddings.position_embedding.weight", size.tokenCount, d)
    // The misspelling is the checkpoints'.
    preNorm = try weights.layerNorm("vision_model.pre_layrnorm", width: d, epsilon: size.tower.epsilon)
    encoder = try weights.clipEncoder("vision_model", size.tower, isCausal: false)
    postNorm = try weights.layerNorm("vision_model.post_layernorm", width: d, epsilon: size.tower.epsilon)
    projection = try weights.linear(
      "visual_projection", outputs: dimension, inputs: d, hasBias: false, isSensitive: true)
    self.dimension = dimension
  }

  /// The length of a projected picture, nil for a checkpoint without a vision tower.
  static func dimension(_ weights: SafeTensors) throws(EmbedderError) -> Int? {
    try weights.projectionDimension("visual_projection.weight", landmark: landmark)
  }

  /// Projects pictures of the model's size: `[n, dimension]`.
  func project(_ images: [Image], _ normalization: PixelNormalization) -> [Float] {
    let imagesPerPass = max(1, Self.tokensPerPass / size.tokenCount)
    var workspace = TransformerEncoder.Workspace()
    var values: [Float] = []
    values.reserveCapacity(images.count * dimension)
    for first in stride(from: 0, to: images.count, by: imagesPerPass) {
      values += project(images[first..<min(images.count, first + imagesPerPass)], normalization, &workspace)
    }
    return values
  }

  /// One pass over the weights.
  private func project(
    _ images: ArraySlice<Image>, _ normalization: PixelNormalization, _ w: inout TransformerEncoder.Workspace
  ) -> [Float] {
    embed(images, normalization, into: &w.hidden)
    preNorm.apply(to: &w.hidden)
    encoder.run(
      &w, lengths: images.map { _ in size.tokenCount }, positions: images.map { _ in 0 })
    var pooled = Activations()
    postNorm.apply(w.pooled, into: &pooled.matrix)
    projection.prepare(&pooled)
    var projected = Matrix(rows: images.count, columns: dimension)
    projection.apply(pooled, into: &projected)
    return projected.array()
  }

  /// `hidden` becomes class token and patches of each picture, plus their positions: `[n · tokens, d]`.
  private func embed(
    _ images: ArraySlice<Image>, _ normalization: PixelNormalization, into hidden: inout Matrix
  ) {
    let patchCount = size.tokenCount - 1
    let d = size.tower.hiddenSize
    var patches = Activations()
    patches.matrix.resize(rows: images.count * patchCount, columns: 3 * size.patchSize * size.patchSize)
    for (index, image) in images.enumerated() {
      patches.matrix.gatherPatches(
        image.pixels, width: image.width, height: image.height, patchSize: size.patchSize,
        normalization: normalization, firstRow: index * patchCount)
    }
    patchEmbedding.prepare(&patches)
    var embedded = Matrix(rows: patches.matrix.rows, columns: d)
    patchEmbedding.apply(patches, into: &embedded)
    hidden.resize(rows: images.count * size.tokenCount, columns: d)
    for index in 0..<images.count {
      let first = index * size.tokenCount
      hidden.setRow(first, to: classEmbedding.span)
      hidden.addToRow(first, positionEmbedding.row(0))
      for patch in 0..<patchCount {
        hidden.setRow(first + 1 + patch, to: embedded.row(index * patchCount + patch))
        hidden.addToRow(first + 1 + patch, positionEmbedding.row(1 + patch))
      }
    }
  }
}
