// SPDX-License-Identifier: Apache-2.0

/// The captions of one image in a text file beside it: `rex.txt` for `rex.jpg`, a caption a line.
package struct SidecarCaptions: Sendable, Hashable {
  /// In the order of the file, each once.
  package let captions: [String]
  /// Lines that could not be used.
  package let problems: [CaptionProblem]

  /// Reads a sidecar file: UTF-8 with or without byte order mark (or UTF-16 with one), any line ends, blank
  /// lines dropped.
  package static func parse(_ bytes: [UInt8], limits: CaptionLimits = CaptionLimits()) -> SidecarCaptions {
    var collector = CaptionCollector(limits: limits)
    guard bytes.count <= limits.sidecarBytes else {
      collector.report(
        nil, "the file has more than \(limits.sidecarBytes) bytes: no list of captions, passed over")
      return SidecarCaptions(captions: [], problems: collector.finish().problems)
    }
    for (number, line) in TextLines(CaptionText.utf8(bytes)) {
      guard let text = String(validating: line, as: UTF8.self) else {
        collector.report(number, "not UTF-8: save the file as UTF-8")
        continue
      }
      guard CaptionText.cleaned(text) != nil else { continue }
      collector.add([text], to: "image", line: number)
    }
    let file = collector.finish()
    return SidecarCaptions(captions: file.entries.first?.captions ?? [], problems: file.problems)
  }
}

/// The lines of a text with their numbers from 1, split at LF, CRLF or a lone CR.
struct TextLines: Sequence, IteratorProtocol {
  private let bytes: [UInt8]
  private var position = 0
  private var number = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> (number: Int, line: ArraySlice<UInt8>)? {
    guard position < bytes.count else { return nil }
    let start = position
    while position < bytes.count, bytes[position] != 0x0A, bytes[position] != 0x0D { position += 1 }
    let line = bytes[start..<position]
    if position + 1 < bytes.count, bytes[position] == 0x0D, bytes[position + 1] == 0x0A { position += 1 }
    position += 1
    number += 1
    return (number, line)
  }
}
