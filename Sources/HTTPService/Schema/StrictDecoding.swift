// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationEssentialsCompat

/// A key of any name, to see which ones an object has.
struct AnyKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = "\(intValue)"
    self.intValue = intValue
  }
}

extension Decoder {
  /// The container of an object that has no other fields than `Key`'s: a misspelt field must not be taken for one that
  /// was left out.
  func strictContainer<Key: CodingKey & CaseIterable>(keyedBy type: Key.Type) throws
    -> KeyedDecodingContainer<Key>
  {
    let known = Set(Key.allCases.map(\.stringValue))
    for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: codingPath + [key],
          debugDescription: "there is no such field; there are \(known.sorted().joined(separator: ", "))"))
    }
    return try container(keyedBy: type)
  }
}

extension KeyedDecodingContainer {
  /// The value of a field that may be left out, but not be null.
  func value<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
    contains(key) ? try decode(type, forKey: key) : nil
  }
}

extension Request {
  /// The body as JSON.
  ///
  /// - Throws: ``Problem``: 415 for another content type, 413 for a body that is too large, 400 for what is no JSON, 422
  ///   naming the field for what does not fit.
  func decoded<Body: Decodable>(as type: Body.Type) async throws -> Body {
    try requireContentType { $0 == "application/json" }
    let bytes = try await boundedBody()
    do {
      return try JSONDecoder().decode(type, from: Data(buffer: bytes))
    } catch let error as DecodingError {
      throw Problem(error)
    }
  }

  /// - Throws: ``Problem`` 415 unless `accepts` takes the content type, which is given in lower case, without parameters.
  func requireContentType(_ accepts: (String) -> Bool) throws {
    let given = headers[.contentType] ?? ""
    let type = given.prefix { $0 != ";" }.trimmingSuffix(while: { $0 == " " }).lowercased()
    guard accepts(type) else {
      throw Problem(.unsupportedMediaType, "the content type is '\(given)', which is not read here")
    }
  }

  /// All of the body.
  ///
  /// - Throws: ``Problem`` 413, before anything is read where the caller states the length.
  func boundedBody() async throws -> ByteBuffer {
    if let length = headers[.contentLength].flatMap({ Int($0) }), length > Limits.bodyBytes {
      throw Problem(.contentTooLarge, "\(length) bytes; a body has at most \(Limits.bodyBytes)")
    }
    return try await body.collect(upTo: Limits.bodyBytes)
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, isTrimmed(last) { rest.removeLast() }
    return rest
  }
}

extension Problem {
  /// What does not fit, and where.
  fileprivate init(_ error: DecodingError) {
    switch error {
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      self.init(.badRequest, "the body is not JSON: \(context.debugDescription)")
    case .keyNotFound(let key, let context):
      self.init(.unprocessableContent, "a field is missing", field: Problem.path(context.codingPath + [key]))
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      self.init(.unprocessableContent, context.debugDescription, field: Problem.path(context.codingPath))
    @unknown default: self.init(.badRequest, "\(error)")
    }
  }

  /// `terms[1].weight`
  private static func path(_ keys: [any CodingKey]) -> String {
    keys.reduce("") { path, key in
      if let index = key.intValue { return "\(path)[\(index)]" }
      return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
    }
  }
}
