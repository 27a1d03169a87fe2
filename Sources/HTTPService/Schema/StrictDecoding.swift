// SPDX-License-Identifier: Apache-2.0

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
