// SPDX-License-Identifier: Apache-2.0
import Catalog
package import Embedders
package import LinearAlgebra

/// The model that a command works with.
///
/// An explicit name comes first, then the model that made the library, then `$DUET_MODEL`, then a checkpoint in the
/// local Hugging Face cache, then the built-in one.
package struct ModelChoice: Sendable {
  package let source: ModelSource
  package let embedder: any Embedder

  init(_ source: ModelSource, precision: Precision) throws(EmbedderError) {
    self.source = source
    embedder = try ModelRegistry.open(source, precision: precision)
  }

  /// Opens the model that `name` names, or without a name the default one, for no library in particular.
  ///
  /// - Throws: ``EmbedderError``.
  package static func open(
    named name: String?, precision: Precision = .fastestFaithful, locator: ModelLocator = ModelLocator()
  ) throws(EmbedderError) -> ModelChoice {
    let source = if let name { try locator.locate(name) } else { try locator.defaultModel() }
    return try ModelChoice(source, precision: precision)
  }
}

extension LibraryReader {
  /// Opens the model that made the library's vectors; the default one while it has none.
  ///
  /// - Throws: ``SearchError``, `modelMismatch`, when that model is not here: it says which one it is. Words, ids and
  ///   stored vectors can be searched without it.
  package func model(
    precision: Precision = .fastestFaithful, locator: ModelLocator = ModelLocator()
  ) throws -> ModelChoice {
    guard let space = try Library.opening({ try catalog.spaces().first { $0.state == .active } }) else {
      return try ModelChoice.open(named: nil, precision: precision, locator: locator)
    }
    let remembered = try Library.opening { try catalog.setting(Ingestor.settingForModel(of: space)) }
    for name in [remembered, space.identity.model].compactMap(\.self) {
      if let choice = try? ModelChoice.open(named: name, precision: precision, locator: locator),
        choice.makes(space.identity)
      {
        return choice
      }
    }
    // The folder may have been renamed, or the model fetched again to another place.
    for listing in locator.list() where listing.dimension == space.identity.dimension {
      if let choice = try? ModelChoice(listing.source, precision: precision), choice.makes(space.identity) {
        return choice
      }
    }
    guard space.identity.model != ModelSource.builtin.id else {
      throw SearchError(
        .modelMismatch,
        "this library was made with the built-in model of another version: run 'duet index' to embed everything anew"
      )
    }
    throw SearchError(
      .modelMismatch,
      "the model of this library, \(space.identity.model), is not here"
        + (remembered.map { $0 == space.identity.model ? "" : " (it was at \($0))" } ?? "")
        + ": fetch it again and name it with --model, or run 'duet index --model OTHER' to embed everything anew"
    )
  }

  /// The model to bring the library up to date with: its own, or in the place of another version's built-in one the present
  /// one, which embeds everything anew. Not while a third model is taking over: that work would be lost.
  ///
  /// - Throws: as ``model(precision:locator:)`` does.
  package func modelForIndexing(
    precision: Precision = .fastestFaithful, locator: ModelLocator = ModelLocator()
  ) throws -> ModelChoice {
    do {
      return try model(precision: precision, locator: locator)
    } catch let error as SearchError where error.code == .modelMismatch {
      let spaces = try Library.opening { try catalog.spaces() }.filter { $0.state != .retired }
      guard !spaces.isEmpty, spaces.allSatisfy({ $0.identity.model == ModelSource.builtin.id }) else {
        throw error
      }
      return try ModelChoice(.builtin, precision: precision)
    }
  }
}

extension ModelChoice {
  /// Whether this model's vectors belong to a library's.
  fileprivate func makes(_ space: SpaceIdentity) -> Bool {
    guard embedder.dimension == space.dimension, let identity = try? embedder.identity(view: .library) else {
      return false
    }
    return space.isInterchangeable(with: identity)
  }
}

extension Ingestor {
  /// Keeps what `--model` takes to get the model of this run again, for queries and later runs.
  package func remember(_ choice: ModelChoice) throws {
    let model = Self.settingForModel(of: space)
    guard try store.setting(model) != choice.source.description else { return }
    try store.write { try $0.set(model, choice.source.description) }
  }

  static func settingForModel(of space: Space) -> String { "model \(space.id)" }
}
