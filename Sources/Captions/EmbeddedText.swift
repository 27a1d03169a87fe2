// SPDX-License-Identifier: Apache-2.0

/// A caption that was in the image file itself.
package struct EmbeddedCaption: Sendable, Hashable {
  /// Where it came from.
  package enum Source: Sendable, Hashable { case xmp, iptc, exif, pngText }

  /// One line of text.
  package let text: String
  /// Where it came from.
  package let source: Source
  /// Whether a camera or a program wrote it of its own accord ("OLYMPUS DIGITAL CAMERA"): fit for words only.
  package let isBoilerplate: Bool
}

/// The text of an image file: what its owner, or its camera, wrote into it.
package struct EmbeddedText: Sendable, Hashable {
  /// Descriptions first, then titles, each once.
  package let captions: [EmbeddedCaption]
  /// Keywords, each once.
  package let tags: [String]

  /// The most captions and the most tags that are taken.
  static let limit = 256

  /// Collects all text. Damaged pieces give what can be read of them.
  ///
  /// Descriptions are taken in the order XMP, IPTC, EXIF, PNG (what people edit last comes first), then
  /// titles in the same order. A text that only repeats the start of an earlier one (IPTC cuts titles at 64
  /// bytes) is left out. All languages of an XMP text are taken, `x-default` first.
  package static func extract(_ metadata: EmbeddedMetadata, limits: CaptionLimits = CaptionLimits())
    -> EmbeddedText
  {
    let xmp = metadata.xmp ?? metadata.pngText.first { $0.keyword == "XML:com.adobe.xmp" }?.text
    let packet = xmp.map { XMPReader.read($0) } ?? XMPReader.Texts()
    let iptc = metadata.iptc.map { IPTCReader.read($0) } ?? IPTCReader.Texts()
    var gathered = Gatherer(limits: limits)
    gathered.add(packet.descriptions, .xmp)
    gathered.add(iptc.captions, .iptc)
    gathered.add(exifText(metadata, Tag.imageDescription), .exif)
    gathered.add(userComment(metadata), .exif)
    gathered.add(xpText(metadata, Tag.xpComment), .exif)
    gathered.add(pngText(metadata, ["description", "caption", "comment"]), .pngText)
    gathered.add(packet.titles, .xmp)
    gathered.add(iptc.titles, .iptc)
    gathered.add(xpText(metadata, Tag.xpTitle) + xpText(metadata, Tag.xpSubject), .exif)
    gathered.add(pngText(metadata, ["title"]), .pngText)
    gathered.addTags(packet.subjects)
    gathered.addTags(iptc.keywords)
    gathered.addTags(xpText(metadata, Tag.xpKeywords).flatMap { $0.split(separator: ";").map(String.init) })
    gathered.addTags(
      pngText(metadata, ["keywords"]).flatMap { $0.split { $0 == "," || $0 == ";" }.map(String.init) })
    return EmbeddedText(captions: gathered.captions, tags: gathered.tags)
  }

  private typealias Tag = EmbeddedMetadata.Tag

  private static func exifText(_ metadata: EmbeddedMetadata, _ tag: UInt16) -> [String] {
    metadata.exif[tag].map { [CaptionText.decoded($0)] } ?? []
  }

  private static func xpText(_ metadata: EmbeddedMetadata, _ tag: UInt16) -> [String] {
    metadata.exif[tag].map { [CaptionText.decodedUTF16($0, isBigEndian: false)] } ?? []
  }

  private static func pngText(_ metadata: EmbeddedMetadata, _ keywords: [String]) -> [String] {
    keywords.flatMap { keyword in
      metadata.pngText.filter { $0.keyword.lowercased() == keyword }.map { CaptionText.decoded($0.text) }
    }
  }

  /// UserComment: eight bytes that name the encoding, then text (Exif 3.0, 4.6.6.2.17).
  private static func userComment(_ metadata: EmbeddedMetadata) -> [String] {
    guard let value = metadata.exif[Tag.userComment], value.count > 8 else { return [] }
    let text = value.dropFirst(8)
    switch Array(value.prefix(8)) {
    case Array("UNICODE\0".utf8):
      let isBigEndian = metadata.exifIsBigEndian ?? looksBigEndian(text)
      return [CaptionText.decodedUTF16(text, isBigEndian: isBigEndian)]
    case Array("JIS\0\0\0\0\0".utf8):
      // ISO-2022-JP: shifts by ESC. Plain ASCII reads as it is; the rest we cannot read.
      return text.contains(0x1B) || text.contains(where: { $0 >= 0x80 }) ? [] : [CaptionText.decoded(text)]
    case Array("ASCII\0\0\0".utf8), [UInt8](repeating: 0, count: 8), [UInt8](repeating: 0x20, count: 8):
      return [CaptionText.decoded(text.drop { $0 == 0 })]
    // Not to the standard: no prefix at all.
    default: return [CaptionText.decoded(value)]
    }
  }

  /// Guesses the byte order of UTF-16: Latin letters and blanks have their zero byte first when it is
  /// big-endian.
  private static func looksBigEndian(_ text: ArraySlice<UInt8>) -> Bool {
    var balance = 0
    for (offset, byte) in text.enumerated() where byte == 0 { balance += offset % 2 == 0 ? 1 : -1 }
    return balance > 0
  }

  /// Gathers texts, each once, within the limits.
  private struct Gatherer {
    let limits: CaptionLimits
    var captions: [EmbeddedCaption] = []
    var tags: [String] = []

    /// A text at least this long that another one starts with is that one, cut.
    private static let shortestCut = 32

    init(limits: CaptionLimits) { self.limits = limits }

    mutating func add(_ texts: [String], _ source: EmbeddedCaption.Source) {
      for text in texts {
        guard captions.count < EmbeddedText.limit, let clean = CaptionText.cleaned(text) else { continue }
        let caption = CaptionText.cut(clean, toBytes: limits.captionBytes)
        let isRepeated = captions.contains { earlier in
          earlier.text.utf8.elementsEqual(caption.utf8)
            || (caption.utf8.count >= Self.shortestCut && earlier.text.utf8.starts(with: caption.utf8))
        }
        if isRepeated { continue }
        captions.append(
          EmbeddedCaption(text: caption, source: source, isBoilerplate: Boilerplate.isBoilerplate(caption)))
      }
    }

    mutating func addTags(_ texts: [String]) {
      for text in texts {
        guard tags.count < EmbeddedText.limit, let clean = CaptionText.cleaned(text) else { continue }
        let tag = CaptionText.cut(clean, toBytes: 256)
        if !tags.contains(where: { $0.utf8.elementsEqual(tag.utf8) }) { tags.append(tag) }
      }
    }
  }
}
