// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// CIRCO (Baldrati et al. 2023): a reference picture, a relative caption, and all pictures of COCO's unlabeled 2017 set
/// that answer them.
///
/// As in the official script the reference stays in the ranking, average precision is divided by `min(|GT|, K)`, and
/// recall counts the one target that the query was written for.
package enum CIRCO {
  /// The deepest list that the server takes.
  static let submissionDepth = 50

  private struct Entry: Decodable {
    let id: Int
    let reference: Int
    let caption: String
    let concept: String?
    let target: Int?
    let answers: [Int]?

    enum CodingKeys: String, CodingKey {
      case id
      case reference = "reference_img_id"
      case caption = "relative_caption"
      case concept = "shared_concept"
      case target = "target_img_id"
      case answers = "gt_img_ids"
    }
  }

  private struct Gallery: Decodable {
    struct Picture: Decodable {
      let id: Int
      let file: String

      enum CodingKeys: String, CodingKey {
        case id
        case file = "file_name"
      }
    }

    let images: [Picture]
  }

  /// Reads `annotations/SPLIT.json` and COCO's list of pictures.
  ///
  /// - Parameters:
  ///   - folder: the repository.
  ///   - split: `val` or `test`.
  ///   - gallery: `image_info_unlabeled2017.json`; nil for its place below `folder`.
  ///   - images: the folder `unlabeled2017`.
  /// - Throws: ``EvaluationError`` that names file and entry.
  package static func load(
    _ folder: FilePath, split: String, gallery: FilePath? = nil, images: FilePath, prompt: PromptForm = .plain
  ) throws -> Benchmark {
    let file = folder.appending("annotations").appending("\(split).json")
    let entries = try AnnotationFile.read([Entry].self, from: file, as: "CIRCO's annotations \(split).json")
    let galleryFile =
      gallery
      ?? folder.appending("COCO2017_unlabeled").appending("annotations")
      .appending("image_info_unlabeled2017.json")
    let known = try AnnotationFile.read(
      Gallery.self, from: galleryFile, as: "COCO's image_info_unlabeled2017.json")
    var list = PictureList()
    for picture in known.images { list.add(String(picture.id), images.pushing(FilePath(picture.file))) }
    let galleryCount = list.pictures.count
    let hasTargets = entries.contains { $0.target != nil }
    let queries = try entries.enumerated().map { index, entry in
      func fail(_ what: String) -> EvaluationError {
        EvaluationError("\(file): [\(index)] (id \(entry.id)): \(what)")
      }
      func place(_ id: Int) throws -> Int {
        if let place = list.place(of: String(id)) { return place }
        throw fail("no picture \(id) in \(galleryFile): take COCO's unlabeled 2017 set")
      }
      guard !hasTargets || (entry.target != nil && entry.answers?.isEmpty == false) else {
        throw fail(
          "target_img_id or gt_img_ids: is missing, and other entries have it: download the file again")
      }
      return Benchmark.Query(
        id: String(entry.id), reference: try place(entry.reference),
        text: try text(entry, prompt) ?? { throw fail("shared_concept: is missing; use --prompt plain") }(),
        relevant: Set(try (entry.answers ?? []).map(place)), target: try entry.target.map(place))
    }
    return Benchmark(
      name: "CIRCO \(split)", prompt: prompt,
      parts: [
        Benchmark.Part(name: "", pictures: list.pictures, galleryCount: galleryCount, queries: queries)
      ],
      recallDepths: [1, 5, 10, 25, 50], server: .circo)
  }

  /// BGE-VL's form uses the shared concept, which most zero-shot methods do not: compare like with like.
  private static func text(_ entry: Entry, _ prompt: PromptForm) -> String? {
    switch prompt {
    case .plain: entry.caption
    case .bgeVL: entry.concept.map { "Find a picture that also \($0), but \(entry.caption)." }
    }
  }
}
