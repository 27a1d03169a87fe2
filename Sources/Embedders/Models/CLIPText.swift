// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra
internal import Tokenizers

/// The text half of CLIP: a causal transformer, of which the row of the end token is projected.
struct CLIPTextTower: Sendable {
  /// A tensor that every text tower has.
  static let landmark = "text_model.embeddings.token_embedding.weight"

  /// Tokens that go through the layers together, in bulk.
  private static let tokensPerPass = 512

  private let pooling: CLIPConfiguration.TextPooling
  private let tokenEmbedding: EmbeddingTable  // [vocabulary, d]
  private let positionEmbedding: WeightMatrix  // [positions, d]
  private let encoder: TransformerEncoder
  private let finalNorm: LayerNorm
  private let projection: Linear  // [dimension, d]
  private let dimension: Int

  init(
    _ weights: WeightReader, _ size: CLIPConfiguration.Text, dimension: Int
  ) throws(EmbedderError) {
    let d = size.tower.hiddenSize
    pooling = size.pooling
    tokenEmbedding = try weights.table(Self.landmark, size.vocabularySize, d)
    positionEmbedding = try weights.matrix(
      "text_model.embeddings.position_embedding.weight", size.positionCount, d)
    encoder = try weights.clipEncoder("text_model", size.tower, isCausal: true)
    finalNorm = try weights.layerNorm("text_model.final_layer_norm", width: d, epsilon: size.tower.epsilon)
    projection = try weights.linear(
      "text_projection", outputs: dimension, inputs: d, hasBias: false, isSensitive: true)
    self.dimension = dimension
  }

  /// The length of a projected text, nil for a checkpoint without a text tower.
  static func dimension(_ weights: SafeTensors) throws(EmbedderError) -> Int? {
    try weights.projectionDimension("text_projection.weight", landmark: landmark)
  }

  /// The ids up to the one whose row is the text's: in a causal tower those behind it change nothing.
  func upToPooled(_ ids: [Int32]) -> [Int32] {
    let last =
      switch pooling {
      case .first(let id): ids.firstIndex(of: id)
      case .largestID: ids.max().flatMap { ids.firstIndex(of: $0) }
      }
    return last.map { Array(ids[...$0]) } ?? ids
  }

  /// Projects texts, given as ids of which the last is the pooled one: `[n, dimension]`.
  func project(_ texts: [[Int32]], inBulk: Bool) -> [Float] {
    var workspace = TransformerEncoder.Workspace()
    var values: [Float] = []
    values.reserveCapacity(texts.count * dimension)
    var first = 0
    while first < texts.count {
      var end = first + 1
      var tokens = texts[first].count
      while inBulk, end < texts.count, tokens + texts[end].count <= Self.tokensPerPass {
        tokens += texts[end].count
        end += 1
      }
      values += project(texts[first..<end], &workspace)
      first = end
    }
    return values
  }

  /// One pass over the weights.
  private func project(_ texts: ArraySlice<[Int32]>, _ w: inout TransformerEncoder.Workspace) -> [Float] {
    let lengths = texts.map(\.count)
    w.hidden.resize(rows: lengths.reduce(0, +), columns: encoder.hiddenSize)
    var row = 0
    for text in texts {
      for (position, id) in text.enumerated() {
        tokenEmbedding.copyRow(Int(id), to: &w.hidden, row: row)
        w.hidden.addToRow(row, positionEmbedding.row(position))
        row += 1
      }
    }
    encoder.run(&w, lengths: lengths, positions: lengths.map { $0 - 1 })
    var pooled = Activations()
    finalNorm.apply(w.pooled, into: &pooled.matrix)
    projection.prepare(&pooled)
    var projected = Matrix(rows: lengths.count, columns: dimension)
    projection.apply(pooled, into: &projected)
    return projected.array()
  }
}

/// The tokenizer files of a CLIP folder: `tokenizer.json`, or `vocab.json` and `merges.txt`.
enum CLIPTokenizerFiles: Sendable {
  case json([UInt8])
  case vocabulary([UInt8], merges: [UInt8])

  /// Reads the files; parsing waits for ``load(for:name:)``.
  init(_ files: any ModelFiles) throws(EmbedderError) {
    if let json = try files.bytes(of: "tokenizer.json") {
      self = .json(json)
    } else if let vocabulary = try files.bytes(of: "vocab.json"),
      let merges = try files.bytes(of: "merges.txt")
    {
      self = .vocabulary(vocabulary, merges: merges)
    } else {
      throw EmbedderError(
        .unreadable,
        "\(files.name): no tokenizer: tokenizer.json, or vocab.json with merges.txt, must be there")
    }
  }

  /// The tokenizer, checked against the model.
  func load(for text: CLIPConfiguration.Text, name: String) throws(EmbedderError) -> any Tokenizer {
    let tokenizer: any Tokenizer
    do throws(TokenizerError) {
      tokenizer =
        switch self {
        case .json(let json): try TokenizerLoader.load(tokenizerJSON: json)
        case .vocabulary(let vocabulary, let merges):
          try TokenizerLoader.load(vocabularyJSON: vocabulary, merges: merges)
        }
    } catch {
      throw EmbedderError(.malformed, "\(name): the tokenizer cannot be used", cause: error)
    }
    func mismatch(_ problem: String) -> EmbedderError {
      EmbedderError(.malformed, "\(name): the tokenizer does not belong to this model: \(problem)")
    }
    guard tokenizer.vocabularySize <= text.vocabularySize else {
      throw mismatch(
        "it has \(tokenizer.vocabularySize) tokens, config.json says vocab_size \(text.vocabularySize)")
    }
    let frame = tokenizer.prefix.count + tokenizer.suffix.count
    guard frame > 0, frame <= text.positionCount else {
      throw mismatch(
        "it puts \(frame) special tokens around a text, but there must be 1 to \(text.positionCount)")
    }
    if case .first(let id) = text.pooling, !tokenizer.suffix.contains(id) {
      throw mismatch("config.json says eos_token_id \(id), but texts end with \(tokenizer.suffix)")
    }
    return tokenizer
  }
}
