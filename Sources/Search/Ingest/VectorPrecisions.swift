// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Embedders
package import LinearAlgebra
import Synchronization

/// What the vectors of a space were computed in.
///
/// Kept in the catalog by the transactions that add the vectors, so that it holds whatever ends a run.
package struct VectorPrecisions: Sendable, Equatable {
  /// In the order of `Precision.allCases`; empty while there are no vectors.
  package private(set) var kinds: [Precision]

  /// What the catalog keeps of a space.
  package init(of space: SpaceID, in catalog: CatalogStore) throws(CatalogError) {
    self.init(parsing: try catalog.setting(Self.key(space)))
  }

  /// Of vectors that are all of one kind.
  init(_ kind: Precision) { kinds = [kind] }

  private init(parsing text: String?) {
    let known = Set((text ?? "").split(separator: " ").compactMap { Precision(rawValue: String($0)) })
    kinds = Precision.allCases.filter(known.contains)
  }

  /// Adds a kind to what the catalog keeps of a space.
  static func add(
    _ kind: Precision, to space: SpaceID, in transaction: CatalogTransaction
  ) throws(CatalogError) {
    var all = Self(parsing: try transaction.setting(key(space)))
    guard !all.kinds.contains(kind) else { return }
    all.kinds = Precision.allCases.filter { $0 == kind || all.kinds.contains($0) }
    try all.replace(in: space, transaction)
  }

  /// Puts these in the place of what the catalog keeps of a space.
  func replace(in space: SpaceID, _ transaction: CatalogTransaction) throws(CatalogError) {
    try transaction.set(Self.key(space), kinds.map(\.rawValue).joined(separator: " "))
  }

  private static func key(_ space: SpaceID) -> String { "precision \(space)" }
}

extension Ingestor {
  /// Adds vectors of this run's model to the batch of a transaction.
  func add(
    _ vectors: [Float], of keys: [FreshVectorKey], _ field: VectorField, in transaction: CatalogTransaction
  ) throws(CatalogError) {
    guard !keys.isEmpty else { return }
    try transaction.addVectors(space: space.id, field: field, keys: keys, vectors: vectors)
    try VectorPrecisions.add(embedder.precision, to: space.id, in: transaction)
  }

  /// After a run that embedded every picture anew: no other kind is left.
  func noteRebuilt() throws {
    let indexed = state.withLock { $0.summary.indexed }
    guard options.rebuilds, indexed > 0, indexed >= (try store.itemCount()) else { return }
    try store.write { try VectorPrecisions(embedder.precision).replace(in: space.id, $0) }
  }
}
