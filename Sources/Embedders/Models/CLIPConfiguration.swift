// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// The sizes and switches of a CLIP checkpoint, as transformers' `CLIPConfig` reads `config.json`.
///
/// A missing key means the class's default (many published files hold three to five keys per tower). In old exports,
/// `text_config_dict` and `vision_config_dict` replace their tower's plain block altogether: where they are silent, the
/// class's default holds, not the plain value.
struct CLIPConfiguration: Sendable {
  /// What both towers have.
  struct Tower: Sendable {
    let hiddenSize: Int
    let intermediateSize: Int
    let layerCount: Int
    let headCount: Int
    let activation: Activation
    let epsilon: Float

    /// The block `name` with these defaults.
    init(
      _ block: ConfigurationObject, place: String, hiddenSize: Int, intermediateSize: Int, headCount: Int
    ) throws(EmbedderError) {
      self.hiddenSize = try block.integer("hidden_size", in: 1...65_536, default: hiddenSize)
      self.intermediateSize = try block.integer(
        "intermediate_size", in: 1...1 << 20, default: intermediateSize)
      layerCount = try block.integer("num_hidden_layers", in: 1...512, default: 12)
      self.headCount = try block.integer("num_attention_heads", in: 1...65_536, default: headCount)
      guard self.hiddenSize % self.headCount == 0 else {
        throw EmbedderError(
          .malformed,
          "\(place): hidden_size \(self.hiddenSize) is no multiple of num_attention_heads \(self.headCount)")
      }
      epsilon = Float(try block.number("layer_norm_eps", default: 1e-5))
      guard epsilon >= 0, epsilon < 1 else {
        throw EmbedderError(.malformed, "\(place): layer_norm_eps \(epsilon) is no small positive number")
      }
      let name = try block.text("hidden_act", default: "quick_gelu")
      guard let activation = Activation(hiddenAct: name) else {
        throw EmbedderError(
          .unsupported,
          "\(place): hidden_act \(name) is not supported; supported: quick_gelu, gelu, gelu_pytorch_tanh")
      }
      self.activation = activation
    }
  }

  /// Which row of the text tower is the text's.
  enum TextPooling: Sendable, Equatable {
    /// The first occurrence of the largest id: what `eos_token_id: 2`, wrong in all old files, has come to mean.
    case largestID
    /// The first occurrence of this id.
    case first(Int32)
  }

  struct Text: Sendable {
    let tower: Tower
    let vocabularySize: Int
    let positionCount: Int
    let pooling: TextPooling
  }

  struct Vision: Sendable {
    let tower: Tower
    let imageSize: Int
    let patchSize: Int

    /// Patches along a side; a rest of less than a patch is not looked at.
    var gridSize: Int { imageSize / patchSize }
    /// The class token and the patches.
    var tokenCount: Int { gridSize * gridSize + 1 }
  }

  let text: Text
  let vision: Vision

  init(_ file: ConfigurationObject) throws(EmbedderError) {
    let textPlace = "\(file.place): text_config"
    let text = try Self.block("text", of: file)
    self.text = Text(
      tower: try Tower(text, place: textPlace, hiddenSize: 512, intermediateSize: 2048, headCount: 8),
      vocabularySize: try text.integer("vocab_size", in: 1...1 << 24, default: 49408),
      positionCount: try text.integer("max_position_embeddings", in: 2...65_536, default: 77),
      pooling: try Self.pooling(text))
    let visionPlace = "\(file.place): vision_config"
    let vision = try Self.block("vision", of: file)
    self.vision = Vision(
      tower: try Tower(vision, place: visionPlace, hiddenSize: 768, intermediateSize: 3072, headCount: 12),
      imageSize: try vision.integer("image_size", in: 1...8192, default: 224),
      patchSize: try vision.integer("patch_size", in: 1...8192, default: 32))
    guard try vision.integer("num_channels", in: 1...65_536, default: 3) == 3 else {
      throw EmbedderError(.unsupported, "\(visionPlace): num_channels must be 3: Duet's pictures are RGB")
    }
    guard self.vision.patchSize <= self.vision.imageSize, self.vision.tokenCount <= 65_536 else {
      throw EmbedderError(
        .malformed,
        "\(visionPlace): image_size \(self.vision.imageSize) and patch_size \(self.vision.patchSize) do not go together"
      )
    }
  }

  /// The block of a tower, empty when there is none: the file itself in an export of that tower alone.
  private static func block(
    _ tower: String, of file: ConfigurationObject
  ) throws(EmbedderError) -> ConfigurationObject {
    if try file.text("model_type") == "clip_\(tower)_model" { return file }
    if let block = try file.object("\(tower)_config_dict") { return block }
    return try file.object("\(tower)_config") ?? .empty(file.place)
  }

  private static func pooling(_ text: ConfigurationObject) throws(EmbedderError) -> TextPooling {
    let id = try text.integer("eos_token_id", in: 0...Int(Int32.max)) ?? 49407
    return id == 2 ? .largestID : .first(Int32(id))
  }
}
