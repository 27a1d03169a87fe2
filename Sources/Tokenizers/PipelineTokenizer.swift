// SPDX-License-Identifier: Apache-2.0

/// The steps of a `tokenizer.json`, in the order in which the reference (Hugging Face tokenizers) takes them.
struct PipelineTokenizer: Tokenizer {
  let vocabularySize: Int
  let prefix: [Int32]
  let suffix: [Int32]

  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  private let normalizer: Normalizer?
  private let preTokenizer: PreTokenizer?
  private let model: BPEModel
  /// The model without an unknown token that is special: CLIP's is `<|endoftext|>`, which would end the text.
  private let escapingModel: BPEModel

  init(
    addedTokens: [AddedTokens.Token], normalizer: Normalizer?, preTokenizer: PreTokenizer?, model: BPEModel,
    postProcessor: PostProcessor
  ) {
    vocabularySize = Self.idBound(model.vocabulary, addedTokens)
    prefix = postProcessor.prefix
    suffix = postProcessor.suffix
    rawTokens = AddedTokens(addedTokens.filter { !$0.isNormalized }) { $0.content }
    normalizedTokens = AddedTokens(addedTokens.filter(\.isNormalized)) { token in
      var content = token.content
      normalizer?.apply(to: &content)
      return content
    }
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.model = model
    let isSpecial = addedTokens.contains { $0.isSpecial && $0.id == model.unknown }
    escapingModel = isSpecial ? model.withoutUnknown : model
  }

  /// The largest id of vocabulary and added tokens, + 1.
  static func idBound(_ vocabulary: Vocabulary, _ addedTokens: [AddedTokens.Token]) -> Int {
    addedTokens.reduce(vocabulary.idBound) { max($0, Int($1.id) + 1) }
  }

  func id(ofToken token: String) -> Int32? {
    let content = Array(token.utf8)
    for added in rawTokens.tokens + normalizedTokens.tokens where added.content == content { return added.id }
    return model.vocabulary.id(of: content)
  }

  func encode(_ text: String, escapingSpecialTokens: Bool) -> [Int32] {
    let raw = Array(text.utf8)
    var ids: [Int32] = []
    var workspace = BPEModel.Workspace()
    for segment in rawTokens.segments(of: raw.span, skippingSpecial: escapingSpecialTokens) {
      switch segment {
      case .token(let id): ids.append(id)
      case .text(let range):
        var normalized = Array(raw[range])
        normalizer?.apply(to: &normalized)
        encode(normalized: normalized, escapingSpecialTokens, into: &ids, using: &workspace)
      }
    }
    return ids
  }

  private func encode(
    normalized text: [UInt8], _ escapingSpecialTokens: Bool, into ids: inout [Int32],
    using workspace: inout BPEModel.Workspace
  ) {
    let model = escapingSpecialTokens ? escapingModel : model
    for segment in normalizedTokens.segments(of: text.span, skippingSpecial: escapingSpecialTokens) {
      switch segment {
      case .token(let id): ids.append(id)
      case .text(let range):
        var pieces = Pieces(range.count == text.count ? text : Array(text[range]))
        preTokenizer?.apply(to: &pieces)
        let span = pieces.text.span
        for piece in pieces.ranges {
          model.encode(span.extracting(piece), into: &ids, using: &workspace)
        }
      }
    }
  }
}
