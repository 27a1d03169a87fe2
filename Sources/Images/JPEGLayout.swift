// SPDX-License-Identifier: Apache-2.0

/// Where things are in a JPEG file (ITU T.81), up to its first scan.
struct JPEGLayout {
  var width = 0
  var height = 0
  var components = 0
  /// The TIFF structure of the first Exif APP1 segment.
  var exif: Range<Int>?
  /// The first XMP packet.
  var xmp: Range<Int>?
  /// Parts of Photoshop's resource block, in order.
  var photoshop: [Range<Int>] = []

  init(_ bytes: RawSpan) throws(ImageError) {
    var offset = 2
    while true {
      guard let marker = Self.nextMarker(bytes, &offset) else {
        throw ImageError(.truncated, format: .jpeg, "the file ends before the picture")
      }
      switch marker {
      case 0x01, 0xD0...0xD8: continue  // no length follows
      case 0xD9: throw ImageError(.damaged, format: .jpeg, "the file holds no picture")
      default: break
      }
      guard let size = bytes.bigEndian16(at: offset), size <= bytes.byteCount - offset else {
        throw ImageError(.truncated, format: .jpeg, "the file ends before the picture")
      }
      guard size >= 2 else { throw ImageError(.damaged, format: .jpeg, "a segment has no length") }
      let segment = offset + 2..<offset + size
      offset += size
      if marker == 0xDA { break }
      try note(marker, segment, bytes)
    }
    guard components > 0 else {
      throw ImageError(.damaged, format: .jpeg, "the picture's header is missing")
    }
  }

  /// The marker at or behind `offset`, which then stands behind it. Bytes between segments are passed over,
  /// as libjpeg does.
  private static func nextMarker(_ bytes: RawSpan, _ offset: inout Int) -> UInt8? {
    while let start = bytes.firstIndex(of: 0xFF, in: offset..<max(offset, bytes.byteCount)) {
      offset = start + 1
      while bytes.byte(at: offset) == 0xFF { offset += 1 }
      guard let marker = bytes.byte(at: offset) else { return nil }
      offset += 1
      if marker != 0 { return marker }
    }
    return nil
  }

  private mutating func note(_ marker: UInt8, _ segment: Range<Int>, _ bytes: RawSpan) throws(ImageError) {
    switch marker {
    case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
      guard components == 0 else {
        throw ImageError(.damaged, format: .jpeg, "the file has two headers for one picture")
      }
      guard segment.count >= 6, let height = bytes.bigEndian16(at: segment.lowerBound + 1),
        let width = bytes.bigEndian16(at: segment.lowerBound + 3),
        let components = bytes.byte(at: segment.lowerBound + 5), width > 0, components > 0
      else { throw ImageError(.damaged, format: .jpeg, "the picture's header is damaged") }
      guard height > 0 else {
        throw ImageError(.unsupported, format: .jpeg, "the height is only given behind the picture")
      }
      self.width = width
      self.height = height
      self.components = Int(components)
    case 0xE1 where bytes.hasText("Exif\0\0", at: segment.lowerBound) && segment.count >= 6:
      exif = exif ?? segment.dropFirst(6)
    case 0xE1
    where bytes.hasText("http://ns.adobe.com/xap/1.0/\0", at: segment.lowerBound) && segment.count >= 29:
      xmp = xmp ?? segment.dropFirst(29)
    case 0xED where bytes.hasText("Photoshop 3.0\0", at: segment.lowerBound) && segment.count >= 14:
      photoshop.append(segment.dropFirst(14))
    default: break
    }
  }
}
