// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Embedders
import Files
import Images
import Search
import SystemPackage

/// `duet embed`: vectors of texts and pictures, for other programs.
struct Embed: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Print the vectors of texts and pictures.",
      discussion: Help.examples(
        """
        duet embed --text "a photo of a cat" --json
        duet embed --model BAAI/BGE-VL-base --image rex.jpg --image max.jpg --json
        duet embed --compose --image rex.jpg --text 0.7:"at night" --json
        """,
        before: """
          Vectors have length 1. Inputs are seen as the reference implementations see them: every pixel decoded, \
          EXIF orientation ignored, <|endoftext|> in a text the end of it; --view library sees them as an index does. \
          With --compose all inputs make one vector, and may start with their weights. Texts come before pictures, \
          each in the order given.
          """))
  }

  @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("A text.", valueName: "text"))
  var text: [String] = []
  @Option(
    help: ArgumentHelp("A picture; - reads it from standard input.", valueName: "file"), completion: .file())
  var image: [String] = []
  @Flag(help: "Make one vector of all inputs.")
  var compose = false
  @Option(help: "How inputs are seen: parity or library.")
  var view = ImageView.parity
  @Flag(help: "Print a JSON object a line, with all numbers.")
  var json = false
  @Option(
    help: ArgumentHelp(
      "A model folder, ORG/NAME in the local Hugging Face cache, or 'builtin' (default: $DUET_MODEL, else the best "
        + "that is here; a library is not asked).", valueName: "model"), completion: .directory)
  var model: String?
  @Option(
    help: ArgumentHelp(
      "What the model computes with: auto, f32, bf16 or int8; f32 is what the reference implementations do.",
      valueName: "kind"))
  var precision = PrecisionChoice.f32

  func validate() throws {
    if text.isEmpty && image.isEmpty { throw ValidationError("nothing to embed: give --text or --image") }
  }

  func run() throws {
    let embedder = try ModelChoice.open(named: model, precision: precision.precision).embedder
    embedder.warnings.forEach(Diagnostics.note)
    if compose {
      try runComposed(embedder)
    } else {
      try runEach(embedder)
    }
  }

  /// Texts first, then pictures, each in the order given.
  private func runEach(_ embedder: any Embedder) throws {
    if !text.isEmpty {
      let projected = try project(text, embedder)
      for (row, input) in text.enumerated() {
        warn(input, dropped: projected.droppedTokens[row])
        show("text", .string(input), projected.projections.embedding(row))
      }
    }
    var input = StandardInput()
    for name in image {
      let projected = try project(
        name == "-" ? try input.read() : try read(FilePath(name), name), name, embedder)
      show("image", .string(name), Embedding.unit(projected))
    }
  }

  private func runComposed(_ embedder: any Embedder) throws {
    var parts: [Composition.Part] = []
    for argument in text {
      let term = try Term.text(argument, option: "--text")
      let projected = try project([term.text ?? ""], embedder)
      warn(argument, dropped: projected.droppedTokens[0])
      parts.append(.init(vector: projected.projections[0], weight: term.signedWeight, label: term.label))
    }
    var input = StandardInput()
    for argument in image {
      let term = try input.image(argument, role: .want, option: "--image")
      let bytes: [UInt8]
      switch term.content {
      case .imageBytes(let given): bytes = given
      case .imageFile(let path): bytes = try read(path, argument)
      case .text, .item, .vector: bytes = []
      }
      parts.append(
        .init(vector: try project(bytes, argument, embedder), weight: term.signedWeight, label: term.label))
    }
    let composed = try Composition(parts, rule: embedder.composeRule)
    show("composed", .strings(text + image), composed.vector)
  }

  private func read(_ path: FilePath, _ name: String) throws -> [UInt8] {
    do {
      return try readFile(path, limit: ImageLimits.standard.maxBytes)
    } catch {
      throw SearchError(.unreadableInput, "--image \(name)", cause: error)
    }
  }

  /// Projections of texts: a special token that is written out in one counts as such where the reference is followed.
  private func project(_ texts: [String], _ embedder: any Embedder) throws -> TextProjections {
    switch view {
    case .parity: try embedder.projectTexts(readingSpecialTokens: texts)
    case .library: try embedder.projectTexts(texts)
    }
  }

  /// A picture's projection `[d]`, un-normalised.
  private func project(_ bytes: [UInt8], _ name: String, _ embedder: any Embedder) throws -> [Float] {
    guard let input = embedder.imageInput else {
      throw SearchError(.modelMismatch, "--image \(name): \(embedder.id) sees no pictures")
    }
    do {
      let image = try ImageDecoder.decode(bytes, options: input.decodeOptions(view))
      return try embedder.projectImages([image])[0]
    } catch let error as ImageError {
      throw SearchError(.unreadableInput, "--image \(name)", cause: error)
    }
  }

  private func warn(_ input: String, dropped: Int) {
    if dropped > 0 {
      Diagnostics.note("\"\(input.prefix(40))\": the model did not read the last \(dropped) tokens")
    }
  }

  private func show(_ kind: String, _ input: JSONText, _ vector: [Float]) {
    guard json else {
      let start = vector.prefix(4).map { Double($0).formatted(digits: 5) }.joined(separator: " ")
      print("\(kind)  \(input.text)  \(vector.count) numbers: \(start) …".printable)
      return
    }
    print(
      ([
        "kind": .string(kind), "input": input, "dimension": .int(vector.count),
        "embedding": .array(vector.map(JSONText.float)),
      ] as JSONText).text)
  }
}

extension ImageView: ExpressibleByArgument {}
