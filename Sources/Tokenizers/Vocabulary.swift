// SPDX-License-Identifier: Apache-2.0

/// Tokens and their ids: an open hash table over one block of bytes.
///
/// Keyed by UTF-8 bytes, because `String` equality is canonical equivalence and would merge distinct tokens. Lookup is
/// O(length). The hash is seeded per table, so that a file cannot choose tokens that collide.
struct Vocabulary: Sendable {
  /// Largest accepted id. Real vocabularies end near 262,144.
  static let maximumID = 1 << 24 - 1
  /// Longest accepted token in bytes.
  static let maximumTokenLength = 4096

  private var text: [UInt8] = []
  private var ends: [UInt32] = [0]
  private var ids: [Int32] = []
  /// Upper 32 bits of the hash above entry number + 1; 0 is free. The length is a power of two.
  private var slots: [UInt64]
  private let seed = UInt64.random(in: .min ... .max)

  /// An empty table with room for `capacity` tokens.
  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    ids.reserveCapacity(capacity)
    ends.reserveCapacity(capacity + 1)
    text.reserveCapacity(capacity * 8)
  }

  /// The largest id + 1.
  private(set) var idBound = 0

  var count: Int { ids.count }

  /// Adds a token; `false` if it is there already.
  mutating func insert(_ token: Span<UInt8>, id: Int32) -> Bool {
    if (ids.count + 1) * 2 > slots.count { grow() }
    let hash = hash(token)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32, isEntry(Int(slots[slot] & 0xFFFF_FFFF) - 1, token) { return false }
      slot = (slot + 1) & (slots.count - 1)
    }
    for index in token.indices { text.append(token[index]) }
    ends.append(UInt32(text.count))
    ids.append(id)
    idBound = max(idBound, Int(id) + 1)
    slots[slot] = (hash >> 32) << 32 | UInt64(ids.count)
    return true
  }

  /// The id of a token.
  func id(of token: Span<UInt8>) -> Int32? {
    let hash = hash(token)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let entry = Int(slots[slot] & 0xFFFF_FFFF) - 1
        if isEntry(entry, token) { return ids[entry] }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The id of a token.
  func id(of token: [UInt8]) -> Int32? { id(of: token.span) }

  private func isEntry(_ entry: Int, _ token: Span<UInt8>) -> Bool {
    let start = Int(ends[entry])
    guard Int(ends[entry + 1]) - start == token.count else { return false }
    for index in token.indices where text[start + index] != token[index] { return false }
    return true
  }

  /// FNV-1a with a seed and a final mix.
  private func hash(_ token: Span<UInt8>) -> UInt64 {
    var hash = seed
    for index in token.indices { hash = (hash ^ UInt64(token[index])) &* 0x0000_0100_0000_01B3 }
    hash = (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
    return hash ^ (hash >> 29)
  }

  private mutating func grow() {
    slots = [UInt64](repeating: 0, count: slots.count * 2)
    for entry in ids.indices {
      let hash = hash(text.span.extracting(Int(ends[entry])..<Int(ends[entry + 1])))
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = (hash >> 32) << 32 | UInt64(entry + 1)
    }
  }
}

extension Vocabulary {
  /// Reads `{"token": id, …}`. Ids must be distinct and in range; gaps are allowed.
  init(_ json: JSONValue) throws(TokenizerError) {
    self.init(capacity: json.sizeBound / 2)
    var token: [UInt8] = []
    try json.forEachMember { (key, value) throws(TokenizerError) in
      token.removeAll(keepingCapacity: true)
      json.document.appendString(key, to: &token)
      guard let id = json.document.integer(value), id >= 0, id <= Self.maximumID else {
        throw TokenizerError(
          .invalidValue, json.path,
          "the id of \(Self.quoted(token)) must be an integer from 0 to \(Self.maximumID)")
      }
      guard token.count <= Self.maximumTokenLength else {
        throw TokenizerError(.tooLarge, json.path, "the token of id \(id) is \(token.count) bytes long")
      }
      guard insert(token.span, id: Int32(id)) else {
        throw TokenizerError(.invalidValue, json.path, "\(Self.quoted(token)) is given twice")
      }
    }
    guard count > 0 else { throw TokenizerError(.invalidValue, json.path, "empty") }
    var seen = [Bool](repeating: false, count: idBound)
    for id in ids {
      guard !seen[Int(id)] else {
        throw TokenizerError(.invalidValue, json.path, "two tokens have the id \(id)")
      }
      seen[Int(id)] = true
    }
  }

  /// A token for an error message.
  static func quoted(_ token: [UInt8]) -> String {
    token.count <= 60
      ? "\"\(String(decoding: token, as: UTF8.self))\""
      : "\"\(String(decoding: token.prefix(60), as: UTF8.self))…\""
  }
}
