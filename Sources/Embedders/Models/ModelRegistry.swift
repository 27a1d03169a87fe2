// SPDX-License-Identifier: Apache-2.0
package import LinearAlgebra

/// The model families that Duet runs, by the `model_type` of their configuration.
package enum ModelRegistry {
  /// Opens a model of a family.
  typealias Opener =
    @Sendable (ModelSource, ComposeRule, Precision, PackedWeightsCache?) throws(EmbedderError) -> any Embedder

  /// One family: a file in this folder, and a line in ``families``.
  struct Family: Sendable {
    let composeRule: ComposeRule
    let open: Opener
  }

  static let families: [String: Family] = [
    "clip": Family(composeRule: .rawSum, open: openCLIP),
    "clip_text_model": Family(composeRule: .rawSum, open: openCLIP),
    "clip_vision_model": Family(composeRule: .rawSum, open: openCLIP),
  ]

  private static let openCLIP: Opener = { (source, rule, precision, cache) throws(EmbedderError) in
    try CLIPModel(source, composeRule: rule, precision: precision, packedWeights: cache)
  }

  /// Opens and checks a model. No weights are read yet.
  ///
  /// - Parameters:
  ///   - precision: what its linear layers compute with.
  ///   - packedWeights: where weights that had to be converted are kept; nil converts them for this process alone.
  /// - Throws: ``EmbedderError`` that names the file, and the field or the tensor.
  package static func open(
    _ source: ModelSource, precision: Precision = .float32,
    packedWeights: PackedWeightsCache? = .standard
  ) throws(EmbedderError) -> any Embedder {
    let configuration = try source.files.configuration("config.json")
    guard let type = try configuration.text("model_type") else {
      throw configuration.wrong("model_type", "is missing: it must say what kind of model this is")
    }
    guard let family = families[type] else {
      throw EmbedderError(
        .unsupported,
        "\(source.id): models of type \(type) are not supported; supported: "
          + families.keys.sorted().joined(separator: ", "))
    }
    return try family.open(source, family.composeRule, precision, packedWeights)
  }

  /// Whether a `model_type` is of the kind that embeds pictures, be it supported or not.
  static func isVisual(_ type: String) -> Bool {
    families[type] != nil || type.utf8.firstRange(of: "clip".utf8) != nil || type.hasPrefix("siglip")
  }
}
