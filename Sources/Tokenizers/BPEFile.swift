// SPDX-License-Identifier: Apache-2.0

extension BPEModel {
  /// Reads the `model` of a `tokenizer.json`.
  init(_ json: JSONValue) throws(TokenizerError) {
    if let dropout = try json.member("dropout"), dropout.document.integer(dropout.node) != 0 {
      throw dropout.unsupported("dropout", supported: "null")
    }
    if try json.flag("byte_fallback") {
      throw try json.required("byte_fallback").unsupported("byte fallback", supported: "false")
    }
    let vocabulary = try Vocabulary(try json.required("vocab"))
    let continuingPrefix = try json.text("continuing_subword_prefix") ?? []
    var builder = MergeBuilder(vocabulary, continuingPrefix: continuingPrefix)
    let merges = try json.required("merges")
    try builder.addAll(merges)
    var unknown: Int32?
    if let token = try json.member("unk_token") {
      unknown = vocabulary.id(of: try token.utf8())
      guard unknown != nil else {
        throw TokenizerError(.invalidValue, token.path, "not in the vocabulary")
      }
    }
    self.init(
      vocabulary: vocabulary, merges: builder.table,
      endOfWordSuffix: try json.text("end_of_word_suffix") ?? [], continuingPrefix: continuingPrefix,
      unknown: unknown, fusesUnknown: try json.flag("fuse_unk"), ignoresMerges: try json.flag("ignore_merges")
    )
  }
}

/// Turns merges of tokens into merges of ids.
struct MergeBuilder {
  private let vocabulary: Vocabulary
  private let continuingPrefix: [UInt8]
  private(set) var table: MergeTable
  private var joined: [UInt8] = []

  init(_ vocabulary: Vocabulary, continuingPrefix: [UInt8]) {
    self.vocabulary = vocabulary
    self.continuingPrefix = continuingPrefix
    table = MergeTable(capacity: vocabulary.count)
  }

  /// Adds an array of `"a b"` or `["a", "b"]`.
  mutating func addAll(_ merges: JSONValue) throws(TokenizerError) {
    let document = merges.document
    var pair: [UInt8] = []
    var place = 0
    try merges.forEachElement { (node) throws(TokenizerError) in
      defer { place += 1 }
      pair.removeAll(keepingCapacity: true)
      if document.nodes[node].kind == .array {
        let ends = try appendPair(JSONValue(document: document, node: node, path: merges.path), to: &pair)
        try add(pair.span, leftEnd: ends, rightStart: ends, field: "\(merges.path)[\(place)]")
      } else {
        guard JSONValue(document: document, node: node, path: "").isString else {
          throw TokenizerError(
            .invalidValue, "\(merges.path)[\(place)]", "must be a string or a pair of strings")
        }
        document.appendString(node, to: &pair)
        // The reference's files of old carry their version line along.
        if pair.starts(with: "#version".utf8) { return }
        try addLine(pair.span, field: "\(merges.path)[\(place)]")
      }
    }
  }

  /// Returns the end of the pair's first token.
  private func appendPair(_ json: JSONValue, to pair: inout [UInt8]) throws(TokenizerError) -> Int {
    var ends: [Int] = []
    try json.forEachElement { (node) throws(TokenizerError) in
      guard ends.count < 2, JSONValue(document: json.document, node: node, path: "").isString else {
        throw TokenizerError(.invalidValue, json.path, "a pair must be two strings")
      }
      json.document.appendString(node, to: &pair)
      ends.append(pair.count)
    }
    guard ends.count == 2 else {
      throw TokenizerError(.invalidValue, json.path, "a pair must be two strings")
    }
    return ends[0]
  }

  /// Adds the lines of a `merges.txt`: two tokens and one space each, after a version line.
  mutating func addLines(_ text: [UInt8], name: String) throws(TokenizerError) {
    let span = text.span
    var line = 1
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
      let next = end + 1
      if end > start, text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      if end > start, !text[start..<end].starts(with: "#version".utf8) {
        try addLine(span.extracting(start..<end), field: "\(name): line \(line)")
      }
      start = next
      line += 1
    }
  }

  private mutating func addLine(_ line: Span<UInt8>, field: @autoclosure () -> String) throws(TokenizerError)
  {
    var space: Int?
    var spaces = 0
    for index in line.indices where line[index] == UInt8(ascii: " ") {
      space = space ?? index
      spaces += 1
    }
    guard let space, spaces == 1 else {
      throw TokenizerError(.invalidValue, field(), "a merge must be two tokens with one space between")
    }
    try add(line, leftEnd: space, rightStart: space + 1, field: field())
  }

  private mutating func add(
    _ pair: Span<UInt8>, leftEnd: Int, rightStart: Int, field: @autoclosure () -> String
  ) throws(TokenizerError) {
    let left = pair.extracting(0..<leftEnd)
    let right = pair.extracting(rightStart..<pair.count)
    joined.removeAll(keepingCapacity: true)
    for index in left.indices { joined.append(left[index]) }
    let dropped = hasContinuingPrefix(right) ? continuingPrefix.count : 0
    for index in dropped..<right.count { joined.append(right[index]) }
    guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
      let result = vocabulary.id(of: joined.span)
    else {
      let missing =
        vocabulary.id(of: left) == nil ? bytes(left) : vocabulary.id(of: right) == nil ? bytes(right) : joined
      throw TokenizerError(
        .invalidValue, field(), "the token \(Vocabulary.quoted(missing)) is not in the vocabulary")
    }
    table.append(leftID, rightID, result: result)
  }

  private func hasContinuingPrefix(_ token: Span<UInt8>) -> Bool {
    guard token.count >= continuingPrefix.count else { return false }
    for index in continuingPrefix.indices where token[index] != continuingPrefix[index] { return false }
    return true
  }

  private func bytes(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }
}
