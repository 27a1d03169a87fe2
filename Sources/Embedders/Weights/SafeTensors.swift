// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

/// Where the bytes of a safetensors file are.
enum WeightStorage: Sendable {
  /// On disk; pages come when they are read.
  case mapped(MappedFile)
  /// In this program.
  case builtin
}

/// One safetensors file, checked and open.
struct WeightFile: Sendable {
  /// What errors call the file.
  let name: String
  let storage: WeightStorage
  let header: SafeTensorsHeader

  /// The bytes of the whole file.
  var size: Int {
    switch storage {
    case .mapped(let map): map.size
    case .builtin: BuiltinModel.weights.byteCount
    }
  }

  /// Whether the file that is mapped is still the one of its name.
  var isInPlace: Bool {
    guard case .mapped(let map) = storage else { return true }
    return (try? FileStatus(of: map.path)) == map.status
  }

  /// Lets the disk start reading what will be used soon.
  func willRead(_ range: Range<Int>) {
    if case .mapped(let map) = storage { map.advise(.willNeed, range: range) }
  }

  /// Reads the header.
  init(name: String, storage: WeightStorage) throws(EmbedderError) {
    self.name = name
    self.storage = storage
    switch storage {
    case .mapped(let map): header = try SafeTensorsHeader(map.bytes, name: name)
    case .builtin: header = try SafeTensorsHeader(BuiltinModel.weights, name: name)
    }
  }
}

/// One tensor of an open checkpoint.
struct Tensor: Sendable {
  let name: String
  let file: WeightFile
  let entry: TensorEntry

  /// `file: tensor name`, for errors.
  var place: String { "\(file.name): tensor \(name)" }
}

/// The tensors of a checkpoint by name, from one file or from shards.
///
/// Names are those of the checkpoint without its prefix, if all of a model's names have one (`clip.vision_model.…`).
struct SafeTensors: Sendable {
  static let fileName = "model.safetensors"
  static let indexName = "model.safetensors.index.json"
  /// More files than any checkpoint has.
  static let shardLimit = 4096

  /// What errors call the checkpoint.
  let name: String
  private let tensors: [String: Tensor]
  private let prefix: String

  /// Opens the weights of a model.
  ///
  /// - Parameter landmarks: tensors of which the model must have one; what stands before their names is the prefix.
  init(_ files: some ModelFiles, landmarks: [String]) throws(EmbedderError) {
    var tensors: [String: Tensor] = [:]
    let weightMap = try Self.weightMap(of: files)
    for fileName in try Self.fileNames(in: files) {
      guard let file = try files.weights(in: fileName) else {
        throw EmbedderError(
          .unreadable,
          "\(files.name): \(fileName) is missing, though \(Self.indexName) names it: fetch it again")
      }
      for (name, entry) in file.header.tensors where weightMap.map({ $0[name] == fileName }) ?? true {
        tensors[name] = Tensor(name: name, file: file, entry: entry)
      }
    }
    for (name, fileName) in weightMap ?? [:] where tensors[name] == nil {
      throw EmbedderError(
        .malformed,
        "\(files.name)/\(fileName): tensor \(name) is missing, though \(Self.indexName) says it is there")
    }
    name = files.name
    prefix = try Self.prefix(in: tensors.keys, landmarks: landmarks, name: files.name)
    self.tensors = tensors
  }

  /// Whether the checkpoint has the tensor.
  func has(_ name: String) -> Bool { tensors[prefix + name] != nil }

  /// Whether numbers are stored in half precision, so that somebody has to convert them.
  var hasHalves: Bool { tensors.values.contains { $0.entry.type.element?.size == 2 } }

  /// Whether all files are still those that their names stand for.
  var areInPlace: Bool {
    Dictionary(tensors.values.map { ($0.file.name, $0.file) }, uniquingKeysWith: { first, _ in first })
      .values.allSatisfy(\.isInPlace)
  }

  /// The shape of a tensor, nil when it is missing.
  func shape(of name: String) -> [Int]? { tensors[prefix + name]?.entry.shape }

  /// The tensor of that name, which must have that shape and hold numbers that can be computed with.
  func tensor(_ name: String, shape: [Int]) throws(EmbedderError) -> Tensor {
    guard let tensor = tensors[prefix + name] else {
      throw EmbedderError(
        .malformed, "\(self.name): tensor \(prefix + name) is missing; expected shape \(shape)")
    }
    guard tensor.entry.shape == shape else {
      throw EmbedderError(
        .malformed,
        "\(tensor.place) has shape \(tensor.entry.shape), but config.json and the other tensors ask for \(shape)"
      )
    }
    guard tensor.entry.type.element != nil else {
      throw EmbedderError(
        .unsupported,
        "\(tensor.place) is of type \(tensor.entry.type.name); Duet reads F32, F16 and BF16: convert the checkpoint"
      )
    }
    return tensor
  }

  /// The tensors of numbers that are not among `names`, sorted: without those that checkpoints of all kinds carry along
  /// and that no vector depends on (position ids, the logits' scale and bias, a pooler).
  func unread(besides names: Set<String>) -> [String] {
    let idle: Set<Substring> = ["position_ids", "logit_scale", "logit_bias"]
    return tensors.values.filter { tensor in
      let parts = tensor.name.split(separator: ".")
      return tensor.entry.type.element != nil && !idle.contains(parts.last ?? "") && !parts.contains("pooler")
        && !(tensor.name.hasPrefix(prefix) && names.contains(String(tensor.name.dropFirst(prefix.count))))
    }.map(\.name).sorted()
  }

  /// How many bytes the weights have.
  static func size(of files: some ModelFiles) throws(EmbedderError) -> Int {
    var total = 0
    for name in try fileNames(in: files) { total += try files.weights(in: name)?.size ?? 0 }
    return total
  }

  /// The files that hold the weights, in a fixed order.
  static func fileNames(in files: some ModelFiles) throws(EmbedderError) -> [String] {
    guard let weightMap = try weightMap(of: files) else { return [fileName] }
    return Set(weightMap.values).sorted()
  }

  /// The index of a sharded checkpoint (tensor → file), nil for a checkpoint in one file.
  private static func weightMap(of files: some ModelFiles) throws(EmbedderError) -> [String: String]? {
    if try files.weights(in: fileName) != nil { return nil }
    guard let bytes = try files.bytes(of: indexName) else {
      throw EmbedderError(
        .unreadable,
        "\(files.name): neither \(fileName) nor \(indexName) is there; Duet reads safetensors only "
          + "(convert a pytorch_model.bin with transformers' save_pretrained)")
    }
    let index = try ConfigurationObject(bytes, name: "\(files.name)/\(indexName)")
    guard let map = try index.object("weight_map")?.texts, !map.isEmpty else {
      throw index.wrong("weight_map", "is missing or empty: it must say which file holds which tensor")
    }
    let names = Set(map.values)
    guard names.count <= shardLimit else {
      throw index.wrong("weight_map", "names more than \(shardLimit) files")
    }
    for name in names where name.utf8.contains(UInt8(ascii: "/")) || !name.hasSuffix(".safetensors") {
      throw index.wrong("weight_map", "names \(name), which is no safetensors file of this folder")
    }
    return map
  }

  private static func prefix(
    in names: some Sequence<String>, landmarks: [String], name: String
  ) throws(EmbedderError) -> String {
    var prefixes: Set<String> = []
    for tensor in names {
      for landmark in landmarks where tensor == landmark || tensor.hasSuffix("." + landmark) {
        prefixes.insert(String(tensor.dropLast(landmark.count)))
      }
    }
    if prefixes.contains("") { return "" }
    guard let prefix = prefixes.min() else {
      throw EmbedderError(
        .malformed,
        "\(name): the weights hold none of the tensors \(landmarks.joined(separator: ", ")): "
          + "they belong to another kind of model than config.json says")
    }
    guard prefixes.count == 1 else {
      throw EmbedderError(
        .malformed, "\(name): the weights hold several models (\(prefixes.sorted().joined(separator: ", ")))")
    }
    return prefix
  }
}
