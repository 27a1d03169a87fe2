// SPDX-License-Identifier: Apache-2.0
import Files
package import SystemPackage

/// FashionIQ (Wu et al. 2021): a candidate garment and two captions of how the target differs, in three categories.
///
/// The reference stays in the ranking; categories count alike, whatever their number of queries.
package enum FashionIQ {
  /// What is searched. Papers use both, and the smaller one gives higher numbers.
  package enum Gallery: String, Sendable, CaseIterable {
    /// Every picture of the category's split.
    case split
    /// The candidates and targets of the queries ("VAL").
    case union
  }

  /// The categories.
  package static let categories = ["dress", "shirt", "toptee"]

  private struct Entry: Decodable {
    let target: String?
    let candidate: String
    let captions: [String]
  }

  /// Reads `captions/cap.CATEGORY.SPLIT.json` and `image_splits/split.CATEGORY.SPLIT.json` of each category.
  ///
  /// - Parameter images: a folder of `ASIN.png`, `.jpg` or `.jpeg`.
  /// - Throws: ``EvaluationError`` that names file and entry.
  package static func load(
    _ folder: FilePath, split: String = "val", gallery: Gallery = .split, images: FilePath,
    prompt: PromptForm = .plain
  ) throws -> Benchmark {
    let parts = try categories.map { category in
      try part(category, folder, split: split, gallery: gallery, images: images, prompt: prompt)
    }
    return Benchmark(
      name: "FashionIQ \(split), \(gallery.rawValue) gallery", prompt: prompt, parts: parts)
  }

  private static func part(
    _ category: String, _ folder: FilePath, split: String, gallery: Gallery, images: FilePath,
    prompt: PromptForm
  ) throws -> Benchmark.Part {
    let file = folder.appending("captions").appending("cap.\(category).\(split).json")
    let entries = try AnnotationFile.read(
      [Entry].self, from: file, as: "FashionIQ's captions cap.\(category).\(split).json")
    var list = PictureList()
    switch gallery {
    case .split:
      let splitFile = folder.appending("image_splits").appending("split.\(category).\(split).json")
      let names = try AnnotationFile.read(
        [String].self, from: splitFile, as: "FashionIQ's pictures split.\(category).\(split).json")
      for name in names { list.add(name, path(of: name, in: images)) }
    case .union:
      for entry in entries {
        list.add(entry.candidate, path(of: entry.candidate, in: images))
        if let target = entry.target { list.add(target, path(of: target, in: images)) }
      }
    }
    let galleryCount = list.pictures.count
    let queries = try entries.enumerated().map { index, entry in
      guard let name = entry.target else {
        throw EvaluationError("\(file): [\(index)]: target: is missing; FashionIQ's test split has no server")
      }
      guard let target = list.place(of: name) else {
        throw EvaluationError(
          "\(file): [\(index)]: the target \(name) is not in split.\(category).\(split).json: take both files "
            + "from one release")
      }
      guard !entry.captions.isEmpty else {
        throw EvaluationError("\(file): [\(index)]: captions: is empty: download the file again")
      }
      return Benchmark.Query(
        id: "\(category) \(index)",
        // A candidate may lie outside of the gallery.
        reference: list.add(entry.candidate, path(of: entry.candidate, in: images)),
        text: text(entry.captions, prompt), relevant: [target], target: target)
    }
    return Benchmark.Part(
      name: category, pictures: list.pictures, galleryCount: galleryCount, queries: queries)
  }

  private static func text(_ captions: [String], _ prompt: PromptForm) -> String {
    switch prompt {
    case .plain: captions.map { $0.trimmed(".,?!;:") }.joined(separator: " and ")
    case .bgeVL: captions.joined(separator: ", and ")
    }
  }

  /// The picture's file, or where it is expected to be.
  private static func path(of name: String, in images: FilePath) -> FilePath {
    let paths = ["png", "jpg", "jpeg"].map { images.pushing(FilePath("\(name).\($0)")) }
    return paths.first { (try? FileStatus(of: $0)) != nil } ?? paths[0]
  }
}
