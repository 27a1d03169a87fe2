// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /v1/index`.
struct IndexBody: Decodable, Sendable {
  var library: String?
  var folders: [String]?
  var prune: Bool?
  var rebuild: Bool?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case library, folders, prune, rebuild
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    library = try container.value(String.self, .library)
    folders = try container.value([String].self, .folders)
    prune = try container.value(Bool.self, .prune)
    rebuild = try container.value(Bool.self, .rebuild)
  }
}
