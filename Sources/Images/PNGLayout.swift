// SPDX-License-Identifier: Apache-2.0

/// Where things are in a PNG file (W3C PNG, third edition), found without inflating anything.
struct PNGLayout {
  var width = 0
  var height = 0
  var bitDepth = 0
  var colorType = 0
  /// Whether there is an alpha channel or a transparent colour.
  var hasAlpha = false
  /// The TIFF structure of an eXIf chunk.
  var exif: Range<Int>?
  /// The data of text chunks, in file order.
  var texts: [(kind: TextKind, range: Range<Int>)] = []

  enum TextKind {
    case plain, compressed, international
  }

  /// More text chunks than this are not looked at.
  static let maxTexts = 256

  init(_ bytes: RawSpan) throws(ImageError) {
    guard bytes.byteCount >= 33 else {
      throw ImageError(.truncated, format: .png, "the file ends inside the header")
    }
    guard bytes.bigEndian32(at: 8) == 13, bytes.hasText("IHDR", at: 12),
      let width = bytes.bigEndian32(at: 16), let height = bytes.bigEndian32(at: 20),
      let bitDepth = bytes.byte(at: 24), let colorType = bytes.byte(at: 25)
    else { throw ImageError(.damaged, format: .png, "the file does not start with a header") }
    guard width > 0, height > 0, width < 1 << 31, height < 1 << 31 else {
      throw ImageError(.damaged, format: .png, "the header says \(width) × \(height) pixels")
    }
    self.width = Int(width)
    self.height = Int(height)
    self.bitDepth = Int(bitDepth)
    self.colorType = Int(colorType)
    hasAlpha = colorType & 4 != 0
    walk(bytes)
  }

  /// The fewest bits that a pixel takes before compression.
  var bitsPerPixel: Int {
    let channels =
      switch colorType {
      case 2: 3
      case 4: 2
      case 6: 4
      default: 1
      }
    return channels * bitDepth
  }

  /// Notes the chunks of interest; stops quietly at the first that is not whole.
  private mutating func walk(_ bytes: RawSpan) {
    var offset = 33
    while let size = bytes.bigEndian32(at: offset), Int(size) <= bytes.byteCount - offset - 12 {
      let data = offset + 8..<offset + 8 + Int(size)
      let kind: TextKind? =
        if bytes.hasText("tEXt", at: offset + 4) {
          .plain
        } else if bytes.hasText("zTXt", at: offset + 4) {
          .compressed
        } else if bytes.hasText("iTXt", at: offset + 4) {
          .international
        } else { nil }
      if let kind, texts.count < Self.maxTexts { texts.append((kind, data)) }
      if bytes.hasText("eXIf", at: offset + 4) { exif = exif ?? data }
      if bytes.hasText("tRNS", at: offset + 4) { hasAlpha = true }
      if bytes.hasText("IEND", at: offset + 4) { return }
      offset = data.upperBound + 4
    }
  }
}
