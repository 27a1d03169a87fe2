// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// What a file says about its picture, as raw bytes: what they mean is for Captions to say.
package struct ImageMetadata: Sendable, Equatable {
  /// A text chunk of a PNG.
  package struct Text: Sendable, Equatable {
    package enum Encoding: Sendable { case latin1, utf8 }
    /// 1 to 79 bytes of Latin-1.
    package var keyword: String
    package var bytes: [UInt8]
    package var encoding: Encoding
  }

  /// Values of the tags in ``EXIFTag/wanted``, as stored.
  package var exif: [UInt16: [UInt8]] = [:]
  /// The byte order of numbers (and of Unicode UserComments) in ``exif``.
  package var exifIsBigEndian = false
  /// IPTC-IIM records (Photoshop resource 0x0404).
  package var iptc: [UInt8]?
  /// An XMP packet.
  package var xmp: [UInt8]?
  /// The text chunks of a PNG, without the XMP packet.
  package var pngText: [Text] = []
  package var orientation: Orientation = .upright

  package init() {}

  /// Larger packets and inflated texts are left out.
  static let maxPacketBytes = 1 << 20
  static let maxTextBytes = 1 << 16
}

extension ImageMetadata {
  /// Takes the tags of a TIFF structure.
  mutating func takeEXIF(_ bytes: RawSpan, _ range: Range<Int>?) {
    guard let range else { return }
    let read = EXIF(bytes, range)
    exif = read.values
    exifIsBigEndian = read.isBigEndian
    orientation = read.orientation
  }

  /// Takes an XMP packet of reasonable size.
  mutating func takeXMP(_ bytes: RawSpan, _ range: Range<Int>?) {
    guard let range, range.count <= Self.maxPacketBytes else { return }
    xmp = bytes.copy(range)
  }

  /// Finds the IPTC resource in the parts of a Photoshop block (Adobe Photoshop File Formats, "Image Resource
  /// Blocks").
  mutating func takePhotoshop(_ bytes: RawSpan, _ parts: [Range<Int>]) {
    guard parts.reduce(0, { $0 + $1.count }) <= Self.maxPacketBytes else { return }
    // Blocks may run across segments.
    let joined = parts.flatMap { bytes.copy($0) }
    let block = joined.span.bytes
    var offset = 0
    while block.hasText("8BIM", at: offset), let id = block.bigEndian16(at: offset + 4),
      let nameLength = block.byte(at: offset + 6)
    {
      // The name and its length byte fill an even number of bytes, so do the data.
      let sizeOffset = offset + 6 + (Int(nameLength) + 2) / 2 * 2
      guard let size = block.bigEndian32(at: sizeOffset) else { return }
      let data = sizeOffset + 4
      guard Int(size) <= block.byteCount - data else { return }
      if id == 0x0404 {
        iptc = block.copy(data..<data + Int(size))
        return
      }
      offset = data + (Int(size) + 1) / 2 * 2
    }
  }

  /// Takes one PNG text chunk, inflated if need be.
  mutating func takePNGText(_ bytes: RawSpan, kind: PNGLayout.TextKind, _ range: Range<Int>) {
    guard let keywordEnd = bytes.firstIndex(of: 0, in: range.prefix(80)), keywordEnd > range.lowerBound else {
      return
    }
    let keyword = String(
      String.UnicodeScalarView(bytes.copy(range.lowerBound..<keywordEnd).map { Unicode.Scalar($0) }))
    var start = keywordEnd + 1
    var isCompressed = kind == .compressed
    if kind == .compressed {
      guard bytes.byte(at: start) == 0 else { return }  // the only method there is
      start += 1
    } else if kind == .international {
      isCompressed = bytes.byte(at: start) == 1
      // Behind flag and method: language tag and translated keyword, each ended by a zero.
      guard let language = bytes.firstIndex(of: 0, in: start + 2..<max(start + 2, range.upperBound)),
        let translated = bytes.firstIndex(of: 0, in: language + 1..<max(language + 1, range.upperBound))
      else { return }
      start = translated + 1
    }
    guard start <= range.upperBound else { return }
    let isXMP = keyword == "XML:com.adobe.xmp"
    let limit = isXMP ? Self.maxPacketBytes : Self.maxTextBytes
    guard let text = Self.text(bytes, start..<range.upperBound, isCompressed: isCompressed, limit: limit)
    else {
      return
    }
    if isXMP {
      xmp = xmp ?? text
    } else {
      let encoding: Text.Encoding = kind == .international ? .utf8 : .latin1
      pngText.append(Text(keyword: keyword, bytes: text, encoding: encoding))
    }
  }

  /// The plain or inflated bytes, or nil if they are damaged or more than `limit`.
  private static func text(
    _ bytes: RawSpan, _ range: Range<Int>, isCompressed: Bool, limit: Int
  ) -> [UInt8]? {
    guard isCompressed else { return range.count <= limit ? bytes.copy(range) : nil }
    var status = DUET_IMAGE_DAMAGED
    let text = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
      bytes.extracting(range).withUnsafeBytes { input in
        status = duet_inflate(
          input.bindMemory(to: UInt8.self).baseAddress, input.count, output.baseAddress, limit, &count)
      }
    }
    return status == DUET_IMAGE_OK ? text : nil
  }
}
