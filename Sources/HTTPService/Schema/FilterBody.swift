// SPDX-License-Identifier: Apache-2.0
import Catalog
import HTTPTypes
import Search

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
