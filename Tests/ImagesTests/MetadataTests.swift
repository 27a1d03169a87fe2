// SPDX-License-Identifier: Apache-2.0
import Images
import TestSupport
import Testing

@Suite struct `Metadata` {
  private static let xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>caption</x:xmpmeta>"

  @Test(arguments: ["metadata.jpg", "metadata.png", "metadata.webp"])
  func `hold the EXIF tags and the XMP packet of every format`(name: String) throws {
    let metadata = try ImageDecoder.metadata(PixelGoldens.bytes(name))
    let texts = metadata.exif.mapValues { String(decoding: $0, as: UTF8.self) }
    #expect(texts[EXIFTag.imageDescription] == "A dog on a beach\0")
    #expect(texts[EXIFTag.make] == "Duet\0")
    #expect(texts[EXIFTag.model] == "Camera 1\0")
    #expect(texts[EXIFTag.dateTimeOriginal] == "2024:05:06 07:08:09\0")
    #expect(texts[EXIFTag.userComment] == "ASCII\0\0\0a comment")
    let title: [UInt8] = [0x54, 0, 0xED, 0, 0x74, 0, 0x6C, 0, 0x65, 0, 0, 0]
    #expect(metadata.exif[EXIFTag.xpTitle] == title)
    #expect(metadata.exif[EXIFTag.xpKeywords]?.count == 20)
    #expect(metadata.orientation == .rotate90Clockwise)
    #expect(metadata.xmp.map { String(decoding: $0, as: UTF8.self) } == Self.xmp)
  }

  @Test func `hold the IPTC block that is spread over two segments`() throws {
    let metadata = try ImageDecoder.metadata(PixelGoldens.bytes("metadata.jpg"))
    let caption = "Ein Hund am Strand, Norderney"
    #expect(metadata.iptc == [0x1C, 2, 120, 0, UInt8(caption.utf8.count)] + [UInt8](caption.utf8))
  }

  @Test func `hold the texts of a PNG`() throws {
    let texts = try ImageDecoder.metadata(PixelGoldens.bytes("metadata.png")).pngText
    #expect(texts.map(\.keyword) == ["Title", "Description", "Comment"])
    #expect(texts.map(\.encoding) == [.latin1, .latin1, .utf8])
    #expect(texts[0].bytes == [0x43, 0x61, 0x66, 0xE9])
    #expect(texts[1].bytes == [UInt8](String(repeating: "A long description. ", count: 20).utf8))
    #expect(texts[2].bytes == [UInt8]("日本語".utf8))
  }

  @Test func `leave out texts that inflate without end`() throws {
    #expect(try ImageDecoder.metadata(PixelGoldens.bytes("hostile-chunks.png")).pngText.isEmpty)
  }

  /// A JPEG header whose EXIF is the given TIFF structure.
  private func jpeg(tiff: [UInt8]) -> [UInt8] {
    let exif = [UInt8]("Exif\0\0".utf8) + tiff
    let size = exif.count + 2
    return [0xFF, 0xD8, 0xFF, 0xE1, UInt8(size >> 8), UInt8(size & 0xFF)] + exif
      + [0xFF, 0xC0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 2]
  }

  @Test func `are read once from directories that point to themselves`() throws {
    // One entry: the Exif directory is this directory; then "next directory": this one again.
    let loop: [UInt8] = [
      0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8,
    ]
    let metadata = try ImageDecoder.metadata(jpeg(tiff: loop))
    #expect(metadata.exif.isEmpty && metadata.exifIsBigEndian)
  }

  @Test(arguments: [
    // count, offset of an ImageDescription in 26 bytes of TIFF
    (UInt32(5), UInt32(1000)), (5, .max), (.max, 8), (0x4000_0000, 8), (27, 0), (26, 1), (65537, 0),
  ])
  func `leave out values that lie outside`(count: UInt32, offset: UInt32) throws {
    func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    let tiff: [UInt8] =
      [0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 0x01, 0x0E, 0, 2] + big(count) + big(offset) + [0, 0, 0, 0]
    #expect(try ImageDecoder.metadata(jpeg(tiff: tiff)).exif.isEmpty)
    // The same entry with a value that lies inside is read.
    let good = [UInt8](tiff[..<14]) + big(6) + big(2) + [0, 0, 0, 0]
    #expect(
      try ImageDecoder.metadata(jpeg(tiff: good)).exif[EXIFTag.imageDescription] == [0, 0x2A, 0, 0, 0, 8])
  }
}
