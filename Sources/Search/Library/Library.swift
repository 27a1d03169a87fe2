// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import VectorIndexes

/// What all doors to a library have in common.
package enum Library {
  /// Runs `body` and tells failures to open or read a library as such.
  static func opening<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CatalogError {
      throw SearchError(error)
    } catch let error as IndexError {
      throw SearchError(.libraryUnusable, error.message)
    }
  }

  /// Runs `body` and tells failures to write as what they mean for the library.
  static func storing<Result>(_ location: LibraryLocation, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      throw failure(error, at: location)
    }
  }

  /// As above, for work that waits.
  static func storing<Result>(
    _ location: LibraryLocation, _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch {
      throw failure(error, at: location)
    }
  }

  /// An error of the parts as the engine's own; others are passed on.
  private static func failure(_ error: any Error, at location: LibraryLocation) -> any Error {
    switch error {
    case let error as CatalogError: SearchError(error)
    case let error as IndexError:
      SearchError(error.code == .file ? .storage : .libraryUnusable, error.message)
    case let error as FileError: SearchError(.storage, "\(location.directory): \(error.message)")
    default: error
    }
  }
}

extension SearchError {
  /// The engine's view of a catalog error.
  init(_ error: CatalogError) {
    let code: Code =
      switch error.code {
      case .busy: .libraryBusy
      case .diskFull, .inputOutput, .readOnly: .storage
      case .invalidRequest, .notFound: .invalidRequest
      case .unfinished: .libraryNotFound
      case .cannotOpen, .notACatalog, .corrupted, .newerVersion, .needsUpgrade, .constraint, .conflict:
        .libraryUnusable
      }
    self.init(code, error.message)
  }
}
