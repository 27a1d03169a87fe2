// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// The JSON Lines of BGE-VL's own evaluation: queries `{q_img, q_text, positive_key}` and a corpus `{content, image}`.
package enum BGEVL {
  private struct Entry: Decodable {
    let picture: String?
    let text: String?
    let positive: String?

    enum CodingKeys: String, CodingKey {
      case picture = "q_img"
      case text = "q_text"
      case positive = "positive_key"
    }
  }

  private struct Document: Decodable {
    let content: String
    let image: String
  }

  /// Reads queries and corpus.
  ///
  /// - Parameter images: where relative paths of both files begin.
  /// - Throws: ``EvaluationError`` that names file and line.
  package static func load(queries file: FilePath, corpus: FilePath, images: FilePath) throws -> Benchmark {
    var pictures: [Benchmark.Picture] = []
    var placeOfKey: [String: Int] = [:]
    var placeOfPath: [FilePath: Int] = [:]
    func path(_ name: String) -> FilePath { images.pushing(FilePath(name)).lexicallyNormalized() }
    let documents = try AnnotationFile.readLines(
      Document.self, from: corpus, as: "BGE-VL's corpus, {\"content\": KEY, \"image\": PATH} a line")
    for (line, document) in documents {
      guard placeOfKey.updateValue(pictures.count, forKey: document.content) == nil else {
        throw EvaluationError("\(corpus): line \(line): content: \(document.content) comes twice: remove one")
      }
      placeOfPath[path(document.image)] = placeOfPath[path(document.image)] ?? pictures.count
      pictures.append(Benchmark.Picture(name: document.content, path: path(document.image)))
    }
    let galleryCount = pictures.count
    let entries = try AnnotationFile.readLines(
      Entry.self, from: file, as: "BGE-VL's queries, {\"q_img\", \"q_text\", \"positive_key\"} a line")
    let queries = try entries.map { line, entry in
      guard entry.picture != nil || entry.text?.trimmed().isEmpty == false else {
        throw EvaluationError("\(file): line \(line): neither q_img nor q_text: give at least one")
      }
      guard let key = entry.positive, let target = placeOfKey[key] else {
        throw EvaluationError(
          "\(file): line \(line): positive_key: "
            + (entry.positive.map { "\($0) is not in \(corpus)" } ?? "is missing")
            + ": name a \"content\" of the corpus")
      }
      let reference = entry.picture.map { name in
        if let place = placeOfPath[path(name)] { return place }
        placeOfPath[path(name)] = pictures.count
        pictures.append(Benchmark.Picture(name: name, path: path(name)))
        return pictures.count - 1
      }
      return Benchmark.Query(
        id: String(line), reference: reference,
        text: entry.text.flatMap { $0.trimmed().isEmpty ? nil : $0 }, relevant: [target], target: target)
    }
    return Benchmark(
      name: "BGE-VL \(file.lastComponent?.string ?? "")", prompt: .bgeVL,
      parts: [
        Benchmark.Part(name: "", pictures: pictures, galleryCount: galleryCount, queries: queries)
      ])
  }
}
