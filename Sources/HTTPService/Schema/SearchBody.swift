// SPDX-License-Identifier: Apache-2.0
import Catalog
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

/// One piece of a query: schema `Term`.
struct TermBody: Codable, Equatable, Sendable {
  var text: String?
  var image: String?
  var upload: String?
  var item: Int64?
  var vector: [Float]?
  var weight: Float?
  var role: String?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case text, image, upload, item, vector, weight, role
  }

  init(text: String) { self.text = text }
  init(item: Int64) { self.item = item }

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    text = try container.value(String.self, .text)
    image = try container.value(String.self, .image)
    upload = try container.value(String.self, .upload)
    item = try container.value(Int64.self, .item)
    vector = try container.value([Float].self, .vector)
    weight = try container.value(Float.self, .weight)
    role = try container.value(String.self, .role)
    let given = [text != nil, image != nil, upload != nil, item != nil, vector != nil].count { $0 }
    guard given == 1 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "a term has one of text, image, upload, item and vector; this one has \(given)"))
    }
  }

  /// - Throws: ``Problem`` 422.
  func parsedRole(field: String) throws -> Term.Role {
    guard let role else { return .want }
    guard let known = Term.Role(rawValue: role) else {
      throw Problem(.unprocessableContent, "the choices are want, avoid and exclude", field: field + ".role")
    }
    return known
  }

  /// The bytes of a base64 text, with or without `data:…;base64,` before it.
  ///
  /// - Throws: ``Problem`` 422.
  static func bytes(ofBase64 text: String, field: String) throws -> [UInt8] {
    let payload =
      text.hasPrefix("data:") ? text.firstIndex(of: ",").map { text[text.index(after: $0)...] } : text[...]
    guard let payload, let data = Data(base64Encoded: String(payload), options: .ignoreUnknownCharacters),
      !data.isEmpty
    else {
      throw Problem(.unprocessableContent, "not the base64 form of a picture's file", field: field)
    }
    return [UInt8](data)
  }
}

/// Which pictures: schema `Filter`.
struct FilterBody: Codable, Equatable, Sendable {
  var globs: [String]?
  var folder: String?
  var formats: [String]?
  var minBytes: Int64?
  var maxBytes: Int64?
  var minWidth: Int64?
  var maxWidth: Int64?
  var minHeight: Int64?
  var maxHeight: Int64?
  var takenFrom: Int64?
  var takenBefore: Int64?
  var modifiedFrom: Int64?
  var modifiedBefore: Int64?
  var captions: [String]?
  var tags: [String]?
  var hasCaption: Bool?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case globs, folder, formats, captions, tags
    case minBytes = "min_bytes"
    case maxBytes = "max_bytes"
    case minWidth = "min_width"
    case maxWidth = "max_width"
    case minHeight = "min_height"
    case maxHeight = "max_height"
    case takenFrom = "taken_from"
    case takenBefore = "taken_before"
    case modifiedFrom = "modified_from"
    case modifiedBefore = "modified_before"
    case hasCaption = "has_caption"
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    globs = try container.value([String].self, .globs)
    folder = try container.value(String.self, .folder)
    formats = try container.value([String].self, .formats)
    minBytes = try container.value(Int64.self, .minBytes)
    maxBytes = try container.value(Int64.self, .maxBytes)
    minWidth = try container.value(Int64.self, .minWidth)
    maxWidth = try container.value(Int64.self, .maxWidth)
    minHeight = try container.value(Int64.self, .minHeight)
    maxHeight = try container.value(Int64.self, .maxHeight)
    takenFrom = try container.value(Int64.self, .takenFrom)
    takenBefore = try container.value(Int64.self, .takenBefore)
    modifiedFrom = try container.value(Int64.self, .modifiedFrom)
    modifiedBefore = try container.value(Int64.self, .modifiedBefore)
    captions = try container.value([String].self, .captions)
    tags = try container.value([String].self, .tags)
    hasCaption = try container.value(Bool.self, .hasCaption)
  }

  /// The catalog's form.
  ///
  /// - Throws: ``Problem`` 422 naming the field.
  func filters() throws -> [CatalogFilter] {
    for (name, list) in [("globs", globs), ("formats", formats), ("captions", captions), ("tags", tags)] {
      guard list?.count ?? 0 <= 64 else {
        throw Problem(.unprocessableContent, "at most 64", field: "filter.\(name)")
      }
    }
    var filter = CatalogFilter()
    filter.globs = globs ?? []
    filter.formats = Set(formats ?? [])
    filter.size = CatalogFilter.Bounds(from: minBytes, through: maxBytes)
    filter.width = CatalogFilter.Bounds(from: minWidth, through: maxWidth)
    filter.height = CatalogFilter.Bounds(from: minHeight, through: maxHeight)
    filter.taken = FilterBody.bounds(from: takenFrom, before: takenBefore, unit: 1)
    filter.modified = FilterBody.bounds(from: modifiedFrom, before: modifiedBefore, unit: 1_000_000_000)
    filter.captionContains = captions ?? []
    filter.tags = tags ?? []
    filter.hasCaption = hasCaption
    guard let folder, folder.contains(where: { $0 != "/" }) else { return [filter] }
    var within = CatalogFilter()
    within.globs = [FilterBody.pattern(ofFolder: folder)]
    return [filter, within]
  }

  /// Numbers that would leave 64 bits in the catalog's unit bound nothing that there is, or everything.
  private static func bounds(from lower: Int64?, before upper: Int64?, unit: Int64) -> CatalogFilter.Bounds {
    func scaled(_ value: Int64) -> Int64 {
      let (product, overflows) = value.multipliedReportingOverflow(by: unit)
      return overflows ? (value < 0 ? .min : .max) : product
    }
    return CatalogFilter.Bounds(
      from: lower.map(scaled), through: upper.map { scaled($0) }.map { $0 == .min ? $0 : $0 - 1 })
  }

  /// `a folder/**`, with what would be a pattern escaped.
  private static func pattern(ofFolder folder: String) -> String {
    PathGlob.escaped(folder.split(separator: "/").joined(separator: "/")) + "/**"
  }
}
