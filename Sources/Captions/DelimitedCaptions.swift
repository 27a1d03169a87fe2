// SPDX-License-Identifier: Apache-2.0

/// CSV and TSV caption files (RFC 4180), and Flickr30k's two text forms.
enum DelimitedCaptions {
  static func parse(_ bytes: [UInt8], isTabbed: Bool, into collector: inout CaptionCollector) {
    guard let first = TextLines(bytes).first(where: { !$0.line.allSatisfy(isBlank) }) else { return }
    guard let layout = Layout(header: first.line, isTabbed: isTabbed) else {
      return collector.report(
        first.number,
        "the header names no file column (file, image, path, …) and caption column (caption, text, …): "
          + "the file was passed over")
    }
    var rows = DelimitedRows(bytes, delimiter: layout.delimiter, isQuoted: layout.isQuoted)
    var isHeader = layout.hasHeader
    while let row = rows.next() {
      switch row.content {
      case .failure(let problem): collector.report(row.line, problem.message)
      case .success(let fields):
        if fields.allSatisfy({ $0.allSatisfy(isBlank) }) { continue }
        if isHeader { isHeader = false } else { add(fields, line: row.line, layout, to: &collector) }
      }
    }
  }

  private static func add(
    _ fields: [[UInt8]], line: Int, _ layout: Layout, to collector: inout CaptionCollector
  ) {
    guard fields.count > layout.lastColumn else {
      return collector.report(
        line, "\(fields.count) columns where \(layout.columnCount) are expected; the line was left out")
    }
    guard var name = String(validating: fields[layout.nameColumn], as: UTF8.self) else {
      return collector.report(line, "not UTF-8: save the file as UTF-8")
    }
    if layout.numbersNames, let hash = name.lastIndex(of: "#"),
      name[hash...].dropFirst().allSatisfy({ $0.isASCII && $0.isNumber })
    {
      name = String(name[..<hash])
    }
    var captions: [String] = []
    for column in layout.captionColumns {
      guard let caption = String(validating: fields[column], as: UTF8.self) else {
        return collector.report(line, "not UTF-8: save the file as UTF-8")
      }
      captions.append(caption)
    }
    // A caption with delimiters in it, unquoted, in a file whose caption is the last column: take it whole.
    if fields.count > layout.columnCount, layout.captionColumns == [layout.columnCount - 1] {
      let rest = fields[layout.columnCount...].map { String(decoding: $0, as: UTF8.self) }
      captions = [([captions[0]] + rest).joined(separator: String(Unicode.Scalar(layout.delimiter)))]
    }
    collector.add(captions, to: name, line: line)
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }

  /// Which column is what.
  private struct Layout {
    var delimiter: UInt8
    var isQuoted: Bool
    var hasHeader = true
    /// Whether names end in `#0`, as in Flickr30k's `.token` file.
    var numbersNames = false
    var nameColumn: Int
    var captionColumns: [Int]
    var columnCount: Int

    var lastColumn: Int { max(nameColumn, captionColumns.max() ?? 0) }

    init?(header: ArraySlice<UInt8>, isTabbed: Bool) {
      for delimiter in isTabbed ? [0x09, 0x2C] : [0x2C, 0x3B, 0x7C, 0x09] as [UInt8] {
        if let layout = Layout(header: header, delimiter: delimiter) {
          self = layout
          return
        }
      }
      // Without a header: Flickr30k's `name.jpg#0<tab>caption`, or two columns whose first names a picture.
      for delimiter in isTabbed ? [0x09] : [0x09, 0x2C] as [UInt8] {
        let fields = header.split(separator: delimiter, maxSplits: 1, omittingEmptySubsequences: false)
        guard fields.count == 2, let name = fields.first, DelimitedCaptions.namesPicture(name) else {
          continue
        }
        self.delimiter = delimiter
        isQuoted = delimiter == 0x2C
        hasHeader = false
        numbersNames = delimiter == 0x09
        nameColumn = 0
        captionColumns = [1]
        columnCount = 2
        return
      }
      return nil
    }

    private init?(header: ArraySlice<UInt8>, delimiter: UInt8) {
      // Flickr30k's CSV separates by bars and does not quote.
      isQuoted = delimiter != 0x7C
      var rows = DelimitedRows(Array(header), delimiter: delimiter, isQuoted: isQuoted)
      guard case .success(let fields)? = rows.next()?.content else { return nil }
      let titles = fields.map { CaptionText.cleaned(String(decoding: $0, as: UTF8.self))?.lowercased() ?? "" }
      guard let name = CaptionKeys.names.lazy.compactMap({ titles.firstIndex(of: $0) }).first else {
        return nil
      }
      let captions = titles.indices.filter { $0 != name && CaptionKeys.captions.contains(titles[$0]) }
      guard !captions.isEmpty else { return nil }
      self.delimiter = delimiter
      nameColumn = name
      captionColumns = captions
      columnCount = titles.count
    }
  }

  private static func namesPicture(_ field: ArraySlice<UInt8>) -> Bool {
    let name = String(decoding: field.prefix(4096), as: UTF8.self).lowercased()
    let stem = name.split(separator: "#").first.map(String.init) ?? ""
    let endings = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif"]
    return endings.contains { stem.hasSuffix($0) || stem.hasSuffix($0 + "\"") }
  }
}

/// The rows of a delimited file. After a row with bad quotes it goes on at the next line.
struct DelimitedRows {
  struct Problem: Error { let message: String }
  typealias Row = (line: Int, content: Result<[[UInt8]], Problem>)

  /// A quoted field beyond this was never closed.
  private static let longestField = 1 << 16

  private let bytes: [UInt8]
  private let delimiter: UInt8
  private let isQuoted: Bool
  private var position = 0
  private var line = 1

  init(_ bytes: [UInt8], delimiter: UInt8, isQuoted: Bool) {
    self.bytes = bytes
    self.delimiter = delimiter
    self.isQuoted = isQuoted
  }

  /// The next row; its line is where it starts.
  mutating func next() -> Row? {
    guard position < bytes.count else { return nil }
    let start = position
    let startLine = line
    var fields: [[UInt8]] = []
    while true {
      do throws(Problem) {
        fields.append(try field())
      } catch {
        position = start
        line = startLine
        while position < bytes.count, !isLineEnd(bytes[position]) { position += 1 }
        passLineEnd()
        return (startLine, .failure(error))
      }
      guard position < bytes.count, bytes[position] == delimiter else { break }
      position += 1
    }
    passLineEnd()
    return (startLine, .success(fields))
  }

  private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

  private mutating func passLineEnd() {
    guard position < bytes.count else { return }
    if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A { position += 1 }
    position += 1
    line += 1
  }

  private mutating func field() throws(Problem) -> [UInt8] {
    let start = position
    if isQuoted, position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return try quotedField() }
    while position < bytes.count, bytes[position] != delimiter, !isLineEnd(bytes[position]) { position += 1 }
    return Array(bytes[start..<position])
  }

  private mutating func quotedField() throws(Problem) -> [UInt8] {
    var field: [UInt8] = []
    position += 1
    while position < bytes.count, field.count <= Self.longestField {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") {
        guard position < bytes.count, bytes[position] == byte else {
          guard position == bytes.count || bytes[position] == delimiter || isLineEnd(bytes[position]) else {
            throw Problem(
              message: "text behind a closing quote: double the quotes inside; the line was left out")
          }
          return field
        }
        position += 1
      } else if byte == 0x0A || (byte == 0x0D && !(position < bytes.count && bytes[position] == 0x0A)) {
        line += 1
      }
      field.append(byte)
    }
    throw Problem(message: "a quote is not closed; the line was left out")
  }
}
