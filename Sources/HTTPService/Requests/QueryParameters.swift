// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// The parameters of a URL's query, each at most once and none unknown.
struct QueryParameters {
  private let values: [String: String]

  /// - Throws: ``Problem`` 422 for one that is unknown or given twice.
  init(_ request: Request, known: Set<String>) throws {
    var values: [String: String] = [:]
    // A space may be written "+", as browsers' forms and many libraries do.
    let query = (request.uri.query ?? "").replacing("+", with: "%20")
    for (key, value) in URI("/?\(query)").queryParameters {
      let name = String(key)
      guard known.contains(name) else {
        throw Problem(
          .unprocessableContent,
          "there is no such parameter; there are \(known.sorted().joined(separator: ", "))",
          field: name)
      }
      guard values.updateValue(String(value), forKey: name) == nil else {
        throw Problem(.unprocessableContent, "given twice", field: name)
      }
    }
    self.values = values
  }

  subscript(name: String) -> String? { values[name] }

  func required(_ name: String) throws -> String {
    guard let value = values[name], !value.isEmpty else {
      throw Problem(.unprocessableContent, "a parameter is missing", field: name)
    }
    return value
  }

  func integer(_ name: String) throws -> Int? {
    guard let text = values[name] else { return nil }
    guard let value = Int(text) else {
      throw Problem(.unprocessableContent, "not a whole number", field: name)
    }
    return value
  }

  /// A query of one term.
  func searchBody(for term: TermBody) throws -> SearchBody {
    SearchBody(terms: [term], library: values["library"], limit: try integer("limit"))
  }
}
