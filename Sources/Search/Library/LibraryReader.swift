// SPDX-License-Identifier: Apache-2.0
package import Catalog
package import Embedders
import Files
import LinearAlgebra
import Synchronization
import SystemPackage
import VectorIndexes

/// A library opened for queries: hands out a snapshot of the last commit, and keeps what snapshots have in common.
///
/// Any number of readers, in any number of processes, work beside the one writer. Segment files stay mapped from one
/// snapshot to the next.
package final class LibraryReader: Sendable {
  package let location: LibraryLocation
  package let catalog: CatalogStore
  /// Mapped memory that searches may leave behind; nil leaves that to the system.
  private let memoryLimit: Int?
  private let state = Mutex(State())

  private struct State {
    var segments: [String: Segment] = [:]
    var last: (snapshot: LibrarySnapshot, generation: Generation)?
  }

  /// Opens the catalog for reading; works without permission to write.
  ///
  /// - Throws: ``SearchError``, `libraryUnusable`, when there is no catalog or it is damaged or newer.
  package init(_ location: LibraryLocation, memoryLimit: Int? = nil) throws {
    self.location = location
    self.memoryLimit = memoryLimit
    catalog = try Library.opening { try CatalogStore.open(location.catalog, access: .readOnly) }
  }

  /// For the writer, which has the catalog open already.
  init(_ location: LibraryLocation, catalog: CatalogStore) {
    self.location = location
    self.catalog = catalog
    memoryLimit = nil
  }

  /// The identity of the model that made the library's vectors; nil while it has none.
  package func modelIdentity() throws -> SpaceIdentity? {
    try Library.opening { try catalog.spaces().first { $0.state == .active }?.identity }
  }

  /// The number of the last commit.
  package func generation() throws -> Generation { try Library.opening { try catalog.generation() } }

  /// The state of the last commit.
  ///
  /// A segment that a merge unlinked between the look into the catalog and the opening of the file is no error: the
  /// catalog has moved on, and is read again.
  ///
  /// - Parameters:
  ///   - embedder: the library's model, where it is here.
  ///   - missingModel: why it is not.
  /// - Throws: ``SearchError``: `libraryUnusable` names a file that is missing or damaged; `modelMismatch` when
  ///   `embedder` did not make these vectors.
  package func snapshot(embedder: (any Embedder)?, missingModel: String? = nil) throws -> LibrarySnapshot {
    for _ in 0..<8 {
      let generation = try generation()
      if let last = state.withLock({ $0.last }), last.generation == generation { return last.snapshot }
      let current = try Library.opening { try catalog.snapshot() }
      do {
        let snapshot = try assemble(current, embedder: embedder, missingModel: missingModel)
        state.withLock { $0.last = (snapshot, current.generation) }
        return snapshot
      } catch let error as IndexError {
        let isBehind = try Library.opening { try catalog.generation() } != current.generation
        guard error.cause?.code == .notFound, isBehind else {
          throw SearchError(
            .libraryUnusable,
            "\(error.message); 'duet index' makes its vectors anew, 'duet verify' tells what else is lost")
        }
      }
    }
    throw SearchError(.libraryBusy, "\(location.directory) changes faster than it can be read: try again")
  }

  private func assemble(
    _ current: CatalogSnapshot, embedder: (any Embedder)?, missingModel: String?
  ) throws -> LibrarySnapshot {
    let dimension = current.space?.identity.dimension ?? embedder?.dimension ?? 1
    if let embedder, let space = current.space?.identity,
      !space.isInterchangeable(with: try embedder.identity(view: .library))
    {
      throw SearchError(
        .modelMismatch,
        "\(location.directory) was made with \(space.model), not with \(embedder.id): leave --model out, "
          + "or run 'duet index --model \(embedder.id)' to embed it anew")
    }
    let open = try segments(of: current)
    let storage = try Library.opening { try catalog.vectorStorage() }
    func vectors(_ field: VectorField) throws -> VectorSearch {
      var sources = zip(current.segments, open).filter { $0.0.field == field }.map { record, segment in
        VectorSource(segment, tombstones: current.tombstones[record.id] ?? [])
      }
      if let fresh = current.fresh[field], fresh.count > 0 {
        let keys = fresh.keys.map { VectorKey(item: $0.item, ordinal: $0.ordinal) }
        sources.append(
          VectorSource(
            try VectorIndexes.FreshVectors(
              dimension: dimension, storage: storage.ofFreshVectors, keys: keys, rows: fresh.vectors)))
      }
      return try VectorSearch(dimension: dimension, sources: sources, memoryLimit: memoryLimit)
    }
    let roots = try Library.opening { try catalog.roots() }
    return LibrarySnapshot(
      catalog: catalog, state: current, embedder: embedder, missingModel: missingModel,
      image: try vectors(.image), caption: try vectors(.caption),
      rootPaths: Dictionary(uniqueKeysWithValues: roots.map { ($0.id, location.resolve(root: $0.path)) }))
  }

  /// Maps the segments of a snapshot, those of the last one again.
  private func segments(of current: CatalogSnapshot) throws -> [Segment] {
    let known = state.withLock { $0.segments }
    let fingerprint = current.space?.identity.fingerprint
    let open = try current.segments.map { record in
      if let segment = known[record.file] { return segment }
      let segment = try Segment(location.segment(record.file), size: Int(record.bytes))
      guard segment.fingerprint == fingerprint, segment.count == record.count else {
        throw SearchError(
          .libraryUnusable, "\(segment.path) is not the segment that the catalog names: run 'duet index'")
      }
      return segment
    }
    state.withLock { state in
      state.segments = Dictionary(
        zip(current.segments.map(\.file), open), uniquingKeysWith: { first, _ in first })
    }
    return open
  }
}

extension SpaceIdentity {
  /// Whether vectors of a model belong to this space: everything but its name is equal.
  package func isInterchangeable(with model: ModelIdentity) -> Bool {
    isInterchangeable(with: SpaceIdentity(model))
  }
}
