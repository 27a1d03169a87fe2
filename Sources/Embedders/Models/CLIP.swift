// SPDX-License-Identifier: Apache-2.0
internal import Images
internal import LinearAlgebra
internal import Synchronization
internal import Tokenizers

/// CLIP (Radford et al. 2021) in its Hugging Face form: OpenAI's, BGE-VL, LAION, MetaCLIP 1, TinyCLIP; see
/// `spec/models.md` 1 and 2.1.
///
/// Everything is checked against `config.json` when the model is opened; a tower is read in when it is first used.
final class CLIPModel: Embedder {
  let id: String
  let composeRule: ComposeRule
  let dimension: Int
  let precision: Precision
  let backgroundTexts: [String]
  let warnings: [String]

  private let files: any ModelFiles
  private let configuration: CLIPConfiguration
  private let weights: SafeTensors
  private let packedWeights: PackedWeightsCache?
  private let processor: ImageProcessor?
  private let tokenizerFiles: CLIPTokenizerFiles?
  private let texts: Mutex<(tower: CLIPTextTower, tokenizer: any Tokenizer)?> = Mutex(nil)
  private let images: Mutex<CLIPVisionTower?> = Mutex(nil)
  private let hash: Mutex<String?> = Mutex(nil)

  var embedsTexts: Bool { tokenizerFiles != nil }

  var imageInput: ImageInput? { processor?.input }

  /// Opens and checks the model.
  init(
    _ source: ModelSource, composeRule: ComposeRule, precision: Precision, packedWeights: PackedWeightsCache?
  ) throws(EmbedderError) {
    let files = source.files
    self.precision = precision
    self.packedWeights = packedWeights
    id = source.id
    self.composeRule = composeRule
    self.files = files
    backgroundTexts =
      source == .builtin ? BackgroundTexts.english + BackgroundTexts.chinese : BackgroundTexts.english
    configuration = try CLIPConfiguration(try files.configuration("config.json"))
    weights = try SafeTensors(files, landmarks: [CLIPTextTower.landmark, CLIPVisionTower.landmark])
    let textDimension = try CLIPTextTower.dimension(weights)
    let imageDimension = try CLIPVisionTower.dimension(weights)
    guard let dimension = textDimension ?? imageDimension, imageDimension ?? dimension == dimension else {
      throw EmbedderError(
        .malformed,
        "\(files.name): text_projection makes \(textDimension ?? 0) numbers, visual_projection \(imageDimension ?? 0)"
      )
    }
    self.dimension = dimension
    let record = WeightReader.Record()
    let checker = WeightReader(tensors: weights, checks: record)
    if textDimension != nil {
      _ = try CLIPTextTower(checker, configuration.text, dimension: dimension)
      tokenizerFiles = try CLIPTokenizerFiles(files)
    } else {
      tokenizerFiles = nil
    }
    if imageDimension != nil {
      _ = try CLIPVisionTower(checker, configuration.vision, dimension: dimension)
      let file = try files.configuration(PreprocessorConfiguration.fileName)
      processor = try ImageProcessor(
        try PreprocessorConfiguration(file), imageSize: configuration.vision.imageSize, place: file.place)
    } else {
      processor = nil
    }
    warnings = Self.warnings(about: weights.unread(besides: record.names), of: files.name)
  }

  /// Tensors that nobody reads mostly mean that `config.json` belongs to another checkpoint: one with fewer layers, say.
  private static func warnings(about unread: [String], of name: String) -> [String] {
    guard let first = unread.first else { return [] }
    let others = unread.count > 1 ? " and \(unread.count - 1) more" : ""
    return [
      "\(name): the checkpoint holds tensors that config.json has no place for (\(first)\(others)): they are not used"
    ]
  }

  func identity(view: ImageView) throws(EmbedderError) -> ModelIdentity {
    let pictures = processor.map { "\($0.configuration.summary), \(view.rawValue) view" } ?? "no pictures"
    return ModelIdentity(
      id: id, weightsHash: try weightsHash(), dimension: dimension, preprocessing: pictures,
      composeRule: composeRule, precision: precision)
  }

  private func weightsHash() throws(EmbedderError) -> String {
    let files = files
    return try hash.withLock { (known) throws(EmbedderError) in
      if let known { return known }
      let value = try files.contentHash()
      known = value
      return value
    }
  }

  func warmUp(texts: Bool, images: Bool) throws(EmbedderError) {
    if texts { _ = try textTower() }
    if images { _ = try visionTower() }
  }

  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections {
    try projectTexts(texts, inBulk: inBulk, escapingSpecialTokens: true)
  }

  func projectTexts(
    readingSpecialTokens texts: [String], maxTokens: Int?
  ) throws(EmbedderError) -> TextProjections {
    try projectTexts(texts, inBulk: false, escapingSpecialTokens: false, maxTokens: maxTokens)
  }

  private func projectTexts(
    _ texts: [String], inBulk: Bool, escapingSpecialTokens: Bool, maxTokens: Int? = nil
  ) throws(EmbedderError) -> TextProjections {
    let (tower, tokenizer) = try textTower()
    let maxLength = min(configuration.text.positionCount, maxTokens ?? .max)
    let tokenized = texts.map {
      tokenizer.encode($0, maxLength: maxLength, escapingSpecialTokens: escapingSpecialTokens)
    }
    let values = tower.project(tokenized.map { tower.upToPooled($0.ids) }, inBulk: inBulk)
    return TextProjections(projections: try finite(values), droppedTokens: tokenized.map(\.droppedTokens))
  }

  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage {
    guard let processor else { throw noVision }
    return PreparedImage(image: try processor.framed(image))
  }

  func projectImages(_ images: [PreparedImage]) throws(EmbedderError) -> Projections {
    guard let processor else { throw noVision }
    let tower = try visionTower()
    for prepared in images
    where prepared.image.width != processor.width || prepared.image.height != processor.height {
      throw EmbedderError(.invalidInput, "a picture was prepared for another model than \(id)")
    }
    return try finite(tower.project(images.map(\.image), processor.normalization))
  }

  /// Damaged weights, or an absurd deviation in `preprocessor_config.json`, show at the latest here.
  private func finite(_ values: [Float]) throws(EmbedderError) -> Projections {
    guard values.allSatisfy(\.isFinite) else {
      throw EmbedderError(
        .malformed,
        "\(files.name): the model makes numbers that are not finite: its weights or its configuration are damaged; "
          + "fetch it again")
    }
    return Projections(dimension: dimension, values: values)
  }

  private var noVision: EmbedderError {
    EmbedderError(.invalidInput, "\(files.name): this checkpoint has no vision tower: it embeds texts only")
  }

  private func textTower() throws(EmbedderError) -> (tower: CLIPTextTower, tokenizer: any Tokenizer) {
    guard let tokenizerFiles else {
      throw EmbedderError(
        .invalidInput, "\(files.name): this checkpoint has no text tower: it embeds pictures only")
    }
    return try texts.withLock { (known) throws(EmbedderError) in
      if let known { return known }
      let tower = try tower("text") { (reader) throws(EmbedderError) in
        try CLIPTextTower(reader, configuration.text, dimension: dimension)
      }
      let loaded = (
        tower: tower, tokenizer: try tokenizerFiles.load(for: configuration.text, name: files.name)
      )
      known = loaded
      return loaded
    }
  }

  private func visionTower() throws(EmbedderError) -> CLIPVisionTower {
    try images.withLock { (known) throws(EmbedderError) in
      if let known { return known }
      let tower = try tower("vision") { (reader) throws(EmbedderError) in
        try CLIPVisionTower(reader, configuration.vision, dimension: dimension)
      }
      known = tower
      return tower
    }
  }
}

extension CLIPModel {
  /// A tower with its weights in the model's precision, from the cache where they had to be converted.
  private func tower<Tower>(
    _ name: String, _ make: (WeightReader) throws(EmbedderError) -> Tower
  ) throws(EmbedderError) -> Tower {
    let reader = WeightReader(tensors: weights, precision: precision)
    let converts = precision != .float32 || weights.hasHalves
    // Without a hash there is no name for a file: the weights are packed for this process alone.
    guard converts, let packedWeights, let hash = try? weightsHash() else { return try make(reader) }
    let key = PackedWeightsCache.Key(weightsHash: hash, tower: name, precision: precision)
    // The checkpoint may have been replaced since it was mapped: then what was packed is not what the hash names.
    let mayKeep = { [weights, files] in weights.areInPlace && (try? files.contentHash()) == hash }
    return try packedWeights.load(key, mayKeep: mayKeep) { (packed) throws(EmbedderError) in
      var reader = reader
      reader.packed = packed
      return try make(reader)
    }
  }
}

extension WeightReader {
  /// The blocks of one tower; `tower` is `text_model` or `vision_model`.
  func clipEncoder(
    _ tower: String, _ size: CLIPConfiguration.Tower, isCausal: Bool
  ) throws(EmbedderError) -> TransformerEncoder {
    let d = size.hiddenSize
    var layers: [TransformerEncoder.Layer] = []
    for index in 0..<size.layerCount {
      let name = "\(tower).encoder.layers.\(index)"
      layers.append(
        TransformerEncoder.Layer(
          norm1: try layerNorm("\(name).layer_norm1", width: d, epsilon: size.epsilon),
          query: try linear("\(name).self_attn.q_proj", outputs: d, inputs: d),
          keyValue: try linear(
            "\(name).self_attn.k_proj", "\(name).self_attn.v_proj", outputs: d, inputs: d),
          output: try linear("\(name).self_attn.out_proj", outputs: d, inputs: d),
          norm2: try layerNorm("\(name).layer_norm2", width: d, epsilon: size.epsilon),
          up: try linear("\(name).mlp.fc1", outputs: size.intermediateSize, inputs: d),
          down: try linear("\(name).mlp.fc2", outputs: d, inputs: size.intermediateSize)))
    }
    return TransformerEncoder(
      hiddenSize: d, intermediateSize: size.intermediateSize,
      attention: Attention(headCount: size.headCount, headDimension: d / size.headCount, isCausal: isCausal),
      activation: size.activation, layers: layers)
  }
}

extension SafeTensors {
  /// The numbers that a projection makes, nil for a checkpoint without the tower that `landmark` belongs to.
  func projectionDimension(_ name: String, landmark: String) throws(EmbedderError) -> Int? {
    guard has(landmark) else { return nil }
    guard let shape = shape(of: name), shape.count == 2, (1...65_536).contains(shape[0]) else {
      throw EmbedderError(
        .malformed,
        "\(self.name): tensor \(name) is missing or no projection (shape \(shape(of: name) ?? [])): "
          + "Duet needs a checkpoint with its projections")
    }
    return shape[0]
  }
}
