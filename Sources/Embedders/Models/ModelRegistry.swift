// SPDX-License-Identifier: Apache-2.0

/// The model families that Duet runs, by the `model_type` of their configuration.
package enum ModelRegistry {
  /// One family: a file in this folder, and a line in ``families``.
  struct Family: Sendable {
    let composeRule: ComposeRule
    let open: @Sendable (ModelSource, ComposeRule) throws(EmbedderError) -> any Embedder
  }

  static let families: [String: Family] = [
    "clip": Family(composeRule: .rawSum, open: openCLIP),
    "clip_text_model": Family(composeRule: .rawSum, open: openCLIP),
    "clip_vision_model": Family(composeRule: .rawSum, open: openCLIP),
  ]

  private static let openCLIP: @Sendable (ModelSource, ComposeRule) throws(EmbedderError) -> any Embedder = {
    (source, rule) throws(EmbedderError) in try CLIPModel(source, composeRule: rule)
  }

  /// Opens and checks a model. No weights are read yet.
  ///
  /// - Throws: ``EmbedderError`` that names the file, and the field or the tensor.
  package static func open(_ source: ModelSource) throws(EmbedderError) -> any Embedder {
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
    return try family.open(source, family.composeRule)
  }

  /// Whether a `model_type` is of the kind that embeds pictures, be it supported or not.
  static func isVisual(_ type: String) -> Bool {
    families[type] != nil || type.utf8.firstRange(of: "clip".utf8) != nil || type.hasPrefix("siglip")
  }
}
