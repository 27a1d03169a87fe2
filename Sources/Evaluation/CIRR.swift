// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// CIRR (Liu et al. 2021), annotations of release rc2: a reference picture and a caption of how the target differs.
///
/// A query ranks all pictures of its split with the reference removed, and again only the other five of its set of six.
package enum CIRR {
  /// The deepest list that the server takes.
  static let submissionDepth = 50
  /// The same for the set of six.
  static let subsetSubmissionDepth = 3

  private struct Entry: Decodable {
    let pairID: Int
    let reference: String
    let target: String?
    let caption: String
    let set: ImageSet

    enum CodingKeys: String, CodingKey {
      case pairID = "pairid"
      case reference, caption
      case target = "target_hard"
      case set = "img_set"
    }
  }

  private struct ImageSet: Decodable {
    let members: [String]
  }

  /// Reads `captions/cap.rc2.SPLIT.json` and `image_splits/split.rc2.SPLIT.json`.
  ///
  /// - Parameters:
  ///   - folder: the repository's `cirr_dataset` branch.
  ///   - split: `val`, `test1` or `train`.
  ///   - images: where the paths of the split begin: it holds `dev/`, `test1/`, `train/`.
  /// - Throws: ``EvaluationError`` that names file and entry.
  package static func load(_ folder: FilePath, split: String, images: FilePath) throws -> Benchmark {
    let captions = folder.appending("captions").appending("cap.rc2.\(split).json")
    let entries = try AnnotationFile.read(
      [Entry].self, from: captions, as: "CIRR's captions cap.rc2.\(split).json")
    let splitFile = folder.appending("image_splits").appending("split.rc2.\(split).json")
    let paths = try AnnotationFile.read(
      [String: String].self, from: splitFile, as: "CIRR's pictures split.rc2.\(split).json")
    var list = PictureList()
    // A JSON object has no order; that of the names is always the same.
    for (name, path) in paths.sorted(by: { $0.key < $1.key }) {
      list.add(name, images.pushing(FilePath(path)).lexicallyNormalized())
    }
    let galleryCount = list.pictures.count
    let hasTargets = entries.contains { $0.target != nil }
    let queries = try entries.enumerated().map { index, entry in
      func place(_ name: String) throws -> Int {
        if let place = list.place(of: name) { return place }
        throw EvaluationError(
          "\(captions): [\(index)] (pairid \(entry.pairID)): no picture \(name) in \(splitFile): take both files "
            + "from one release")
      }
      guard !hasTargets || entry.target != nil else {
        throw EvaluationError(
          "\(captions): [\(index)] (pairid \(entry.pairID)): target_hard: is missing, and other entries have it: "
            + "download the file again")
      }
      let reference = try place(entry.reference)
      let target = try entry.target.map(place)
      return Benchmark.Query(
        id: String(entry.pairID), reference: reference, text: entry.caption,
        relevant: Set(target.map { [$0] } ?? []), target: target, removesReference: true,
        subset: try entry.set.members.map(place).filter { $0 != reference })
    }
    return Benchmark(
      name: "CIRR \(split)", prompt: .plain,
      parts: [
        Benchmark.Part(name: "", pictures: list.pictures, galleryCount: galleryCount, queries: queries)
      ],
      subsetDepths: [1, 2, 3], server: .cirr)
  }
}
