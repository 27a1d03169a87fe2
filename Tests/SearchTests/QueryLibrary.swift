// SPDX-License-Identifier: Apache-2.0
import Catalog
import Images
import LinearAlgebra
import SystemPackage
import TestSupport
import VectorIndexes

@testable import Embedders
@testable import Search

/// A model whose space is known: every word has a direction of its own, texts and pictures sit in two cones apart, and
/// pictures are longer than texts, as in CLIP.
struct WordModel: Embedder {
  static let width = 256
  let id = "words"
  let composeRule = ComposeRule.rawSum
  let dimension = WordModel.width
  let imageInput: ImageInput? = ImageInput(width: 8, height: 8)
  let embedsTexts = true
  let backgroundTexts: [String] = (0..<160).map { "noise\($0) other\($0 % 7)" } + ["a cat", "snow"]

  func warmUp(texts: Bool, images: Bool) throws(EmbedderError) {}

  func identity(view: ImageView) throws(EmbedderError) -> ModelIdentity {
    ModelIdentity(
      id: id, weightsHash: "0", dimension: dimension, preprocessing: "none", composeRule: composeRule)
  }

  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage { PreparedImage(image: image) }

  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections {
    let rows = texts.flatMap {
      WordModel.vector($0.split(separator: " ").map(String.init), cone: "text", length: 6)
    }
    return TextProjections(
      projections: Projections(dimension: dimension, values: rows),
      droppedTokens: texts.map { max(0, $0.split(separator: " ").count - 8) })
  }

  func projectImages(_ images: [PreparedImage]) throws(EmbedderError) -> Projections {
    Projections(
      dimension: dimension,
      values: images.flatMap { WordModel.vector(["red\($0.image.pixels[0])"], cone: "image", length: 10) })
  }

  /// Words and the cone's axis, with a little noise that depends on `seed`.
  static func vector(_ words: [String], cone: String, length: Float, seed: UInt64? = nil) -> [Float] {
    var sum = direction("cone " + cone)
    let shared = direction("cone")
    for index in sum.indices { sum[index] += shared[index] }
    for word in words {
      let own = direction(word)
      for index in sum.indices { sum[index] += 1.5 * own[index] / Float(words.count).squareRoot() }
    }
    if let seed {
      var random = SeededRandom(seed: seed)
      for index in sum.indices { sum[index] += 0.05 * random.normal() }
    }
    return (sum.normalized ?? sum).map { $0 * length }
  }

  /// Words that resemble no other by chance, so that a test can count on what they find.
  private static let special = ["cat", "beach", "grass", "submarine", "rex"]

  private static func direction(_ word: String) -> [Float] {
    var vector = [Float](repeating: 0, count: width)
    if let axis = special.firstIndex(of: word) {
      vector[axis] = 1
      return vector
    }
    var seed: UInt64 = 1_469_598_103_934_665_603
    for byte in word.utf8 { seed = (seed ^ UInt64(byte)) &* 1_099_511_628_211 }
    var random = SeededRandom(seed: seed)
    for index in special.count..<width { vector[index] = random.normal() }
    return vector.normalized ?? vector
  }
}

/// A library in memory and a catalog on disk, made of named pictures.
struct QueryLibrary {
  /// A picture: what it shows, and what is said of it.
  struct Picture {
    var path: String
    var shows: [String]
    var captions: [String] = []
    var tags: [String] = []
    var taken: Int64?
  }

  let folder: TemporaryDirectory
  let catalog: CatalogStore
  let pictures: [Picture]

  init(_ pictures: [Picture]) throws {
    folder = try TemporaryDirectory()
    self.pictures = pictures
    catalog = try CatalogStore.open(FilePath(folder.path("catalog.sqlite")), access: .readWrite)
    try catalog.write { transaction in
      let root = try transaction.addRoot("/pictures", device: nil)
      let space = try transaction.space(
        for: SpaceIdentity(
          model: "words", weightsHash: "0", preprocessing: "none", dimension: WordModel.width,
          composeRule: "rawSum"))
      for (index, picture) in pictures.enumerated() {
        let file = FileRecord(
          root: root, path: FilePath(picture.path), size: Int64(1_000 + index),
          modified: Int64(index) * 1_000_000_000,
          inode: UInt64(index), hash: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 16))
        let id = try transaction.insertItem(
          file, PictureRecord(format: "png", width: 8, height: 8, taken: picture.taken))
        _ = try transaction.replaceCaptions(
          of: id, with: picture.captions.map { Caption($0, source: .sidecar) })
        try transaction.replaceTags(of: id, with: picture.tags)
        try transaction.addVectors(
          space: space.id, field: .image, keys: [FreshVectorKey(item: id)],
          vectors: Embedding.unit(
            WordModel.vector(picture.shows, cone: "image", length: 1, seed: UInt64(index))))
        for (ordinal, caption) in picture.captions.enumerated() {
          let words = caption.split(separator: " ").map(String.init)
          try transaction.addVectors(
            space: space.id, field: .caption, keys: [FreshVectorKey(item: id, ordinal: UInt32(ordinal))],
            vectors: Embedding.unit(WordModel.vector(words, cone: "text", length: 1)))
        }
      }
    }
  }

  /// What a query sees.
  func snapshot(hasModel: Bool = true) throws -> LibrarySnapshot {
    let state = try catalog.snapshot()
    func search(_ field: VectorField) throws -> VectorSearch {
      let fresh = state.fresh[field] ?? Catalog.FreshVectors(dimension: WordModel.width)
      let keys = fresh.keys.map { VectorKey(item: $0.item, ordinal: $0.ordinal) }
      let vectors = try VectorIndexes.FreshVectors(
        dimension: WordModel.width, storage: .float32, keys: keys, rows: fresh.vectors)
      return try VectorSearch(dimension: WordModel.width, sources: [VectorSource(vectors)])
    }
    return LibrarySnapshot(
      catalog: catalog, state: state, embedder: hasModel ? WordModel() : nil,
      missingModel: hasModel ? nil : "the model is not here: get it", image: try search(.image),
      caption: try search(.caption), rootPaths: [1: "/pictures"])
  }

  func search(_ terms: [Term], _ change: (inout SearchRequest) -> Void = { _ in }) throws -> SearchResult {
    var request = SearchRequest(terms: terms)
    change(&request)
    return try QueryEngine(library: try snapshot()).search(request)
  }

  /// 400 pictures of two things each: 80 on grass, six of a cat, one of those on a beach. Calibrated.
  static func standard() throws -> QueryLibrary {
    var random = SeededRandom(seed: 7)
    var pictures: [Picture] = []
    for index in 0..<394 {
      let thing = "thing\(Int.random(in: 0..<150, using: &random))"
      let place = index % 5 == 0 ? "grass" : "thing\(Int.random(in: 0..<150, using: &random))"
      pictures.append(
        Picture(
          path: "all/\(index).png", shows: [thing, place], captions: index % 4 == 0 ? ["a \(thing)"] : [],
          taken: Int64(index)))
    }
    let places = ["beach", "thing1", "thing2", "thing3", "thing4", "thing5"]
    for (index, place) in places.enumerated() {
      pictures.append(
        Picture(
          path: "cats/\(index).png", shows: ["cat", place], captions: index == 1 ? ["Rex am See"] : [],
          tags: index < 2 ? ["pet"] : [], taken: Int64(10_000 - index)))
    }
    let library = try QueryLibrary(pictures)
    try library.calibrate()
    return library
  }

  /// Does what the end of an ingest run does.
  func calibrate() throws {
    let calibrations = try Calibrator(library: try snapshot()).calibrationsToStore(force: true)
    try catalog.write { transaction in
      for calibration in calibrations { try transaction.storeCalibration(calibration, space: 1) }
    }
  }

  /// The standard library, made once: nobody changes it.
  static let shared = Result { try standard() }
}
