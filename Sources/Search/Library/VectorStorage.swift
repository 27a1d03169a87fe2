// SPDX-License-Identifier: Apache-2.0
import Catalog
package import LinearAlgebra

/// How a library stores the numbers of its vectors: kept in the catalog, and honoured by every segment that is written.
extension RowStorage {
  /// As it is typed, and kept in the catalog.
  package var name: String {
    switch self {
    case .float32: "f32"
    case .float16: "f16"
    case .int8: "int8"
    }
  }

  /// The storage of that name.
  package init?(named name: String) {
    guard let storage = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = storage
  }

  /// What fresh vectors are scored as, so that as little as possible changes when they become a segment: coding takes
  /// place there.
  var ofFreshVectors: RowStorage { self == .float16 ? .float16 : .float32 }

  /// The catalog's setting; a library that has none stores float32.
  static let setting = "vectorStorage"
}

extension CatalogStore {
  /// How this library stores the numbers of its vectors.
  package func vectorStorage() throws -> RowStorage {
    guard let name = try setting(RowStorage.setting) else { return .float32 }
    guard let storage = RowStorage(named: name) else {
      throw SearchError(
        .libraryUnusable,
        "the library stores vectors as '\(name)', which this Duet does not know: update duet")
    }
    return storage
  }
}
