// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import SystemPackage

/// The files of one model, wherever they are.
protocol ModelFiles: Sendable {
  /// What errors call the place.
  var name: String { get }
  /// The bytes of a small file, nil when there is none of that name.
  func bytes(of file: String) throws(EmbedderError) -> [UInt8]?
  /// Opens a safetensors file, nil when there is none of that name.
  func weights(in file: String) throws(EmbedderError) -> WeightFile?
  /// A hash of everything that decides a vector: weights, configuration, tokenizer.
  func contentHash() throws(EmbedderError) -> String
}

extension ModelFiles {
  /// The files beside the weights that decide what vectors come out.
  static var decidingFiles: [String] {
    ["config.json", "preprocessor_config.json", "tokenizer.json", "vocab.json", "merges.txt"]
  }

  /// A configuration file that must be there.
  func configuration(_ file: String) throws(EmbedderError) -> ConfigurationObject {
    guard let bytes = try bytes(of: file) else {
      throw EmbedderError(
        .unreadable, "\(name): \(file) is missing: this is no complete Hugging Face model folder")
    }
    return try ConfigurationObject(bytes, name: "\(name)/\(file)")
  }
}

/// A Hugging Face model folder on a local disk.
struct ModelDirectory: ModelFiles {
  /// The largest file that is read whole; tokenizers reach 34 MB.
  static let readLimit = 128 << 20

  let path: FilePath

  var name: String { path.string }

  func bytes(of file: String) throws(EmbedderError) -> [UInt8]? {
    do {
      return try readFile(path.appending(file), limit: Self.readLimit)
    } catch {
      if error.code == .notFound { return nil }
      throw EmbedderError(.unreadable, "cannot read the model's \(file)", cause: error)
    }
  }

  func weights(in file: String) throws(EmbedderError) -> WeightFile? {
    let map: MappedFile
    do {
      map = try MappedFile(path.appending(file))
    } catch {
      if error.code == .notFound { return nil }
      throw EmbedderError(.unreadable, "cannot map the model's \(file)", cause: error)
    }
    return try WeightFile(name: map.path.string, storage: .mapped(map))
  }

  func contentHash() throws(EmbedderError) -> String {
    var hasher = ContentHasher()
    for file in try SafeTensors.fileNames(in: self) {
      hasher.update([UInt8](file.utf8))
      hasher.update([UInt8](try WeightsHashCache.standard.hash(of: path.appending(file)).utf8))
    }
    for file in Self.decidingFiles {
      guard let bytes = try bytes(of: file) else { continue }
      hasher.update([UInt8](file.utf8))
      hasher.update(bytes)
    }
    return hasher.finalize().description
  }
}
