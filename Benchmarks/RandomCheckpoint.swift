// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials
import SystemPackage

/// The sizes of a published CLIP.
enum Architecture: String, CaseIterable, ExpressibleByArgument {
  case b32, b16, l14

  /// `ViT-B/16`
  var name: String { "ViT-\(rawValue.prefix(1).uppercased())/\(patch)" }
  var patch: Int { self == .b32 ? 32 : self == .b16 ? 16 : 14 }
  /// The length of a vector.
  var dimension: Int { self == .l14 ? 768 : 512 }
  var patchCount: Int { (224 / patch) * (224 / patch) }

  var vision: Tower {
    self == .l14
      ? Tower(name: "vision", d: 1024, m: 4096, heads: 16, layers: 24, dimension: dimension)
      : Tower(name: "vision", d: 768, m: 3072, heads: 12, layers: 12, dimension: dimension)
  }

  var text: Tower {
    self == .l14
      ? Tower(name: "text", d: 768, m: 3072, heads: 12, layers: 12, dimension: dimension)
      : Tower(name: "text", d: 512, m: 2048, heads: 8, layers: 12, dimension: dimension)
  }

  /// GFLOP of one picture's way through the vision tower, the patches' convolution included.
  var gigaflopsPerImage: Double {
    vision.gigaflops(tokens: patchCount + 1, isCausal: false)
      + 2e-9 * Double(patchCount * 3 * patch * patch * vision.d)
  }

  /// GFLOP of one text of `tokens`.
  func gigaflopsPerText(tokens: Int) -> Double { text.gigaflops(tokens: tokens, isCausal: true) }

  /// One tower; `d` is the hidden size, `m` the width of the feed-forward part.
  struct Tower {
    let name: String
    let d: Int
    let m: Int
    let heads: Int
    let layers: Int
    let dimension: Int

    var configuration: String {
      """
      "hidden_size": \(d), "intermediate_size": \(m), "num_attention_heads": \(heads), "num_hidden_layers": \(layers)
      """
    }

    /// Weights and biases of the blocks, and the norm that follows them.
    var tensors: [(name: String, shape: [Int])] {
      var tensors: [(String, [Int])] = []
      for layer in 0..<layers {
        let block = "\(name)_model.encoder.layers.\(layer)"
        for (part, outputs, inputs) in [
          ("self_attn.q_proj", d, d), ("self_attn.k_proj", d, d), ("self_attn.v_proj", d, d),
          ("self_attn.out_proj", d, d), ("mlp.fc1", m, d), ("mlp.fc2", d, m),
        ] {
          tensors += [("\(block).\(part).weight", [outputs, inputs]), ("\(block).\(part).bias", [outputs])]
        }
        for norm in ["layer_norm1", "layer_norm2"] {
          tensors += [("\(block).\(norm).weight", [d]), ("\(block).\(norm).bias", [d])]
        }
      }
      return tensors
    }

    /// GFLOP of the blocks and the projection for one sequence of `tokens`: 2 FLOP for each multiplication that is done,
    /// so that of the last block only keys and values are counted for all tokens, and in causal attention only the keys
    /// that a token sees. Norms, activations and softmax are not counted.
    func gigaflops(tokens: Int, isCausal: Bool) -> Double {
      let t = Double(tokens)
      let (d, m, layers) = (Double(d), Double(m), Double(layers))
      let perToken = 4 * d * d + 2 * d * m
      let pairs = isCausal ? t * (t + 1) / 2 : t * t
      let full = (layers - 1) * (t * perToken + pairs * 2 * d)
      let last = t * 2 * d * d + (2 * d * d + 2 * d * m) + t * 2 * d
      return 2e-9 * (full + last + d * Double(dimension))
    }
  }
}

/// A CLIP checkpoint of published sizes (float16) with random weights: as fast as the real one, and it says nothing.
struct RandomCheckpoint {
  let architecture: Architecture
  let folder: FilePath

  /// Writes the checkpoint, 300 to 860 MB, and makes the folder first if need be.
  init(_ architecture: Architecture, in folder: FilePath) throws {
    self.architecture = architecture
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    try write(
      """
      {"model_type": "clip", "projection_dim": \(architecture.dimension),
       "text_config": {"eos_token_id": 2, \(architecture.text.configuration)},
       "vision_config": {"patch_size": \(architecture.patch), \(architecture.vision.configuration)}}
      """, to: "config.json")
    try write(
      """
      {"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "resample": 3, "size": 224,
       "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
      """, to: "preprocessor_config.json")
    // Letters only, and no merges: a letter is a token.
    let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { Character(UnicodeScalar($0)) }
    let tokens = letters.map { "\($0)" } + letters.map { "\($0)</w>" }
    let entries = tokens.enumerated().map { "\"\($1)\": \($0)" }
    let specials = ["\"<|startoftext|>\": 49406", "\"<|endoftext|>\": 49407"]
    try write("{" + (entries + specials).joined(separator: ", ") + "}", to: "vocab.json")
    try write("#version: 0.2\n", to: "merges.txt")
    try writeWeights()
  }

  private var tensors: [(name: String, shape: [Int])] {
    let (text, vision, patch) = (architecture.text, architecture.vision, architecture.patch)
    let (t, v) = (text.d, vision.d)
    return text.tensors + vision.tensors + [
      ("text_model.embeddings.token_embedding.weight", [49408, t]),
      ("text_model.embeddings.position_embedding.weight", [77, t]),
      ("text_model.final_layer_norm.weight", [t]), ("text_model.final_layer_norm.bias", [t]),
      ("text_projection.weight", [architecture.dimension, t]),
      ("vision_model.embeddings.patch_embedding.weight", [v, 3, patch, patch]),
      ("vision_model.embeddings.class_embedding", [v]),
      ("vision_model.embeddings.position_embedding.weight", [architecture.patchCount + 1, v]),
      ("vision_model.pre_layrnorm.weight", [v]), ("vision_model.pre_layrnorm.bias", [v]),
      ("vision_model.post_layernorm.weight", [v]), ("vision_model.post_layernorm.bias", [v]),
      ("visual_projection.weight", [architecture.dimension, v]),
    ]
  }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: folder.appending(name).string))
  }

  /// `model.safetensors`: the length of the header, the header, the numbers.
  private func writeWeights() throws {
    var entries: [String] = []
    var end = 0
    for (name, shape) in tensors {
      let start = end
      end += 2 * shape.reduce(1, *)
      entries.append(
        "\"\(name)\": {\"dtype\": \"F16\", \"shape\": \(shape), \"data_offsets\": [\(start), \(end)]}")
    }
    var header = Array(("{" + entries.joined(separator: ", ") + "}").utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    let file = try FileDescriptor.open(
      folder.appending("model.safetensors"), .writeOnly, options: [.create, .truncate],
      permissions: .ownerReadWrite)
    try file.closeAfter {
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { _ = try file.writeAll($0) }
      try file.writeAll(header)
      var numbers = RandomNumbers(seed: 5)
      for (name, shape) in tensors {
        try file.writeAll(Self.values(name, shape.reduce(1, *), &numbers).withUnsafeBytes { Array($0) })
      }
    }
  }

  /// Small numbers of all kinds; norms are near 1, so that no layer drowns the next.
  private static func values(
    _ name: String, _ count: Int, _ numbers: inout RandomNumbers
  ) -> [UInt16] {
    let isGain =
      name.hasSuffix("norm.weight") || name.hasSuffix("norm1.weight") || name.hasSuffix("norm2.weight")
    return (0..<count).map { _ in Float16((isGain ? 1 : 0) + 0.05 * numbers.next()).bitPattern.littleEndian }
  }
}
