// SPDX-License-Identifier: Apache-2.0
import Catalog
import HTTPTypes
import Search

/// Where the next page of an answer starts: `GENERATION.OFFSET.QUERY`. It means nothing for another state of the library,
/// or for another query.
struct Cursor: Equatable {
  let generation: Generation
  let offset: Int
  /// ``SearchBody/fingerprint()``.
  let query: String

  init(generation: Generation, offset: Int, query: String) {
    self.generation = generation
    self.offset = offset
    self.query = query
  }

  /// - Throws: ``Problem`` 422.
  init(parsing text: String) throws {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let generation = Generation(parts[0]), let offset = Int(parts[1]),
      (1..<SearchRequest.largestLimit).contains(offset)
    else {
      throw Problem(.unprocessableContent, "not a cursor that an answer held", field: "cursor")
    }
    self.init(generation: generation, offset: offset, query: String(parts[2]))
  }

  var text: String { "\(generation).\(offset).\(query)" }
}
