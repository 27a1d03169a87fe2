// SPDX-License-Identifier: Apache-2.0

/// What goes before and behind the tokens of a text: all that a `post_processor` does to a single text.
struct PostProcessor: Sendable, Equatable {
  var prefix: [Int32] = []
  var suffix: [Int32] = []

  /// Puts `outer` around this.
  private mutating func wrap(_ outer: PostProcessor) {
    prefix = outer.prefix + prefix
    suffix += outer.suffix
  }
}

extension PostProcessor {
  /// More than any template needs; keeps a hostile one from filling the model's context.
  private static let maximumCount = 16

  /// Reads the processor; its ids must be below `idBound`.
  init(_ json: JSONValue?, idBound: Int) throws(TokenizerError) {
    self.init()
    guard let json else { return }
    let type = try json.required("type")
    switch try type.string() {
    case "RobertaProcessing", "BertProcessing":
      prefix = [try Self.pairID(try json.required("cls"), idBound)]
      suffix = [try Self.pairID(try json.required("sep"), idBound)]
    case "TemplateProcessing": self = try Self(template: json, idBound)
    case "ByteLevel": break
    case "Sequence":
      for step in try json.required("processors").elements() { wrap(try Self(step, idBound: idBound)) }
    case let other:
      throw type.unsupported(
        "\"\(other)\"",
        supported: "RobertaProcessing, BertProcessing, TemplateProcessing, ByteLevel, Sequence")
    }
    guard prefix.count + suffix.count <= Self.maximumCount else {
      throw TokenizerError(.tooLarge, json.path, "more than \(Self.maximumCount) tokens around a text")
    }
  }

  /// Reads `["<|endoftext|>", 49407]`.
  private static func pairID(_ json: JSONValue, _ idBound: Int) throws(TokenizerError) -> Int32 {
    let elements = try json.elements()
    guard elements.count == 2 else {
      throw TokenizerError(.invalidValue, json.path, "must be a token and its id")
    }
    return try id(elements[1], idBound)
  }

  private static func id(_ json: JSONValue, _ idBound: Int) throws(TokenizerError) -> Int32 {
    let id = try json.integer()
    guard id >= 0, id < idBound else {
      throw TokenizerError(.invalidValue, json.path, "\(id) is no token's id")
    }
    return Int32(id)
  }

  /// Reads the `single` template: special tokens around one sequence.
  private init(template json: JSONValue, _ idBound: Int) throws(TokenizerError) {
    self.init()
    let single = try json.required("single")
    var hasSequence = false
    for piece in try single.elements() {
      if try piece.member("Sequence") != nil {
        guard !hasSequence else {
          throw TokenizerError(.unsupported, single.path, "the text stands in it twice")
        }
        hasSequence = true
        continue
      }
      let name = try piece.required("SpecialToken").required("id").string()
      for id in try json.required("special_tokens").required(name).required("ids").elements() {
        let id = try Self.id(id, idBound)
        if hasSequence { suffix.append(id) } else { prefix.append(id) }
      }
    }
    guard hasSequence else { throw TokenizerError(.invalidValue, single.path, "has no place for the text") }
  }
}
