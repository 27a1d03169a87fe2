// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Embedders
import LinearAlgebra
import Search

/// `--model` and `--precision`: what a command embeds with.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A model folder, ORG/NAME in the local Hugging Face cache, or 'builtin' (default: the library's own, else "
        + "$DUET_MODEL, else the best that is here).", valueName: "model"), completion: .directory)
  var model: String?

  @Option(help: .precision)
  var precision = PrecisionChoice.auto

  /// The model for work without a library.
  func open() throws -> ModelChoice {
    try ModelChoice.open(named: model, precision: precision.precision)
  }

  /// The model for bringing a library up to date.
  func open(for library: LibraryReader?) throws -> ModelChoice {
    guard model == nil, let library else { return try open() }
    return try library.modelForIndexing(precision: precision.precision)
  }

  /// The model for queries, or why it is not here: then words, ids and stored vectors can still be searched.
  ///
  /// - Throws: the error of a model that was named.
  func openForQueries(of library: LibraryReader) throws -> (choice: ModelChoice?, problem: String?) {
    guard model == nil else { return (try open(), nil) }
    do {
      return (try library.model(precision: precision.precision), nil)
    } catch let error as SearchError where error.code == .modelMismatch {
      return (nil, error.message)
    }
  }
}

extension ArgumentHelp {
  /// Of `--precision`.
  static let precision = ArgumentHelp(
    "What the model computes with: auto, f32, bf16 or int8 (auto: bf16 on CPUs that multiply it, else f32).",
    valueName: "kind")
}

/// A value of `--precision`.
enum PrecisionChoice: String, CaseIterable, ExpressibleByArgument {
  case auto, f32, bf16, int8

  var precision: Precision {
    switch self {
    case .auto: .fastestFaithful
    case .f32: .float32
    case .bf16: .bfloat16
    case .int8: .int8
    }
  }
}
