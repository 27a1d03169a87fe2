// SPDX-License-Identifier: Apache-2.0

/// One value of a `JSONDocument`, which knows its place for error messages: `tokenizer.json: model.vocab`.
struct JSONValue {
  let document: JSONDocument
  let node: Int
  let path: String

  private var kind: JSONDocument.Kind { document.nodes[node].kind }

  /// A field of an object; `nil` when it is absent or null. O(fields).
  func member(_ name: String) throws(TokenizerError) -> JSONValue? {
    guard kind == .object else { throw wrongType("an object") }
    var found: JSONValue?
    var key: [UInt8] = []
    try forEachMember { (keyNode, valueNode) throws(TokenizerError) in
      key.removeAll(keepingCapacity: true)
      document.appendString(keyNode, to: &key)
      guard key.elementsEqual(name.utf8) else { return }
      guard found == nil else {
        throw TokenizerError(.invalidValue, path(of: name), "given twice")
      }
      found = JSONValue(document: document, node: valueNode, path: path(of: name))
    }
    return found.flatMap { $0.kind == .null ? nil : $0 }
  }

  /// A field that must be there and not null.
  func required(_ name: String) throws(TokenizerError) -> JSONValue {
    guard let value = try member(name) else {
      throw TokenizerError(.missingField, path(of: name), "missing")
    }
    return value
  }

  /// The text of a string. Not for tokens: `String` equality merges some of them.
  func string() throws(TokenizerError) -> String { String(decoding: try utf8(), as: UTF8.self) }

  /// The UTF-8 bytes of a string.
  func utf8() throws(TokenizerError) -> [UInt8] {
    guard isString else { throw wrongType("a string") }
    var bytes: [UInt8] = []
    document.appendString(node, to: &bytes)
    return bytes
  }

  func integer() throws(TokenizerError) -> Int {
    guard let value = document.integer(node) else { throw wrongType("an integer") }
    return value
  }

  func boolean() throws(TokenizerError) -> Bool {
    guard kind == .boolean else { throw wrongType("true or false") }
    return document.bytes[Int(document.nodes[node].start)] == UInt8(ascii: "t")
  }

  /// A flag that may be absent.
  func flag(_ name: String, default absent: Bool = false) throws(TokenizerError) -> Bool {
    try member(name)?.boolean() ?? absent
  }

  /// A text that may be absent.
  func text(_ name: String) throws(TokenizerError) -> [UInt8]? { try member(name)?.utf8() }

  /// The elements of an array, each with its place. For short arrays; long ones use `forEachElement`.
  func elements() throws(TokenizerError) -> [JSONValue] {
    var values: [JSONValue] = []
    try forEachElement { (node) throws(TokenizerError) in
      values.append(JSONValue(document: document, node: node, path: "\(path)[\(values.count)]"))
    }
    return values
  }

  /// Visits the nodes of an array's elements.
  func forEachElement(_ body: (Int) throws(TokenizerError) -> Void) throws(TokenizerError) {
    guard kind == .array else { throw wrongType("an array") }
    var child = node + 1
    let end = Int(document.nodes[node].next)
    while child < end {
      try body(child)
      child = Int(document.nodes[child].next)
    }
  }

  /// Visits the key nodes and value nodes of an object.
  func forEachMember(_ body: (_ key: Int, _ value: Int) throws(TokenizerError) -> Void) throws(TokenizerError)
  {
    guard kind == .object else { throw wrongType("an object") }
    var key = node + 1
    let end = Int(document.nodes[node].next)
    while key < end {
      try body(key, key + 1)
      key = Int(document.nodes[key + 1].next)
    }
  }

  /// Whether this is a string.
  var isString: Bool { kind == .string || kind == .escapedString }

  /// Whether this is an object.
  var isObject: Bool { kind == .object }

  /// The number of elements that an array or object may hold at most.
  var sizeBound: Int { Int(document.nodes[node].next) - node - 1 }

  /// `tokenizer.json` + `model` → `tokenizer.json: model`; deeper levels are joined by dots.
  private func path(of name: String) -> String {
    path.utf8.contains(UInt8(ascii: ":")) ? "\(path).\(name)" : "\(path): \(name)"
  }

  private func wrongType(_ expected: String) -> TokenizerError {
    TokenizerError(.invalidValue, path, "must be \(expected)")
  }

  /// The error for a component that is not built.
  func unsupported(_ what: String, supported: String) -> TokenizerError {
    TokenizerError(.unsupported, path, "\(what) is not supported; supported: \(supported)")
  }
}
