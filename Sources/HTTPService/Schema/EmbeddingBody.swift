// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /v1/embeddings`. Fields that it does not know are left alone: clients of that API send many.
struct EmbeddingBody: Decodable, Sendable {
  enum Input: Decodable, Sendable {
    case text(String)
    case image(String)

    private enum CodingKeys: String, CodingKey, CaseIterable {
      case text, image
    }

    init(from decoder: any Decoder) throws {
      if let text = try? decoder.singleValueContainer().decode(String.self) {
        self = .text(text)
        return
      }
      let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
      switch (try container.value(String.self, .text), try container.value(String.self, .image)) {
      case (let text?, nil): self = .text(text)
      case (nil, let image?): self = .image(image)
      default:
        throw DecodingError.dataCorrupted(
          DecodingError.Context(
            codingPath: decoder.codingPath,
            debugDescription: "an input is a text, or has one of text and image"))
      }
    }
  }

  enum Encoding: String, Decodable, Sendable {
    case float, base64
  }

  let model: String?
  let library: String?
  let inputs: [Input]
  let encoding: Encoding
  let dimensions: Int?

  private enum CodingKeys: String, CodingKey {
    case model, library, input, dimensions
    case encoding = "encoding_format"
    case user
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    model = try container.value(String.self, .model)
    library = try container.value(String.self, .library)
    encoding = try container.value(Encoding.self, .encoding) ?? .float
    dimensions = try container.value(Int.self, .dimensions)
    _ = try container.value(String.self, .user)
    if (try? container.nestedUnkeyedContainer(forKey: .input)) != nil {
      inputs = try container.decode([Input].self, forKey: .input)
    } else {
      inputs = [try container.decode(Input.self, forKey: .input)]
    }
  }
}
