// SPDX-License-Identifier: Apache-2.0

/// The JSON forms of caption files.
enum JSONCaptions {
  /// An object a line; a bad line costs that line.
  static func parseLines(_ bytes: [UInt8], into collector: inout CaptionCollector) {
    for (number, line) in TextLines(bytes) {
      guard !line.allSatisfy(DelimitedCaptions.isBlank) else { continue }
      do throws(JSONError) {
        var reader = JSONReader(bytes, range: line.startIndex..<line.endIndex, line: number)
        let value = try reader.readValue()
        guard reader.peek() == nil else { throw reader.failure("there is text behind the object") }
        addRecord(value, line: number, to: &collector)
      } catch {
        collector.report(number, "bad JSON: \(error.message); the line was left out")
      }
    }
  }

  /// One document. What stands before a syntax error is kept.
  static func parseDocument(_ bytes: [UInt8], into collector: inout CaptionCollector) {
    var reader = JSONReader(bytes)
    var document = Document()
    do throws(JSONError) {
      switch reader.peek() {
      case UInt8(ascii: "["):
        try reader.readArray { (reader) throws(JSONError) in
          let line = lineOfNext(&reader)
          addRecord(try reader.readValue(), line: line, to: &collector)
        }
      case UInt8(ascii: "{"):
        try reader.readObject { (reader, key) throws(JSONError) in
          try document.read(key, from: &reader, into: &collector)
        }
        // JSON lines under the wrong name.
        if reader.peek() == UInt8(ascii: "{"), !document.isDataset {
          return parseLines(bytes, into: &collector)
        }
      case nil: return
      default: throw reader.failure("a list or an object is expected")
      }
      if reader.peek() != nil { throw reader.failure("there is text behind the end") }
    } catch {
      collector.report(error.line, "bad JSON: \(error.message); what stands before it was kept")
    }
    document.finish(into: &collector)
  }

  static func lineOfNext(_ reader: inout JSONReader) -> Int {
    _ = reader.peek()
    return reader.currentLine()
  }

  /// `{"file": …, "caption": …}` and its like.
  static func addRecord(_ record: JSONValue, line: Int, to collector: inout CaptionCollector) {
    guard case .object = record else { return collector.report(line, "no object with a file and a caption") }
    guard let name = name(in: record) else {
      return collector.report(line, "no image is named (\"file\", \"image\", \"path\", …)")
    }
    let captions = captions(in: record)
    guard !captions.isEmpty else {
      return collector.report(line, "no caption (\"caption\", \"text\", \"captions\", …)")
    }
    collector.add(captions, to: name, line: line)
  }

  static func name(in record: JSONValue) -> String? {
    // Karpathy's COCO split keeps folder and name apart.
    if let folder = record["filepath"]?.text, let file = record["filename"]?.text {
      return folder + "/" + file
    }
    for key in CaptionKeys.names {
      guard let value = record[key] else { continue }
      if let text = value.text { return text }
      // Hugging Face's image feature: {"image": {"path": …}}.
      for inner in ["path", "file_name", "filename", "file"] {
        if let text = value[inner]?.text { return text }
      }
    }
    return nil
  }

  static func captions(in record: JSONValue) -> [String] {
    CaptionKeys.captions.flatMap { key in record[key].map { texts($0) } ?? [] }
  }

  /// A caption, a list of them, or a list of objects that hold one each.
  private static func texts(_ value: JSONValue) -> [String] {
    switch value {
    case .string(let text): [text]
    case .array(let values):
      values.compactMap { $0.text ?? $0["raw"]?.text ?? $0["caption"]?.text ?? $0["text"]?.text }
    default: []
    }
  }
}

/// An object at the top of a document: a map of names, one record, COCO's form or Karpathy's.
private struct Document {
  /// Whether it has COCO's or Karpathy's list of images.
  var isDataset = false
  private var namesByID: [ExactText: String] = [:]
  private var annotations: [(id: ExactText, caption: String, line: Int)] = []
  private var bareAnnotations = 0
  private var members: [(key: String, value: JSONValue, line: Int)] = []

  mutating func read(
    _ key: String, from reader: inout JSONReader, into collector: inout CaptionCollector
  ) throws(JSONError) {
    let line = JSONCaptions.lineOfNext(&reader)
    switch (key, reader.peek()) {
    case ("images", UInt8(ascii: "[")):
      isDataset = true
      try reader.readArray { (reader) throws(JSONError) in
        let line = JSONCaptions.lineOfNext(&reader)
        addImage(try reader.readValue(), line: line, to: &collector)
      }
    case ("annotations", UInt8(ascii: "[")):
      isDataset = true
      try reader.readArray { (reader) throws(JSONError) in
        let line = JSONCaptions.lineOfNext(&reader)
        addAnnotation(try reader.readValue(), line: line, to: &collector)
      }
    case ("info", UInt8(ascii: "{")), ("licenses", UInt8(ascii: "[")), ("categories", UInt8(ascii: "[")):
      try reader.skipValue()
    default: members.append((key, try reader.readValue(), line))
    }
  }

  /// Joins what belongs together, once all of the document is read.
  func finish(into collector: inout CaptionCollector) {
    guard isDataset else { return finishMap(into: &collector) }
    for annotation in annotations {
      if let name = namesByID[annotation.id] {
        collector.add([annotation.caption], to: name, line: annotation.line)
      } else {
        collector.report(annotation.line, "a caption for an image that is not listed; it was left out")
      }
    }
    if bareAnnotations > 0 {
      collector.report(
        nil, "\(bareAnnotations) annotations have no caption: take the captions file, not instances")
    }
  }

  private func finishMap(into collector: inout CaptionCollector) {
    let whole = JSONValue.object(members.map { ($0.key.lowercased(), $0.value) })
    if members.count > 1, JSONCaptions.name(in: whole) != nil, !JSONCaptions.captions(in: whole).isEmpty {
      return JSONCaptions.addRecord(whole, line: members.first?.line ?? 1, to: &collector)
    }
    for member in members {
      let wrapped = JSONValue.object([("caption", member.value)])
      let captions = JSONCaptions.captions(in: wrapped) + JSONCaptions.captions(in: member.value)
      collector.add(captions, to: member.key, line: member.line)
    }
  }

  private mutating func addImage(_ record: JSONValue, line: Int, to collector: inout CaptionCollector) {
    guard let name = JSONCaptions.name(in: record) else {
      return collector.report(line, "an image without \"file_name\" or \"filename\"")
    }
    if let id = record["id"].flatMap(Self.identifier) { namesByID[id] = name }
    let captions = JSONCaptions.captions(in: record)
    if !captions.isEmpty { collector.add(captions, to: name, line: line) }
  }

  private mutating func addAnnotation(_ record: JSONValue, line: Int, to collector: inout CaptionCollector) {
    guard let id = record["image_id"].flatMap(Self.identifier) else {
      return collector.report(line, "an annotation without \"image_id\"")
    }
    guard let caption = record["caption"]?.text else {
      bareAnnotations += 1
      return
    }
    annotations.append((id, caption, line))
  }

  private static func identifier(_ value: JSONValue) -> ExactText? {
    switch value {
    case .number(let text), .string(let text): ExactText(text)
    default: nil
    }
  }
}
