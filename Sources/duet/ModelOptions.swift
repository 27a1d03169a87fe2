// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Embedders
import Search

/// `--model`: which model a command works with.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A model folder, ORG/NAME in the local Hugging Face cache, or 'builtin' (default: the library's own, else "
        + "$DUET_MODEL, else the best that is here).", valueName: "model"), completion: .directory)
  var model: String?

  /// The model for work without a library.
  func open() throws -> ModelChoice {
    try ModelChoice.open(named: model)
  }

  /// The model for bringing a library up to date.
  func open(for library: LibraryReader?) throws -> ModelChoice {
    guard model == nil, let library else { return try open() }
    return try library.model()
  }

  /// The model for queries, or why it is not here: then words, ids and stored vectors can still be searched.
  ///
  /// - Throws: the error of a model that was named.
  func openForQueries(of library: LibraryReader) throws -> (choice: ModelChoice?, problem: String?) {
    guard model == nil else { return (try open(), nil) }
    do {
      return (try library.model(), nil)
    } catch let error as SearchError where error.code == .modelMismatch {
      return (nil, error.message)
    }
  }
}
