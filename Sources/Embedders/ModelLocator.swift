// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Glibc
package import SystemPackage

/// Where a model comes from.
package enum ModelSource: Sendable, Hashable, CustomStringConvertible {
  /// The one that is compiled in.
  case builtin
  /// A Hugging Face model folder.
  case directory(FilePath)

  /// What `--model` takes to get this very model again.
  package var description: String {
    switch self {
    case .builtin: BuiltinModel.id
    case .directory(let path): path.string
    }
  }

  /// The model's name: `ORG/NAME` for a folder of the Hugging Face cache, else the folder's name.
  package var id: String {
    guard case .directory(let path) = self else { return BuiltinModel.id }
    let names = path.lexicallyNormalized().components.map(\.string)
    if names.count >= 3, names[names.count - 2] == "snapshots",
      let repository = HuggingFaceCache.repository(ofFolder: names[names.count - 3])
    {
      return repository
    }
    return names.last ?? path.string
  }

  /// The files behind it.
  var files: any ModelFiles {
    switch self {
    case .builtin: BuiltinModel()
    case .directory(let path): ModelDirectory(path: path)
    }
  }
}

/// Finds models by what people call them.
package struct ModelLocator: Sendable {
  /// One line of `duet model list`.
  package struct Listing: Sendable {
    /// What `--model` takes.
    package let name: String
    package let source: ModelSource
    /// `model_type` of its configuration.
    package let kind: String
    /// The length of its vectors, nil when it cannot be used.
    package let dimension: Int?
    /// The bytes of its weights.
    package let size: Int
    /// Why the model cannot be used, nil when it can.
    package let problem: String?
  }

  private let environment: @Sendable (String) -> String?
  private let cache: HuggingFaceCache

  /// A locator for an environment: the process's own, or a test's.
  package init(
    environment: @escaping @Sendable (String) -> String? = { name in getenv(name).map { String(cString: $0) }
    }
  ) {
    self.environment = environment
    cache = HuggingFaceCache(environment: environment)
  }

  /// The model that a `--model` value names: `builtin`, a folder, or a repository of the local Hugging Face cache.
  package func locate(_ name: String) throws(EmbedderError) -> ModelSource {
    if name == BuiltinModel.id { return .builtin }
    let path = FilePath(name)
    if let status = try? FileStatus(of: path) {
      guard status.kind == .directory else {
        throw EmbedderError(
          .modelNotFound, "\(name) is a file: name the folder that holds config.json and model.safetensors")
      }
      return .directory(Self.absolute(path))
    }
    if let snapshot = cache.snapshot(of: name) { return .directory(snapshot) }
    throw EmbedderError(
      .modelNotFound,
      "no model \(name): neither a folder, nor a repository in \(cache.folder.string), nor \"\(BuiltinModel.id)\"; "
        + "fetch it with: hf download \(Self.looksLikeRepository(name) ? name : "BAAI/BGE-VL-base")")
  }

  /// The model to use when neither the command line nor a library names one: `$DUET_MODEL`, else a BGE-VL or CLIP
  /// checkpoint of the local Hugging Face cache, else the built-in one.
  package func defaultModel() throws(EmbedderError) -> ModelSource {
    if let name = environment("DUET_MODEL"), !name.isEmpty { return try locate(name) }
    for (_, snapshot) in cache.models().sorted(by: { Self.comesBefore($0.repository, $1.repository) }) {
      let source = ModelSource.directory(snapshot)
      if (try? ModelRegistry.open(source)) != nil { return source }
    }
    return .builtin
  }

  /// Every model that could be meant, the built-in one first: those of known kinds in the local Hugging Face cache.
  package func list() -> [Listing] {
    [Self.listing(.builtin, name: BuiltinModel.id)].compactMap(\.self)
      + cache.models().compactMap { Self.listing(.directory($0.snapshot), name: $0.repository) }
  }

  /// Describes a model; nil for one that has nothing to do with pictures.
  private static func listing(_ source: ModelSource, name: String) -> Listing? {
    let files = source.files
    let kind = try? files.configuration("config.json").text("model_type")
    guard let kind, ModelRegistry.isVisual(kind) else { return nil }
    let size = (try? SafeTensors.size(of: files)) ?? 0
    do throws(EmbedderError) {
      let model = try ModelRegistry.open(source)
      return Listing(
        name: name, source: source, kind: kind, dimension: model.dimension, size: size, problem: nil)
    } catch {
      return Listing(
        name: name, source: source, kind: kind, dimension: nil, size: size, problem: error.description)
    }
  }

  /// Models trained for composed queries first, small before large.
  private static func comesBefore(_ a: String, _ b: String) -> Bool {
    let preferred = ["BAAI/BGE-VL-base", "BAAI/BGE-VL-large", "JUNJIE99/MMRet-base", "JUNJIE99/MMRet-large"]
    let rankA = preferred.firstIndex(of: a) ?? preferred.count
    let rankB = preferred.firstIndex(of: b) ?? preferred.count
    return (rankA, a) < (rankB, b)
  }

  private static func absolute(_ path: FilePath) -> FilePath {
    if path.isAbsolute { return path.lexicallyNormalized() }
    guard let here = realpath(".", nil) else { return path }
    defer { free(here) }
    return FilePath(platformString: here).pushing(path).lexicallyNormalized()
  }

  private static func looksLikeRepository(_ name: String) -> Bool {
    name.split(separator: "/", omittingEmptySubsequences: false).count == 2 && !name.hasPrefix(".")
      && !name.hasPrefix("/") && !name.hasSuffix("/")
  }
}
