// SPDX-License-Identifier: Apache-2.0
import Foundation
import Images
import TestSupport
import Testing

@testable import Embedders

/// A way to break a good model folder, and words that the error must hold.
struct BrokenCheckpoint: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let words: [String]
  let breakIt: @Sendable (Checkpoint) throws -> Void

  init(_ name: String, _ words: [String], _ breakIt: @escaping @Sendable (Checkpoint) throws -> Void) {
    testDescription = name
    self.words = words
    self.breakIt = breakIt
  }

  /// A value of `text_config_dict` that makes no sense.
  static func text(_ key: String, _ value: any Sendable, _ words: [String]) -> BrokenCheckpoint {
    BrokenCheckpoint("text \(key) \(value)", words) { checkpoint in
      try checkpoint.edit("config.json") { config in
        var block = config["text_config_dict"] as? [String: Any] ?? [:]
        block[key] = value
        config["text_config_dict"] = block
      }
    }
  }

  /// A value of `vision_config_dict` that makes no sense.
  static func vision(_ key: String, _ value: any Sendable, _ words: [String]) -> BrokenCheckpoint {
    BrokenCheckpoint("vision \(key) \(value)", words) { checkpoint in
      try checkpoint.edit("config.json") { config in
        var block = config["vision_config_dict"] as? [String: Any] ?? [:]
        block[key] = value
        config["vision_config_dict"] = block
      }
    }
  }

  static func preprocessor(_ key: String, _ value: any Sendable, _ words: [String]) -> BrokenCheckpoint {
    BrokenCheckpoint("preprocessor \(key) \(value)", words) { checkpoint in
      try checkpoint.edit("preprocessor_config.json") { $0[key] = value }
    }
  }

  static func missing(_ file: String) -> BrokenCheckpoint {
    BrokenCheckpoint("no \(file)", [file]) { checkpoint in
      try FileManager.default.removeItem(at: checkpoint.folder.url.appending(path: file))
    }
  }
}

@Suite("Checkpoints in other shapes")
struct CheckpointTests {
  private let text = "a dog on the beach"

  @Test("names may have a prefix in common")
  func prefix() throws {
    let checkpoint = try Checkpoint()
    let plain = try checkpoint.open().projectTexts([text])
    try checkpoint.editTensors { tensors in
      tensors = Dictionary(uniqueKeysWithValues: tensors.map { ("clip.\($0.key)", $0.value) })
    }
    #expect(try checkpoint.open().projectTexts([text]) == plain)
  }

  @Test("a text tower alone embeds texts, and says that it cannot embed pictures")
  func textAlone() throws {
    let checkpoint = try Checkpoint()
    let both = try checkpoint.open().projectTexts([text])
    try checkpoint.editTensors { $0 = $0.filter { $0.key.hasPrefix("text_") } }
    try FileManager.default.removeItem(at: checkpoint.folder.url.appending(path: "preprocessor_config.json"))
    let model = try checkpoint.open()
    #expect(model.imageInput == nil)
    #expect(try model.projectTexts([text]) == both)
    #expect(message { _ = try model.projectImages([PreparedImage]()) }?.contains("no vision tower") == true)
  }

  @Test("a vision tower alone, by its own kind of configuration")
  func visionAlone() throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    try checkpoint.editTensors { $0 = $0.filter { $0.key.hasPrefix("vis") } }
    try checkpoint.edit("config.json") { config in
      config = config["vision_config"] as? [String: Any] ?? [:]
      config["model_type"] = "clip_vision_model"
    }
    let model = try checkpoint.open()
    #expect(!model.embedsTexts)
    #expect(model.dimension == 32)
    try model.warmUp(texts: false, images: true)
    #expect(message { _ = try model.projectTexts([text]) }?.contains("no text tower") == true)
  }

  @Test(
    "tensors that config.json has no place for are a warning; what every checkpoint carries along is none")
  func unread() throws {
    let checkpoint = try Checkpoint()
    #expect(try checkpoint.open().warnings == [])
    try checkpoint.edit("config.json") { config in
      var block = config["vision_config_dict"] as? [String: Any] ?? [:]
      block["num_hidden_layers"] = 1
      config["vision_config_dict"] = block
    }
    let warnings = try checkpoint.open().warnings
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("vision_model.encoder.layers.1.layer_norm1.bias and 15 more") == true)

    let prefixed = try Checkpoint()
    try prefixed.editTensors { tensors in
      tensors = Dictionary(uniqueKeysWithValues: tensors.map { ("clip.\($0.key)", $0.value) })
      tensors["head.weight"] = StoredTensor(dtype: "F16", shape: [1], bytes: [0, 0])
      tensors["clip.text_model.pooler.weight"] = StoredTensor(dtype: "F16", shape: [1], bytes: [0, 0])
    }
    #expect(try prefixed.open().warnings.first?.contains("(head.weight)") == true)
  }

  @Test("numbers that are not finite are an error, not a vector")
  func notFinite() throws {
    let checkpoint = try Checkpoint()
    try checkpoint.editTensors {
      $0["text_projection.weight"]?.bytes.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F])
    }
    try checkpoint.edit("preprocessor_config.json") { $0["image_std"] = [1e-300, 1, 1] }
    let model = try checkpoint.open()
    let picture = Image(width: 2, height: 1, pixels: [255, 0, 0, 0, 255, 0])
    #expect(message { _ = try model.projectTexts([text]) }?.contains("not finite") == true)
    #expect(message { _ = try model.projectImages([picture]) }?.contains("not finite") == true)
  }

  @Test("each broken checkpoint is an error that names what is broken", arguments: BrokenCheckpoint.all)
  func broken(_ problem: BrokenCheckpoint) throws {
    let checkpoint = try Checkpoint()
    try problem.breakIt(checkpoint)
    let message = try #require(message { try checkpoint.exercise() }, "it was not noticed")
    for word in problem.words { #expect(message.contains(word), "no \"\(word)\" in: \(message)") }
  }

  @Test("an index that names a missing file, a foreign file or a missing tensor is an error")
  func brokenIndex() throws {
    let index = "model.safetensors.index.json"
    for (file, words) in [
      ("model-00009-of-00009.safetensors", ["model-00009-of-00009.safetensors", "missing"]),
      ("../model.safetensors", ["../model.safetensors"]), ("config.json", ["config.json"]),
      ("model-00002-of-00002.safetensors", ["logit_scale", "missing"]),
    ] {
      let checkpoint = try Checkpoint(copyOf: "sharded")
      try checkpoint.edit(index) { object in
        var map = object["weight_map"] as? [String: Any] ?? [:]
        map["logit_scale"] = file
        object["weight_map"] = map
      }
      let message = try #require(message { try checkpoint.exercise() })
      for word in words { #expect(message.contains(word), "\(message)") }
    }
  }
}

extension BrokenCheckpoint {
  static let all: [BrokenCheckpoint] =
    [
      .missing("config.json"), .missing("model.safetensors"), .missing("tokenizer.json"),
      .missing("preprocessor_config.json"),
      .init("a tensor missing", ["text_model.encoder.layers.1.mlp.fc2.bias", "missing", "[40]"]) {
        try $0.editTensors { $0["text_model.encoder.layers.1.mlp.fc2.bias"] = nil }
      },
      .init("a wrong shape", ["vision_model.encoder.layers.0.mlp.fc1.weight", "[48, 100]", "[100, 48]"]) {
        try $0.editTensors { $0["vision_model.encoder.layers.0.mlp.fc1.weight"]?.shape = [48, 100] }
      },
      .init("numbers of a type nobody computes with", ["text_projection.weight", "I32"]) {
        try $0.editTensors { $0["text_projection.weight"]?.dtype = "I32" }
      },
      .init("projections of different dimensions", ["visual_projection", "24", "23"]) {
        try $0.editTensors { tensors in
          tensors["visual_projection.weight"]?.shape = [23, 48]
          tensors["visual_projection.weight"]?.bytes.removeLast(48 * 4)
        }
      },
      .init("another kind of model", ["none of the tensors"]) {
        try $0.editTensors {
          $0 = ["bert.weight": StoredTensor(dtype: "F32", shape: [1], bytes: [0, 0, 0, 0])]
        }
      },
      .init("a configuration that is no JSON", ["config.json", "not a JSON object"]) {
        try $0.folder.write("{\"model_type\": ", to: "config.json")
      },
      .init("a configuration larger than any", ["config.json", "at most"]) {
        try $0.folder.write(
          "{" + String(repeating: " ", count: ConfigurationObject.sizeLimit) + "}", to: "config.json")
      },
      .init("a configuration nested without end", ["config.json", "not a JSON object"]) {
        try $0.folder.write(
          "{\"x\": " + String(repeating: "[", count: 400) + String(repeating: "]", count: 400) + "}",
          to: "config.json")
      },
      .init("an empty configuration", ["config.json", "model_type"]) {
        try $0.folder.write("{}", to: "config.json")
      },
      .init("only the model type", ["token_embedding", "[49408, 512]"]) {
        try $0.folder.write("{\"model_type\": \"clip\"}", to: "config.json")
      },
      .init("an unknown model type", ["llama", "not supported"]) {
        try $0.edit("config.json") { $0["model_type"] = "llama" }
      },
      .init("a tokenizer that is none", ["tokenizer"]) { try $0.folder.write("[]", to: "tokenizer.json") },
      .text("num_attention_heads", 0, ["num_attention_heads", "0"]),
      .text("num_attention_heads", 7, ["40", "7"]),
      .text("num_hidden_layers", 1_000_000_000, ["num_hidden_layers"]),
      .text("num_hidden_layers", 4, ["text_model.encoder.layers.3", "missing"]),
      .text("hidden_size", -40, ["hidden_size"]),
      .text("hidden_size", 1e300, ["hidden_size"]),
      .text("hidden_size", "40", ["hidden_size", "number"]),
      .text("hidden_act", "swish", ["swish"]),
      .text("layer_norm_eps", -1, ["layer_norm_eps"]),
      .text("vocab_size", 598, ["token_embedding", "[599, 40]", "[598, 40]"]),
      .text("eos_token_id", 5, ["eos_token_id 5"]),
      .text("max_position_embeddings", 19, ["position_embedding"]),
      .vision("patch_size", 0, ["patch_size"]),
      .vision("patch_size", 43, ["patch_size 43"]),
      .vision("image_size", 56, ["position_embedding"]),
      .vision("num_channels", 4, ["num_channels"]),
      .preprocessor("crop_size", 40, ["40x40", "42x42"]),
      .preprocessor("crop_size", -1, ["crop_size"]),
      .preprocessor("size", 0, ["size"]),
      .preprocessor("size", ["longest_edge": 42], ["size"]),
      .preprocessor("resample", 4, ["resample"]),
      .preprocessor("image_mean", [0.5], ["image_mean"]),
      .preprocessor("image_std", [0, 0, 0], ["image_std"]),
      .preprocessor("do_center_crop", false, ["of any size", "42x42"]),
    ]
}
