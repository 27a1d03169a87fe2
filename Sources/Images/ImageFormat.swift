// SPDX-License-Identifier: Apache-2.0

/// A file format of still pictures, told by its first bytes. File names play no part.
package enum ImageFormat: String, Sendable, CaseIterable {
  case png, jpeg, webp
  // Recognised, so that a skip can name them; not decoded yet.
  case heic, avif, gif, tiff, bmp

  /// Whether ``ImageDecoder`` reads it.
  package var isSupported: Bool {
    switch self {
    case .png, .jpeg, .webp: true
    case .heic, .avif, .gif, .tiff, .bmp: false
    }
  }

  /// The name to show.
  package var name: String {
    switch self {
    case .webp: "WebP"
    default: rawValue.uppercased()
    }
  }

  /// The number of leading bytes that ``detect(_:)-(RawSpan)`` looks at, at most.
  package static let magicLength = 64

  /// The format of a file with these first bytes, or nil.
  package static func detect(_ bytes: RawSpan) -> ImageFormat? {
    if bytes.hasBytes([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], at: 0) { return .png }
    if bytes.hasBytes([0xFF, 0xD8, 0xFF], at: 0) { return .jpeg }
    if bytes.hasText("RIFF", at: 0), bytes.hasText("WEBP", at: 8) { return .webp }
    if bytes.hasText("GIF87a", at: 0) || bytes.hasText("GIF89a", at: 0) { return .gif }
    if bytes.hasBytes([0x49, 0x49, 0x2A, 0], at: 0) || bytes.hasBytes([0x4D, 0x4D, 0, 0x2A], at: 0)
      || bytes.hasBytes([0x49, 0x49, 0x2B, 0], at: 0) || bytes.hasBytes([0x4D, 0x4D, 0, 0x2B], at: 0)
    {
      return .tiff
    }
    // "BM" alone would match text: the reserved fields are zero and the info header has a known length.
    if bytes.hasText("BM", at: 0), bytes.littleEndian32(at: 6) == 0,
      let header = bytes.littleEndian32(at: 14), [12, 40, 52, 56, 64, 108, 124].contains(header)
    {
      return .bmp
    }
    return detectISOMedia(bytes)
  }

  /// The format of a file with these first bytes, or nil.
  package static func detect(_ bytes: [UInt8]) -> ImageFormat? { detect(bytes.span.bytes) }

  /// HEIC and AVIF are ISO base media files (ISO 14496-12): the first box names brands.
  private static func detectISOMedia(_ bytes: RawSpan) -> ImageFormat? {
    guard bytes.hasText("ftyp", at: 4), let size = bytes.bigEndian32(at: 0) else { return nil }
    let end = min(Int(size), bytes.byteCount, magicLength)
    // Major brand at 8, its version at 12, compatible brands from 16 on.
    var offset = 8
    while offset + 4 <= end {
      if bytes.hasText("avif", at: offset) || bytes.hasText("avis", at: offset) { return .avif }
      let heicBrands: [StaticString] = ["heic", "heix", "hevc", "hevx", "heim", "heis"]
      if heicBrands.contains(where: { bytes.hasText($0, at: offset) }) { return .heic }
      offset += offset == 8 ? 8 : 4
    }
    return bytes.hasText("mif1", at: 8) || bytes.hasText("msf1", at: 8) ? .heic : nil
  }
}
