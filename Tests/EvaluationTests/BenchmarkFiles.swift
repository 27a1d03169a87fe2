// SPDX-License-Identifier: Apache-2.0
import Images
import Synchronization
import SystemPackage
import TestSupport

@testable import Embedders

/// A model that sees a picture's mean colour and knows the words red, green and blue; its projections are long or short
/// on purpose, so that adding them up differs from adding unit vectors.
final class ColourModel: Embedder {
  let id = "colours"
  let composeRule = ComposeRule.rawSum
  let dimension = 4
  let imageInput: ImageInput? = ImageInput(width: 8, height: 8)
  let embedsTexts = true
  let backgroundTexts: [String] = []
  /// How many pictures were embedded so far.
  let pictures = Atomic<Int>(0)
  /// The token limits that texts were embedded with.
  let tokenLimits = Mutex<Set<Int?>>([])

  func identity(view: ImageView) -> ModelIdentity {
    ModelIdentity(
      id: id, weightsHash: id, dimension: 4, preprocessing: view.rawValue, composeRule: composeRule)
  }

  func warmUp(texts: Bool, images: Bool) {}

  func prepare(_ image: Image) -> PreparedImage { PreparedImage(image: image) }

  func projectImages(_ images: [PreparedImage]) -> Projections {
    pictures.add(images.count, ordering: .relaxed)
    return Projections(
      dimension: 4,
      values: images.flatMap { image -> [Float] in
        image.image.pixels.prefix(3).map { Float($0) / 255 } + [0.25]
      })
  }

  func projectTexts(_ texts: [String], inBulk: Bool) -> TextProjections {
    projectTexts(readingSpecialTokens: texts, maxTokens: nil)
  }

  func projectTexts(readingSpecialTokens texts: [String], maxTokens: Int?) -> TextProjections {
    _ = tokenLimits.withLock { $0.insert(maxTokens) }
    var rows: [Float] = []
    for text in texts {
      for colour in ["red", "green", "blue"] { rows.append(text.contains(colour) ? 2 : 0) }
      rows.append(0.1)
    }
    return TextProjections(
      projections: Projections(dimension: 4, values: rows),
      droppedTokens: texts.map { $0.split(separator: " ").count > 20 ? 1 : 0 })
  }
}

/// A folder of annotations and painted pictures.
struct BenchmarkFiles {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  var path: FilePath { FilePath(folder.path) }

  /// Pictures whose names are their colours: `ff0000.png`.
  func paint(_ colours: String..., in place: String = "", suffix: String = ".png") throws {
    for colour in colours {
      let value = UInt32(colour, radix: 16) ?? 0
      let bytes = [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
      try folder.write(TinyPNG.encode(bytes[0], bytes[1], bytes[2]), to: place + colour + suffix)
    }
  }

  func write(_ text: String, to name: String) throws { try folder.write(text, to: name) }

  /// CIRR with a set of six: red, green, blue, dark red, dark green, yellow, and one picture outside of it.
  ///
  /// Query 7 asks for "green" beside red, and means yellow. Query 9 asks for "blue" beside dark red, and means blue.
  static func cirr(split: String = "val", hasTargets: Bool = true) throws -> BenchmarkFiles {
    let files = try BenchmarkFiles()
    try files.paint(
      "ff0000", "00ff00", "0000ff", "800000", "008000", "ffff00", "ff00ff", in: "images/dev/")
    let names = ["ff0000", "00ff00", "0000ff", "800000", "008000", "ffff00", "ff00ff"]
    try files.write(
      "{" + names.map { "\"dev-\($0)\": \"./dev/\($0).png\"" }.joined(separator: ", ") + "}",
      to: "image_splits/split.rc2.\(split).json")
    func entry(_ id: Int, _ reference: String, _ target: String, _ caption: String) -> String {
      let members = names.prefix(6).map { "\"dev-\($0)\"" }.joined(separator: ", ")
      let answer =
        hasTargets
        ? "\"target_hard\": \"dev-\(target)\", \"target_soft\": {\"dev-\(target)\": 1.0}, " : ""
      return """
        {"pairid": \(id), "reference": "dev-\(reference)", \(answer)"caption": "\(caption)",
         "img_set": {"id": 3, "members": [\(members)], "reference_rank": 0}}
        """
    }
    try files.write(
      "[\(entry(7, "ff0000", "ffff00", "has green")), \(entry(9, "800000", "0000ff", "is blue"))]",
      to: "captions/cap.rc2.\(split).json")
    return files
  }

  /// CIRCO over six pictures: red, green, blue, yellow, magenta, black.
  static func circo(split: String = "val", hasTargets: Bool = true) throws -> BenchmarkFiles {
    let files = try BenchmarkFiles()
    let names = ["ff0000", "00ff00", "0000ff", "ffff00", "ff00ff", "000000"]
    try files.paint("ff0000", "00ff00", "0000ff", "ffff00", "ff00ff", "000000", in: "unlabeled2017/")
    let images = names.enumerated().map { "{\"id\": \($0 * 10 + 10), \"file_name\": \"\($1).png\"}" }
    try files.write(
      "{\"info\": {}, \"images\": [\(images.joined(separator: ", "))]}",
      to: "COCO2017_unlabeled/annotations/image_info_unlabeled2017.json")
    let answer = hasTargets ? "\"target_img_id\": 40, \"gt_img_ids\": [40, 20], " : ""
    try files.write(
      """
      [{"id": 0, "reference_img_id": 10, "relative_caption": "is green", \(answer)
        "shared_concept": "shows a colour", "semantic_aspects": ["colour"]}]
      """, to: "annotations/\(split).json")
    return files
  }

  /// FashionIQ: in every category the same five pictures, in "dress" one more query.
  static func fashionIQ() throws -> BenchmarkFiles {
    let files = try BenchmarkFiles()
    try files.paint("ff0000", "00ff00", "0000ff", "ffff00", "000000", in: "images/")
    try files.paint("ff00ff", in: "images/", suffix: ".jpg")
    let found = """
      {"target": "ffff00", "candidate": "ff0000", "captions": ["is green.", "has more green"]}
      """
    let lost = """
      {"target": "000000", "candidate": "ff0000", "captions": ["is blue", "and blue"]}
      """
    for category in ["dress", "shirt", "toptee"] {
      try files.write(
        category == "dress" ? "[\(found), \(lost)]" : "[\(found)]", to: "captions/cap.\(category).val.json")
      try files.write(
        "[\"ff0000\", \"00ff00\", \"0000ff\", \"ffff00\", \"000000\", \"ff00ff\"]",
        to: "image_splits/split.\(category).val.json")
    }
    return files
  }
}
