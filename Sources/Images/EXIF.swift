// SPDX-License-Identifier: Apache-2.0

/// A bounded reader of the TIFF structure that holds EXIF tags (TIFF 6.0, CIPA DC-008).
///
/// It reads the first directory and the Exif directory that it points to, once each: no chains are followed,
/// so that no file can send it in circles.
struct EXIF {
  /// The raw values of the tags in ``EXIFTag/wanted``.
  private(set) var values: [UInt16: [UInt8]] = [:]
  private(set) var isBigEndian = false
  private(set) var orientation: Orientation = .upright

  /// Values longer than this are left out.
  static let maxValueBytes = 1 << 16

  /// Reads what is readable of the TIFF structure in `range`; damage only means fewer tags.
  init(_ bytes: RawSpan, _ range: Range<Int>) {
    let tiff = bytes.extracting(range.clamped(to: 0..<bytes.byteCount))
    if tiff.hasBytes([0x4D, 0x4D, 0, 0x2A], at: 0) {
      isBigEndian = true
    } else if !tiff.hasBytes([0x49, 0x49, 0x2A, 0], at: 0) {
      return
    }
    guard let first = number(tiff, at: 4, count: 4) else { return }
    let exif = readDirectory(tiff, at: Int(first))
    if let exif, exif != Int(first) { _ = readDirectory(tiff, at: exif) }
  }

  private func number(_ tiff: RawSpan, at offset: Int, count: Int) -> UInt32? {
    isBigEndian ? tiff.bigEndian(at: offset, count: count) : tiff.littleEndian(at: offset, count: count)
  }

  /// Takes the wanted tags of one directory; answers where the Exif directory is, if the directory says so.
  private mutating func readDirectory(_ tiff: RawSpan, at offset: Int) -> Int? {
    guard let count = number(tiff, at: offset, count: 2) else { return nil }
    var exif: Int?
    for index in 0..<Int(count) {
      let entry = offset + 2 + 12 * index
      guard let tag = number(tiff, at: entry, count: 2), let type = number(tiff, at: entry + 2, count: 2),
        let valueCount = number(tiff, at: entry + 4, count: 4)
      else { break }
      switch UInt16(tag) {
      case EXIFTag.exifDirectory where valueCount == 1:
        exif = number(tiff, at: entry + 8, count: 4).map { Int($0) }
      case EXIFTag.orientation where valueCount == 1:
        let value = number(tiff, at: entry + 8, count: type == 3 ? 2 : 4) ?? 1
        orientation = Orientation(rawValue: UInt8(truncatingIfNeeded: min(value, 255))) ?? .upright
      case let tag where EXIFTag.wanted.contains(tag) && values[tag] == nil:
        values[tag] = value(tiff, entry: entry, type: Int(type), count: Int(valueCount))
      default: break
      }
    }
    return exif
  }

  /// The bytes of an entry's value, which lie in the entry if they are four or fewer.
  private func value(_ tiff: RawSpan, entry: Int, type: Int, count: Int) -> [UInt8]? {
    let widths = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]
    guard widths.indices.contains(type), widths[type] > 0, count <= Self.maxValueBytes / widths[type] else {
      return nil
    }
    let size = count * widths[type]
    var start = entry + 8
    if size > 4 {
      guard let offset = number(tiff, at: entry + 8, count: 4) else { return nil }
      start = Int(offset)
    }
    guard start <= tiff.byteCount - size else { return nil }
    return tiff.copy(start..<start + size)
  }
}

/// The EXIF tags that Duet knows.
package enum EXIFTag {
  package static let imageDescription: UInt16 = 0x010E
  package static let make: UInt16 = 0x010F
  package static let model: UInt16 = 0x0110
  package static let orientation: UInt16 = 0x0112
  package static let dateTime: UInt16 = 0x0132
  package static let exifDirectory: UInt16 = 0x8769
  package static let dateTimeOriginal: UInt16 = 0x9003
  package static let offsetTimeOriginal: UInt16 = 0x9011
  package static let userComment: UInt16 = 0x9286
  package static let xpTitle: UInt16 = 0x9C9B
  package static let xpComment: UInt16 = 0x9C9C
  package static let xpAuthor: UInt16 = 0x9C9D
  package static let xpKeywords: UInt16 = 0x9C9E
  package static let xpSubject: UInt16 = 0x9C9F

  /// The tags handed out by ``ImageDecoder/metadata(_:)-(RawSpan)``.
  package static let wanted: Set<UInt16> = [
    imageDescription, make, model, dateTime, dateTimeOriginal, offsetTimeOriginal, userComment,
    xpTitle, xpComment, xpAuthor, xpKeywords, xpSubject,
  ]
}
