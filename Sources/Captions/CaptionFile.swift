// SPDX-License-Identifier: Apache-2.0

/// The captions of many images in one file.
package struct CaptionFile: Sendable, Hashable {
  /// What a file is written in; which of the known forms it has is found out from its content.
  package enum Kind: Sendable, Hashable, CaseIterable {
    /// Comma (or semicolon, bar, tab) separated, with a header.
    case csv
    /// Tab separated, with a header or as Flickr30k's `name.jpg#0<tab>caption`.
    case tsv
    /// A JSON object a line.
    case jsonl
    /// One JSON document: a list, a map, COCO's or Karpathy's form.
    case json

    /// The kind of a file that Duet takes for captions by its name, in whatever folder; nil for all others.
    package init?(fileName: String) {
      let name = fileName.lowercased()
      switch name {
      case "captions.csv": self = .csv
      case "captions.tsv", "captions.token", "results_20130124.token": self = .tsv
      case "captions.jsonl", "captions.ndjson": self = .jsonl
      case "captions.json", "dataset_flickr30k.json": self = .json
      case _ where name.hasPrefix("captions_") && name.hasSuffix(".json"): self = .json
      default: return nil
      }
    }
  }

  /// The captions of one image.
  package struct Entry: Sendable, Hashable {
    /// The image's path relative to the caption file's folder, as written there: no `..`, not absolute.
    package let imageName: String
    /// In the order of the file, each once; never empty.
    package fileprivate(set) var captions: [String]
    /// Where the image is first named, from 1.
    package let line: Int
  }

  /// In the order of first mention; every name (compared by bytes) once.
  package let entries: [Entry]
  /// Lines that could not be used, with what is wrong; all others were kept.
  package let problems: [CaptionProblem]

  /// Reads a caption file.
  ///
  /// Forms: CSV or TSV with a header that names a file column (file, image, filename, path, …) and caption
  /// columns (caption, text, title, description, …); JSON objects with such keys, a line each or in a list;
  /// `{"name": "caption"}` and `{"name": ["caption", …]}`; COCO captions (`images`, `annotations`);
  /// Karpathy's `dataset_flickr30k.json`; Flickr30k's `.token` file and its CSV with bars.
  ///
  /// - Complexity: O(bytes); holds the captions, never the whole document.
  package static func parse(
    _ bytes: [UInt8], kind: Kind, limits: CaptionLimits = CaptionLimits()
  ) -> CaptionFile {
    var collector = CaptionCollector(limits: limits)
    guard bytes.count <= limits.fileBytes else {
      collector.report(nil, "the file has more than \(limits.fileBytes) bytes and was passed over: split it")
      return collector.finish()
    }
    let text = CaptionText.utf8(bytes)
    switch kind {
    case .csv: DelimitedCaptions.parse(text, isTabbed: false, into: &collector)
    case .tsv: DelimitedCaptions.parse(text, isTabbed: true, into: &collector)
    case .jsonl: JSONCaptions.parseLines(text, into: &collector)
    case .json: JSONCaptions.parseDocument(text, into: &collector)
    }
    return collector.finish()
  }

  fileprivate init(entries: [Entry], problems: [CaptionProblem]) {
    self.entries = entries
    self.problems = problems
  }
}

/// Gathers captions by image, with the limits applied.
struct CaptionCollector {
  private let limits: CaptionLimits
  private var entries: [CaptionFile.Entry] = []
  private var positions: [ExactText: Int] = [:]
  private var problems: [CaptionProblem] = []
  private var unlisted = 0

  /// Whether any caption came in.
  var isEmpty: Bool { entries.isEmpty }

  init(limits: CaptionLimits) { self.limits = limits }

  /// Adds captions of an image; those that are blank or there already add nothing.
  mutating func add(_ captions: [String], to name: String, line: Int) {
    guard let name = checkedName(name, line: line) else { return }
    let cleaned = captions.compactMap { checkedCaption($0, line: line) }
    guard !cleaned.isEmpty else { return report(line, "no caption for \(quoted(name))") }
    let key = ExactText(name)
    guard let position = positions[key] else {
      positions[key] = entries.count
      entries.append(CaptionFile.Entry(imageName: name, captions: [], line: line))
      return append(cleaned, at: entries.count - 1, line: line)
    }
    append(cleaned, at: position, line: line)
  }

  /// Notes a problem.
  mutating func report(_ line: Int?, _ message: String) {
    if problems.count < limits.problems {
      problems.append(CaptionProblem(line: line, message: message))
    } else {
      unlisted += 1
    }
  }

  /// What was gathered.
  consuming func finish() -> CaptionFile {
    if unlisted > 0 { problems.append(CaptionProblem(line: nil, message: "and \(unlisted) more problems")) }
    return CaptionFile(entries: entries, problems: problems)
  }

  private mutating func append(_ captions: [String], at position: Int, line: Int) {
    for caption in captions {
      if entries[position].captions.contains(where: { $0.utf8.elementsEqual(caption.utf8) }) { continue }
      guard entries[position].captions.count < limits.captionsPerImage else {
        return report(
          line, "more than \(limits.captionsPerImage) captions for one image: the rest is left out")
      }
      entries[position].captions.append(caption)
    }
  }

  private mutating func checkedCaption(_ text: String, line: Int) -> String? {
    guard let caption = CaptionText.cleaned(text) else { return nil }
    guard caption.utf8.count > limits.captionBytes else { return caption }
    report(line, "a caption longer than \(limits.captionBytes) bytes was cut")
    return CaptionText.cut(caption, toBytes: limits.captionBytes)
  }

  private mutating func checkedName(_ text: String, line: Int) -> String? {
    var name = text[...]
    while let first = name.unicodeScalars.first, first.properties.isWhitespace {
      name.unicodeScalars.removeFirst()
    }
    while let last = name.unicodeScalars.last, last.properties.isWhitespace {
      name.unicodeScalars.removeLast()
    }
    while name.hasPrefix("./") { name = name.dropFirst(2) }
    guard !name.isEmpty else {
      report(line, "no image is named")
      return nil
    }
    let isSound =
      name.utf8.count <= 4096 && !name.utf8.contains(0) && name.utf8.first != UInt8(ascii: "/")
      && !name.split(separator: "/").contains("..")
    guard isSound else {
      report(line, "\(quoted(String(name))) is no path inside this folder")
      return nil
    }
    return String(name)
  }

  private func quoted(_ name: String) -> String { "'\(CaptionText.cut(name, toBytes: 120))'" }
}

/// The words that files use for "the image" and "its caption", in the order in which they are believed.
enum CaptionKeys {
  static let names = [
    "file", "image", "filename", "file_name", "path", "image_name", "image_path", "filepath", "file_path",
    "image_file",
    "img", "name",
  ]
  static let captions = [
    "caption", "text", "title", "description", "comment", "captions", "texts", "sentences", "sentence", "raw",
    "alt_text", "alt",
  ]
}
