// SPDX-License-Identifier: Apache-2.0
internal import CBuiltinModel
internal import Files

/// The checkpoint that is compiled into the program: a small CLIP that knows pictograms, not photographs.
struct BuiltinModel: ModelFiles {
  /// Its name for `--model`, and in fingerprints.
  static let id = "builtin"

  var name: String { Self.id }

  func bytes(of file: String) throws(EmbedderError) -> [UInt8]? {
    switch file {
    case "config.json": Self.span(duet_builtin_config()).copied()
    case PreprocessorConfiguration.fileName: Self.span(duet_builtin_preprocessor_config()).copied()
    case "tokenizer.json": Self.span(duet_builtin_tokenizer()).copied()
    default: nil
    }
  }

  func weights(in file: String) throws(EmbedderError) -> WeightFile? {
    guard file == SafeTensors.fileName else { return nil }
    return try WeightFile(name: "\(name)/\(file)", storage: .builtin)
  }

  func contentHash() throws(EmbedderError) -> String {
    var hasher = ContentHasher()
    hasher.update(Self.weights)
    for blob in [duet_builtin_config(), duet_builtin_preprocessor_config(), duet_builtin_tokenizer()] {
      hasher.update(Self.span(blob))
    }
    return hasher.finalize().description
  }

  /// The bytes of `model.safetensors`, where they lie in the program.
  static var weights: RawSpan {
    @_lifetime(immortal)
    get { span(duet_builtin_weights()) }
  }

  /// How many bytes all four files have.
  static var size: Int {
    [
      duet_builtin_config(), duet_builtin_preprocessor_config(), duet_builtin_tokenizer(),
      duet_builtin_weights(),
    ].reduce(0) { $0 + $1.size }
  }

  @_lifetime(immortal)
  private static func span(_ blob: duet_blob) -> RawSpan {
    // The bytes are constants of the program: they outlive every span.
    _overrideLifetime(RawSpan(_unsafeStart: blob.bytes, byteCount: blob.size), copying: ())
  }
}
