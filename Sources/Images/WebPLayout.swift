// SPDX-License-Identifier: Apache-2.0

/// Where things are in a WebP file (RFC 9649).
struct WebPLayout {
  var width = 0
  var height = 0
  var hasAlpha = false
  var isAnimated = false
  /// The first frame of an animation.
  var frame: Frame?
  var exif: Range<Int>?
  var xmp: Range<Int>?
  /// Whether the file is as long as its header says.
  var isComplete = false

  /// A frame's bit stream, which libwebp decodes by itself, and its place on the canvas.
  struct Frame {
    var data: Range<Int>
    var window: PixelWindow
  }

  init(_ bytes: RawSpan) throws(ImageError) {
    guard let size = bytes.littleEndian32(at: 4), bytes.byteCount >= 30 else {
      throw ImageError(.truncated, format: .webp, "the file ends inside the header")
    }
    isComplete = Int(size) <= bytes.byteCount - 8
    let end = min(bytes.byteCount, 8 + Int(size))
    try readHeader(bytes)
    walk(bytes, end: end)
    if isAnimated, frame == nil {
      throw ImageError(isComplete ? .damaged : .truncated, format: .webp, "the animation has no frames")
    }
  }

  /// The dimensions, from whichever of the three kinds of first chunk there is.
  private mutating func readHeader(_ bytes: RawSpan) throws(ImageError) {
    let damaged = ImageError(.damaged, format: .webp, "the header is damaged")
    if bytes.hasText("VP8 ", at: 12) {
      guard bytes.hasBytes([0x9D, 0x01, 0x2A], at: 23), let w = bytes.littleEndian(at: 26, count: 2),
        let h = bytes.littleEndian(at: 28, count: 2)
      else { throw damaged }
      (width, height) = (Int(w & 0x3FFF), Int(h & 0x3FFF))
    } else if bytes.hasText("VP8L", at: 12) {
      guard bytes.byte(at: 20) == 0x2F, let bits = bytes.littleEndian32(at: 21) else { throw damaged }
      (width, height) = (Int(bits & 0x3FFF) + 1, Int(bits >> 14 & 0x3FFF) + 1)
      hasAlpha = bits >> 28 & 1 != 0
    } else if bytes.hasText("VP8X", at: 12) {
      guard let flags = bytes.byte(at: 20), let w = bytes.littleEndian(at: 24, count: 3),
        let h = bytes.littleEndian(at: 27, count: 3)
      else { throw damaged }
      (width, height) = (Int(w) + 1, Int(h) + 1)
      hasAlpha = flags & 0x10 != 0
      isAnimated = flags & 0x02 != 0
    } else {
      throw damaged
    }
    guard width > 0, height > 0 else { throw damaged }
  }

  /// Notes the chunks of interest; stops quietly at the first that is not whole.
  private mutating func walk(_ bytes: RawSpan, end: Int) {
    var offset = 12
    while let size = bytes.littleEndian32(at: offset + 4), offset + 8 <= end, Int(size) <= end - offset - 8 {
      let data = offset + 8..<offset + 8 + Int(size)
      if bytes.hasText("EXIF", at: offset) {
        // Some writers keep the prefix of JPEG segments.
        exif = exif ?? (bytes.hasText("Exif\0\0", at: data.lowerBound) ? data.dropFirst(6) : data)
      } else if bytes.hasText("XMP ", at: offset) {
        xmp = xmp ?? data
      } else if isAnimated, frame == nil, bytes.hasText("ANMF", at: offset) {
        frame = Self.frame(bytes, data)
      }
      offset = data.upperBound + Int(size & 1)
    }
  }

  private static func frame(_ bytes: RawSpan, _ data: Range<Int>) -> Frame? {
    let start = data.lowerBound
    guard data.count > 16, let x = bytes.littleEndian(at: start, count: 3),
      let y = bytes.littleEndian(at: start + 3, count: 3),
      let width = bytes.littleEndian(at: start + 6, count: 3),
      let height = bytes.littleEndian(at: start + 9, count: 3)
    else { return nil }
    return Frame(
      data: data.dropFirst(16),
      window: PixelWindow(left: 2 * Int(x), top: 2 * Int(y), width: Int(width) + 1, height: Int(height) + 1))
  }
}
