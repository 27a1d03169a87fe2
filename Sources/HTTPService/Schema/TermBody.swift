// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import HTTPTypes
import Search

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
