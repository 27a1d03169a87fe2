// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// One piece of a query: something wanted, something to move away from, or something to leave out.
package struct Term: Sendable {
  /// What a term does to the answer.
  package enum Role: String, Sendable, CaseIterable {
    /// Added to the query vector.
    case want
    /// Subtracted from the query vector.
    case avoid
    /// Left out of the vector; hits that resemble it are dropped.
    case exclude

    /// The weight of a term that states none.
    package var defaultWeight: Float { self == .avoid ? 0.5 : 1 }
  }

  /// What a term says.
  package enum Content: Sendable {
    /// Words, embedded by the text tower; wanted words are also looked up as words.
    case text(String)
    /// A picture in a file of the user's.
    case imageFile(FilePath)
    /// A picture that came from elsewhere: standard input, an upload.
    case imageBytes([UInt8])
    /// A picture that the library holds already, by its stored vector.
    case item(Int64)
    /// A vector of the model's space, of any length other than zero.
    case vector([Float])
  }

  package let content: Content
  package let role: Role
  /// How much the term counts: finite and above 0 (``Role/avoid`` turns the sign).
  package let weight: Float
  /// How messages and explanations name the term: `--image rex.jpg`.
  package let label: String

  /// - Parameters:
  ///   - weight: nil for the role's default.
  ///   - label: nil for a name made from the content.
  /// - Throws: ``SearchError`` for a weight that is not above 0 and at most ``Limits/weight``, for empty or
  ///   over-long text, and for a vector that is empty or not finite.
  package init(
    _ content: Content, role: Role = .want, weight: Float? = nil, label: String? = nil
  ) throws(SearchError) {
    let label = label ?? Term.label(of: content)
    let weight = weight ?? role.defaultWeight
    try Term.check(weight: weight, role: role, label: label)
    try Term.check(content, label: label)
    self.content = content
    self.role = role
    self.weight = weight
    self.label = label
  }

  /// The same term, with a picture's relative path seen from `directory`.
  package func resolved(in directory: FilePath) throws(SearchError) -> Term {
    guard case .imageFile(let path) = content, path.isRelative else { return self }
    return try Term(.imageFile(directory.pushing(path)), role: role, weight: weight, label: label)
  }

  /// The weight with the sign that composition gives it.
  package var signedWeight: Float { role == .avoid ? -weight : weight }

  /// The words of a text term.
  package var text: String? {
    if case .text(let text) = content { text } else { nil }
  }

  /// What a query may hold; a daemon shows its callers the same numbers.
  package enum Limits {
    /// Terms in one query.
    package static let terms = 32
    /// Bytes of one text; the model reads far fewer and says what it dropped.
    package static let textBytes = 16_384
    /// The largest weight.
    package static let weight: Float = 1_000
  }

  private static func check(weight: Float, role: Role, label: String) throws(SearchError) {
    guard weight.isFinite else {
      throw SearchError(.invalidRequest, "\(label): the weight \(weight) is not a number")
    }
    if weight < 0 {
      let remedy =
        role == .want
        ? "to move away from something use an avoid term (--not-text, --not-image)"
        : "the role already says that it is unwanted"
      throw SearchError(.invalidRequest, "\(label): the weight \(weight) is negative; \(remedy)")
    }
    if weight == 0 {
      throw SearchError(.invalidRequest, "\(label): a term of weight 0 has no effect; leave it out")
    }
    if weight > Limits.weight {
      throw SearchError(.invalidRequest, "\(label): the weight \(weight) is above \(Limits.weight)")
    }
  }

  private static func check(_ content: Content, label: String) throws(SearchError) {
    switch content {
    case .text(let text):
      if text.allSatisfy(\.isWhitespace) {
        throw SearchError(.invalidRequest, "\(label): the text is empty")
      }
      if text.utf8.count > Limits.textBytes {
        throw SearchError(
          .invalidRequest, "\(label): \(text.utf8.count) bytes of text; at most \(Limits.textBytes) are read")
      }
    case .vector(let vector):
      if vector.isEmpty || !vector.allSatisfy(\.isFinite) {
        throw SearchError(.invalidRequest, "\(label): the vector is empty or holds a value that is no number")
      }
    case .imageBytes(let bytes):
      if bytes.isEmpty { throw SearchError(.invalidRequest, "\(label): the picture is empty (0 bytes)") }
    case .imageFile, .item: break
    }
  }

  private static func label(of content: Content) -> String {
    switch content {
    case .text(let text): "\"\(text.count > 40 ? String(text.prefix(39)) + "…" : text)\""
    case .imageFile(let path): "image \(path)"
    case .imageBytes(let bytes): "image of \(bytes.count) bytes"
    case .item(let id): "item \(id)"
    case .vector(let vector): "vector of \(vector.count)"
    }
  }
}
