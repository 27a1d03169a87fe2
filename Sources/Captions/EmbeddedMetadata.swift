// SPDX-License-Identifier: Apache-2.0

/// The raw pieces of an image file that may hold text, as its decoder found them: bytes, nothing decoded.
package struct EmbeddedMetadata: Sendable {
  /// A PNG text chunk (tEXt, zTXt inflated, iTXt).
  package struct PNGText: Sendable {
    /// "Title", "Description", …
    package var keyword: String
    /// The text, Latin-1 or UTF-8.
    package var text: [UInt8]
    package init(keyword: String, text: [UInt8]) {
      self.keyword = keyword
      self.text = text
    }
  }

  /// The values of EXIF tags, by tag number.
  package var exif: [UInt16: [UInt8]]
  /// Whether the EXIF block is big-endian ("MM"), which `UserComment` in UTF-16 follows; nil when not known.
  package var exifIsBigEndian: Bool?
  /// IPTC-IIM, bare or in Photoshop's image resources (the body of APP13).
  package var iptc: [UInt8]?
  /// The XMP packet.
  package var xmp: [UInt8]?
  /// In the order of the file.
  package var pngText: [PNGText]

  package init(
    exif: [UInt16: [UInt8]] = [:], exifIsBigEndian: Bool? = nil, iptc: [UInt8]? = nil, xmp: [UInt8]? = nil,
    pngText: [PNGText] = []
  ) {
    self.exif = exif
    self.exifIsBigEndian = exifIsBigEndian
    self.iptc = iptc
    self.xmp = xmp
    self.pngText = pngText
  }

  /// The EXIF tags that hold text for people (Exif 3.0; the XP ones are Windows').
  package enum Tag {
    package static let imageDescription: UInt16 = 0x010E
    package static let userComment: UInt16 = 0x9286
    package static let xpTitle: UInt16 = 0x9C9B
    package static let xpComment: UInt16 = 0x9C9C
    package static let xpKeywords: UInt16 = 0x9C9E
    package static let xpSubject: UInt16 = 0x9C9F
  }
}
