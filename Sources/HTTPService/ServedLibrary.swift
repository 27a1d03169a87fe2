// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Embedders
import HTTPTypes
import LinearAlgebra
import Search
import Synchronization
import SystemPackage

/// A library with its model open, as callers of the daemon see it.
final class ServedLibrary: Sendable {
  /// What callers name it.
  let name: String
  let location: LibraryLocation
  let reader: LibraryReader
  private let precision: Precision

  private struct State {
    var embedder: CachingEmbedder?
    var choice: ModelChoice?
    /// Why there is no model.
    var problem: String?
    var current: LibrarySnapshot?
    /// Whether somebody is opening a newer state: the others go on with the one there is.
    var isOpening = false
    /// Older states, for cursors that point into them.
    var kept: [(snapshot: LibrarySnapshot, until: ContinuousClock.Instant)] = []

    mutating func dropExpired(_ now: ContinuousClock.Instant) { kept.removeAll { $0.until < now } }

    mutating func replaceCurrent(with opened: LibrarySnapshot, _ now: ContinuousClock.Instant) {
      if let current, current.state.generation != opened.state.generation {
        kept.append((current, now + ServedLibrary.keptFor))
      }
      dropExpired(now)
      kept.removeFirst(max(0, kept.count - ServedLibrary.keptSnapshots))
      current = opened
    }
  }

  /// How many older states are kept, and for how long.
  static let keptSnapshots = 2
  static let keptFor = Duration.seconds(300)

  private let state = Mutex(State())

  /// - Throws: ``SearchError`` when there is no library, or it cannot be opened.
  init(name: String, location: LibraryLocation, precision: Precision = .fastestFaithful) throws {
    self.name = name
    self.precision = precision
    self.location = location
    reader = try LibraryReader(location)
  }

  /// Opens the model and the state of the last commit. Call it on a compute thread.
  func open() throws {
    try openModel()
    _ = try snapshot()
    try embedder?.warmUp(texts: true, images: true)
  }

  var isOpen: Bool { state.withLock { $0.current != nil } }
  var embedder: CachingEmbedder? { state.withLock { $0.embedder } }
  /// The model as `duet index` opens it.
  var modelChoice: ModelChoice? { state.withLock { $0.choice } }
  /// The state that was last opened, without looking for a newer one.
  var currentSnapshot: LibrarySnapshot? { state.withLock { $0.current } }

  /// The model that made the library's vectors.
  ///
  /// - Throws: as ``LibraryReader/model(precision:locator:)`` does.
  func ownModel() throws -> ModelChoice { try reader.model(precision: precision) }

  private func openModel() throws {
    do {
      let choice = try ownModel()
      state.withLock {
        $0.choice = choice; $0.embedder = CachingEmbedder(choice.embedder); $0.problem = nil
      }
    } catch let error as SearchError where error.code == .modelMismatch {
      state.withLock {
        $0.choice = nil; $0.embedder = nil; $0.problem = error.message
      }
    }
  }

  /// The state of the last commit. A commit that is being opened by another query does not hold this one up: it is
  /// answered from the state before.
  ///
  /// - Throws: ``SearchError`` as ``LibraryReader/snapshot(embedder:missingModel:)`` does.
  func snapshot(now: ContinuousClock.Instant = .now) throws -> LibrarySnapshot {
    let generation = try reader.generation()
    let usable = state.withLock { state -> LibrarySnapshot? in
      state.dropExpired(now)
      if let current = state.current, current.state.generation == generation || state.isOpening {
        return current
      }
      state.isOpening = true
      return nil
    }
    if let usable { return usable }
    defer { state.withLock { $0.isOpening = false } }
    let opened: LibrarySnapshot
    do {
      opened = try openedSnapshot()
    } catch let error as SearchError where error.code == .modelMismatch {
      // Another model has taken over since.
      try openModel()
      opened = try openedSnapshot()
    }
    state.withLock { $0.replaceCurrent(with: opened, now) }
    return opened
  }

  private func openedSnapshot() throws -> LibrarySnapshot {
    // A query may come before the model was opened; one that was missing may be here by now.
    if state.withLock({ $0.embedder == nil }) { try openModel() }
    let (embedder, problem) = state.withLock { ($0.embedder, $0.problem) }
    return try reader.snapshot(embedder: embedder, missingModel: problem)
  }

  /// How many older states are kept right now.
  var keptCount: Int { state.withLock { $0.kept.count } }

  /// The state of an earlier commit, while it is kept.
  func snapshot(of generation: Generation) throws -> LibrarySnapshot? {
    let latest = try snapshot()
    if latest.state.generation == generation { return latest }
    return state.withLock { state in
      state.kept.first { $0.snapshot.state.generation == generation }?.snapshot
    }
  }
}

/// The libraries of a daemon, by name.
struct ServedLibraries: Sendable {
  /// In the order of the command line; the first one answers when none is named.
  let all: [ServedLibrary]

  /// - Throws: ``Problem`` 404, naming those there are.
  func named(_ name: String?) throws -> ServedLibrary {
    guard let name else { return all[0] }
    guard let library = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw Problem(.notFound, "no library '\(name)' is served: there is \(names)", field: "library")
    }
    return library
  }
}

extension ServedLibrary {
  /// The model to bring the library up to date with, opened unless it is open.
  func modelForIndexing() throws -> ModelChoice {
    // Another model may have taken over since the last query.
    _ = try snapshot()
    return try modelChoice ?? reader.modelForIndexing(precision: precision)
  }

  /// Where the library's roots are, absolute.
  func roots() throws -> [FilePath] {
    try reader.catalog.roots().map { location.resolve(root: $0.path) }
  }
}
