// SPDX-License-Identifier: Apache-2.0
import Files
import FoundationEssentials
import HTTPTypes
import Search
import VectorIndexes

/// The body of `POST /v1/search`: schema `SearchRequest` of openapi.json.
struct SearchBody: Codable, Equatable, Sendable {
  var library: String?
  var terms: [TermBody]
  var fields: [String: Double]?
  var filter: FilterBody?
  var cut: String?
  var sort: String?
  var reverse: Bool?
  var limit: Int?
  var cursor: String?
  var recall: Double?
  var explain: Bool?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case library, terms, fields, filter, cut, sort, reverse, limit, cursor, recall, explain
  }

  init(terms: [TermBody], library: String? = nil, limit: Int? = nil) {
    self.terms = terms
    self.library = library
    self.limit = limit
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    library = try container.value(String.self, .library)
    terms = try container.decode([TermBody].self, forKey: .terms)
    fields = try container.value([String: Double].self, .fields)
    filter = try container.value(FilterBody.self, .filter)
    cut = try container.value(String.self, .cut)
    sort = try container.value(String.self, .sort)
    reverse = try container.value(Bool.self, .reverse)
    limit = try container.value(Int.self, .limit)
    cursor = try container.value(String.self, .cursor)
    recall = try container.value(Double.self, .recall)
    explain = try container.value(Bool.self, .explain)
  }

  /// Hits of one page.
  var pageSize: Int { limit ?? 20 }

  /// Refuses what is too large before anything is computed, or added up, with it.
  ///
  /// - Throws: ``Problem`` 422 naming the field.
  func checkSize() throws {
    guard (1...Limits.hits).contains(pageSize) else {
      throw Problem(.unprocessableContent, "from 1 to \(Limits.hits) hits can be asked for", field: "limit")
    }
    guard terms.count <= Term.Limits.terms else {
      throw Problem(
        .unprocessableContent, "\(terms.count) terms: a query has at most \(Term.Limits.terms)",
        field: "terms")
    }
  }

  /// The query with its terms read, for the page that starts after `offset` hits.
  ///
  /// - Throws: ``Problem`` 422 naming the field.
  func request(terms: [Term], offset: Int) throws -> SearchRequest {
    // The last page there can be is cut short.
    var request = SearchRequest(terms: terms, limit: min(pageSize, SearchRequest.largestLimit - offset))
    request.offset = offset
    request.filters = try filter?.filters() ?? []
    if let cut { request.cut = try SearchBody.parsed(cut: cut) }
    if let sort { request.sort = try SearchBody.parsed(sort: sort) }
    request.isReversed = reverse ?? false
    request.explains = explain ?? false
    if let recall {
      guard (0.5...0.999).contains(recall) else {
        throw Problem(.unprocessableContent, "from 0.5 to 0.999", field: "recall")
      }
      request.recall = .atLeast(recall)
    }
    if let fields { try SearchBody.apply(fields, to: &request) }
    return request
  }

  private static func parsed(cut text: String) throws -> Cut {
    do {
      return try Cut(parsing: text)
    } catch {
      throw Problem(.unprocessableContent, "the choices are off, auto and z:NUMBER (z:2.5)", field: "cut")
    }
  }

  private static func parsed(sort text: String) throws -> Search.SortOrder {
    guard let order = Search.SortOrder(rawValue: text) else {
      let known = Search.SortOrder.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(.unprocessableContent, "the choices are \(known)", field: "sort")
    }
    return order
  }

  private static func apply(_ fields: [String: Double], to request: inout SearchRequest) throws {
    for (name, weight) in fields {
      guard let source = HitSource(rawValue: name) else {
        throw Problem(
          .unprocessableContent, "the fields are image, caption and words", field: "fields.\(name)")
      }
      guard (0...1_000).contains(weight) else {
        throw Problem(.unprocessableContent, "a weight is from 0 to 1000", field: "fields.\(name)")
      }
      request.sourceWeights[source] = weight
    }
    request.sources = Set(HitSource.allCases.filter { fields[$0.rawValue] ?? 0 > 0 })
  }

  /// The same for all pages of a query, and for no other query.
  func fingerprint() throws -> String {
    var whole = self
    whole.cursor = nil
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return ContentHash(of: [UInt8](try encoder.encode(whole))).description
  }
}
