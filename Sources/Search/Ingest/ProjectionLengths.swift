// SPDX-License-Identifier: Apache-2.0
import Catalog

/// How long pictures' projections were before they were normalised, added up: stored vectors do not tell it any more.
///
/// Kept in the catalog, in the transaction that adds the vectors, so that a run that goes on where another one was
/// killed knows what that one saw.
struct ProjectionLengths: Equatable {
  private(set) var sum = 0.0
  private(set) var count = 0

  init(_ lengths: [Float]) {
    sum = lengths.reduce(0) { $0 + Double($1) }
    count = lengths.count
  }

  /// What the catalog keeps of a space.
  init(of space: SpaceID, in catalog: CatalogStore) throws(CatalogError) {
    self.init(parsing: try catalog.setting(Self.key(space)))
  }

  /// Nothing when the text makes no sense.
  private init(parsing text: String?) {
    let parts = (text ?? "").split(separator: " ")
    guard parts.count == 2, let sum = Double(parts[0]), let count = Int(parts[1]), sum.isFinite, count > 0
    else { return }
    (self.sum, self.count) = (sum, count)
  }

  /// The typical length; nil where none was noted.
  var mean: Float? { count > 0 ? Float(sum / Double(count)) : nil }

  /// Adds these lengths to what the catalog keeps of a space.
  func add(to space: SpaceID, in transaction: CatalogTransaction) throws(CatalogError) {
    guard count > 0 else { return }
    let before = Self(parsing: try transaction.setting(Self.key(space)))
    try transaction.set(Self.key(space), "\(before.sum + sum) \(before.count + count)")
  }

  private static func key(_ space: SpaceID) -> String { "imageLengths.\(space)" }
}
