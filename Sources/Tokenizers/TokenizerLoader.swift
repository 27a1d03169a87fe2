// SPDX-License-Identifier: Apache-2.0

/// Reads tokenizers as models ship them. All functions take untrusted bytes.
package enum TokenizerLoader {
  /// Interprets a Hugging Face `tokenizer.json`. Its truncation and padding are ignored: the model's own apply.
  ///
  /// A component that is not built is an error that names its place in the file. O(size).
  package static func load(tokenizerJSON: [UInt8]) throws(TokenizerError) -> any Tokenizer {
    let name = "tokenizer.json"
    let json = try JSONDocument(tokenizerJSON, name: name).root(name: name)
    let model = try json.required("model")
    // Files from before 2021 leave the type out; only BPE has merges.
    if let type = try model.member("type"), try type.utf8() != Array("BPE".utf8) {
      throw type.unsupported("\"\(try type.string())\"", supported: "BPE")
    }
    let bpe = try BPEModel(model)
    let addedTokens = try AddedTokens.Token.list(
      try json.member("added_tokens"), vocabulary: bpe.vocabulary)
    let normalizer = try json.member("normalizer")
    let preTokenizer = try json.member("pre_tokenizer")
    return PipelineTokenizer(
      addedTokens: addedTokens,
      normalizer: try normalizer.map { (value) throws(TokenizerError) in try Normalizer(value) },
      preTokenizer: try preTokenizer.map { (value) throws(TokenizerError) in try PreTokenizer(value) },
      model: bpe,
      postProcessor: try PostProcessor(
        try json.member("post_processor"),
        idBound: PipelineTokenizer.idBound(bpe.vocabulary, addedTokens)))
  }

  /// Reads `vocab.json` and `merges.txt` with the settings of CLIP (`models.md` 2.1), which those two files do not hold.
  ///
  /// Only for models that are known to be CLIP: GPT-2 and RoBERTa ship files of the same names.
  package static func load(vocabularyJSON: [UInt8], merges: [UInt8]) throws(TokenizerError) -> any Tokenizer {
    let name = "vocab.json"
    let vocabulary = try Vocabulary(try JSONDocument(vocabularyJSON, name: name).root(name: name))
    var builder = MergeBuilder(vocabulary, continuingPrefix: [])
    try builder.addLines(merges, name: "merges.txt")
    let begin = try stockToken("<|startoftext|>", vocabulary)
    let end = try stockToken("<|endoftext|>", vocabulary)
    let model = BPEModel(
      vocabulary: vocabulary, merges: builder.table, endOfWordSuffix: Array("</w>".utf8),
      continuingPrefix: [],
      unknown: end.id, fusesUnknown: false, ignoresMerges: false)
    return PipelineTokenizer(
      addedTokens: [begin, end],
      normalizer: .sequence([
        .canonicalComposition, .replace(try stockPattern(#"\s+"#), content: [UInt8(ascii: " ")]), .lowercase,
      ]),
      preTokenizer: .sequence([
        .split(try stockPattern(clipPattern), .removed, inverted: true),
        .byteLevel(addsPrefixSpace: false, splits: true),
      ]),
      model: model,
      postProcessor: PostProcessor(prefix: [begin.id], suffix: [end.id]))
  }

  private static let clipPattern =
    #"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#

  private static func stockPattern(_ regex: String) throws(TokenizerError) -> Pattern {
    do {
      return try Pattern(regex: regex)
    } catch {
      throw TokenizerError(.unsupported, regex, error.message)
    }
  }

  private static func stockToken(
    _ name: String, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> AddedTokens.Token {
    let content = Array(name.utf8)
    guard let id = vocabulary.id(of: content) else {
      throw TokenizerError(
        .missingField, "vocab.json", "no \"\(name)\": not a CLIP vocabulary; put tokenizer.json beside it")
    }
    return AddedTokens.Token(
      content: content, id: id, isSpecial: true, isNormalized: false, isSingleWord: false, stripsLeft: false,
      stripsRight: false)
  }
}
