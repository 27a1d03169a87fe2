// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import SystemPackage

/// A CLIP checkpoint of BGE-VL-base's sizes (ViT-B/16, float16) with random weights: as fast as the real one, and it says
/// nothing.
struct RandomCheckpoint {
  /// One tower; `d` is the hidden size, `m` the width of the feed-forward part.
  struct Tower {
    let name: String
    let d: Int
    let m: Int
    let layers = 12
    let dimension = RandomCheckpoint.dimension

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

  static let dimension = 512
  static let text = Tower(name: "text", d: 512, m: 2048)
  static let vision = Tower(name: "vision", d: 768, m: 3072)
  static let patchCount = 196

  /// GFLOP of one picture's way through the vision tower, the patches' convolution included.
  static var gigaflopsPerImage: Double {
    vision.gigaflops(tokens: patchCount + 1, isCausal: false) + 2e-9 * Double(patchCount * 768 * vision.d)
  }

  /// GFLOP of one text of `tokens`.
  static func gigaflopsPerText(tokens: Int) -> Double { text.gigaflops(tokens: tokens, isCausal: true) }

  let folder: FilePath

  /// Writes the checkpoint, 300 MB, and makes the folder first if need be.
  init(in folder: FilePath) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    try write(
      """
      {"model_type": "clip", "projection_dim": \(Self.dimension), "text_config": {"eos_token_id": 2},
       "vision_config": {"patch_size": 16}}
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

  private static var tensors: [(name: String, shape: [Int])] {
    let (t, v) = (text.d, vision.d)
    return text.tensors + vision.tensors + [
      ("text_model.embeddings.token_embedding.weight", [49408, t]),
      ("text_model.embeddings.position_embedding.weight", [77, t]),
      ("text_model.final_layer_norm.weight", [t]), ("text_model.final_layer_norm.bias", [t]),
      ("text_projection.weight", [dimension, t]),
      ("vision_model.embeddings.patch_embedding.weight", [v, 3, 16, 16]),
      ("vision_model.embeddings.class_embedding", [v]),
      ("vision_model.embeddings.position_embedding.weight", [patchCount + 1, v]),
      ("vision_model.pre_layrnorm.weight", [v]), ("vision_model.pre_layrnorm.bias", [v]),
      ("vision_model.post_layernorm.weight", [v]), ("vision_model.post_layernorm.bias", [v]),
      ("visual_projection.weight", [dimension, v]),
    ]
  }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: folder.appending(name).string))
  }

  /// `model.safetensors`: the length of the header, the header, the numbers.
  private func writeWeights() throws {
    var entries: [String] = []
    var end = 0
    for (name, shape) in Self.tensors {
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
      for (name, shape) in Self.tensors {
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
