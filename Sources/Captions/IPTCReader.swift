// SPDX-License-Identifier: Apache-2.0

/// IPTC-IIM (version 4.2): datasets of a marker, two numbers, a length and bytes.
enum IPTCReader {
  /// What the datasets say.
  struct Texts: Sendable, Hashable {
    var captions: [String] = []
    var titles: [String] = []
    var keywords: [String] = []
  }

  /// The most datasets that are looked at.
  private static let limit = 4096

  /// Reads IIM, bare or wrapped in Photoshop's image resources; stops at the first damage.
  static func read(_ bytes: [UInt8]) -> Texts {
    var texts = Texts()
    for block in blocks(bytes) { read(block, into: &texts) }
    return texts
  }

  private static func read(_ bytes: ArraySlice<UInt8>, into texts: inout Texts) {
    var position = bytes.startIndex
    for _ in 0..<limit {
      guard position + 5 <= bytes.endIndex, bytes[position] == 0x1C else { return }
      let (record, dataset) = (bytes[position + 1], bytes[position + 2])
      var length = Int(bytes[position + 3]) << 8 | Int(bytes[position + 4])
      position += 5
      if length & 0x8000 != 0 {
        // Extended: the number says how many bytes the length has.
        let count = length & 0x7FFF
        guard count <= 4, position + count <= bytes.endIndex else { return }
        length = bytes[position..<position + count].reduce(0) { $0 << 8 | Int($1) }
        position += count
      }
      guard length <= bytes.endIndex - position else { return }
      let value = bytes[position..<position + length]
      position += length
      // Dataset 1:90, the coded character set, is not asked: UTF-8 shows itself, and many writers get it
      // wrong.
      switch (record, dataset) {
      case (2, 120): texts.captions.append(CaptionText.decoded(value))
      case (2, 5), (2, 105): texts.titles.append(CaptionText.decoded(value))
      case (2, 25): texts.keywords.append(CaptionText.decoded(value))
      default: break
      }
    }
  }

  /// The IIM blocks inside: resources 0x0404 of an APP13 body, or all of it.
  private static func blocks(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var position = bytes.starts(with: "Photoshop 3.0\0".utf8) ? 14 : 0
    guard bytes[position...].starts(with: "8BIM".utf8) else { return [bytes[position...]] }
    var blocks: [ArraySlice<UInt8>] = []
    for _ in 0..<limit {
      // Signature, id, Pascal name padded to even, length, data padded to even.
      guard bytes.count - position >= 12, bytes[position...].starts(with: "8BIM".utf8) else { break }
      let id = Int(bytes[position + 4]) << 8 | Int(bytes[position + 5])
      let nameLength = (Int(bytes[position + 6]) + 2) & ~1
      position += 6 + nameLength
      guard bytes.count - position >= 4 else { break }
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      position += 4
      let end = min(position + length, bytes.count)
      if id == 0x0404 { blocks.append(bytes[position..<end]) }
      position = min(position + (length + 1) & ~1, bytes.count)
    }
    return blocks
  }
}
