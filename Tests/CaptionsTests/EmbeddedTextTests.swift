// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Captions

@Suite("Embedded text")
struct EmbeddedTextTests {
  private typealias Tag = EmbeddedMetadata.Tag

  private func texts(_ metadata: EmbeddedMetadata) -> [String] {
    EmbeddedText.extract(metadata).captions.map(\.text)
  }

  private func utf16(_ text: String, bigEndian: Bool = false) -> [UInt8] {
    text.utf16.flatMap { unit in
      let (high, low) = (UInt8(unit >> 8), UInt8(unit & 0xFF))
      return bigEndian ? [high, low] : [low, high]
    }
  }

  private func dataset(_ record: UInt8, _ number: UInt8, _ value: [UInt8]) -> [UInt8] {
    [0x1C, record, number, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
  }

  private func resources(_ iim: [UInt8]) -> [UInt8] {
    func block(_ id: UInt8, _ name: String, _ data: [UInt8]) -> [UInt8] {
      var bytes = Array("8BIM".utf8) + [0x04, id, UInt8(name.utf8.count)] + Array(name.utf8)
      if name.utf8.count % 2 == 0 { bytes.append(0) }
      bytes += [0, 0, UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
      return data.count % 2 == 0 ? bytes : bytes + [0]
    }
    return Array("Photoshop 3.0\0".utf8) + block(0x25, "odd", [1, 2, 3]) + block(0x04, "", iim)
      + block(0x06, "ab", [])
  }

  @Test("EXIF descriptions and comments in all their encodings")
  func exif() {
    #expect(texts(.init(exif: [Tag.imageDescription: Array("A dog \0\0junk".utf8)])) == ["A dog"])
    #expect(texts(.init(exif: [Tag.imageDescription: [0x43, 0x61, 0x66, 0xE9, 0x20, 0x80]])) == ["Café €"])
    #expect(texts(.init(exif: [Tag.imageDescription: Array("中文".utf8)])) == ["中文"])
    let ascii = Array("ASCII\0\0\0a comment\0".utf8)
    #expect(texts(.init(exif: [Tag.userComment: ascii])) == ["a comment"])
    let wide = Array("UNICODE\0".utf8)
    #expect(
      texts(.init(exif: [Tag.userComment: wide + utf16("Hund é", bigEndian: true)], exifIsBigEndian: true))
        == ["Hund é"])
    #expect(texts(.init(exif: [Tag.userComment: wide + utf16("guessed", bigEndian: true)])) == ["guessed"])
    #expect(texts(.init(exif: [Tag.userComment: wide + utf16("guessed")])) == ["guessed"])
    #expect(texts(.init(exif: [Tag.userComment: [UInt8](repeating: 0, count: 300)])) == [])
    #expect(texts(.init(exif: [Tag.userComment: Array("JIS\0\0\0\0\0".utf8) + [0x1B, 0x24, 0x42]])) == [])
    #expect(texts(.init(exif: [Tag.userComment: [1, 2]])) == [])
  }

  @Test("Windows' tags are UTF-16, keywords split at semicolons")
  func windows() {
    let metadata = EmbeddedMetadata(exif: [
      Tag.xpTitle: utf16("Title\0"), Tag.xpComment: utf16("Comment 😀"), Tag.xpSubject: utf16("Subject"),
      Tag.xpKeywords: utf16("dog; cat;;dog\0"),
    ])
    let text = EmbeddedText.extract(metadata)
    #expect(text.captions.map(\.text) == ["Comment 😀", "Title", "Subject"])
    #expect(text.tags == ["dog", "cat"])
  }

  @Test("IPTC is read bare and in Photoshop's resources", arguments: [false, true])
  func iptc(wrapped: Bool) {
    let iim =
      dataset(1, 90, [0x1B, 0x25, 0x47]) + dataset(2, 5, Array("Title".utf8))
      + dataset(2, 25, Array("dog".utf8))
      + dataset(2, 25, Array("雪".utf8)) + dataset(2, 120, Array("A dog é".utf8))
      + dataset(2, 105, [0x47, 0xFC, 0x6E])
    let text = EmbeddedText.extract(.init(iptc: wrapped ? resources(iim) : iim))
    #expect(text.captions.map(\.text) == ["A dog é", "Title", "Gün"])
    #expect(text.captions.allSatisfy { $0.source == .iptc })
    #expect(text.tags == ["dog", "雪"])
  }

  @Test("IPTC's extended lengths are read, and lies about them not believed")
  func extendedLengths() {
    #expect(texts(.init(iptc: [0x1C, 2, 120, 0x80, 0x04, 0, 0, 0, 3, 0x61, 0x62, 0x63])) == ["abc"])
    #expect(texts(.init(iptc: [0x1C, 2, 120, 0x80, 0x04, 0xFF, 0xFF, 0xFF, 0xFF, 0x61])) == [])
    #expect(texts(.init(iptc: [0x1C, 2, 120, 0xFF, 0xFF, 0x61])) == [])
  }

  @Test("XMP packets: languages, bags, entities, CDATA, comments, attributes")
  func xmp() throws {
    let text = EmbeddedText.extract(.init(xmp: try Fixture.bytes("Captions/lightroom.xmp")))
    #expect(
      text.captions.map(\.text) == ["A dog ❄ in snow", "Ein Hund <im Schnee>", "Rex & co", "News & views"])
    #expect(text.tags == ["dog", "雪"])
  }

  @Test("XMP with other prefixes and as attributes; no entity of the document's own is expanded")
  func otherXMP() throws {
    let text = EmbeddedText.extract(.init(xmp: try Fixture.bytes("Captions/digikam.xmp")))
    #expect(text.captions.map(\.text) == ["&b; plain", "Alt text", "Plain title"])
  }

  @Test("XMP in UTF-16, and in a PNG's text")
  func xmpPlaces() throws {
    let packet = "<d:a xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>中</dc:title></d:a>"
    #expect(texts(.init(xmp: [0xFE, 0xFF] + utf16(packet, bigEndian: true))) == ["中"])
    #expect(texts(.init(pngText: [.init(keyword: "XML:com.adobe.xmp", text: Array(packet.utf8))])) == ["中"])
  }

  @Test("PNG texts by keyword; generator settings are not captions")
  func png() {
    let metadata = EmbeddedMetadata(pngText: [
      .init(keyword: "Title", text: Array("T".utf8)),
      .init(keyword: "Comment", text: Array("Created with GIMP".utf8)),
      .init(keyword: "Description", text: [0x44, 0xE9]),
      .init(keyword: "parameters", text: Array("Steps: 3".utf8)),
      .init(keyword: "Software", text: Array("x".utf8)), .init(keyword: "Keywords", text: Array("a, b".utf8)),
    ])
    let text = EmbeddedText.extract(metadata)
    #expect(text.captions.map(\.text) == ["Dé", "Created with GIMP", "T"])
    #expect(text.captions.map(\.isBoilerplate) == [false, true, false])
    #expect(text.tags == ["a", "b"])
  }

  @Test("Repetitions and cut repetitions fall away")
  func repetitions() {
    let long = "A description that is rather longer than sixty-four bytes, as many are"
    let metadata = EmbeddedMetadata(
      exif: [Tag.imageDescription: Array((long + "  ").utf8)],
      iptc: dataset(2, 5, Array(long.utf8.prefix(64))) + dataset(2, 120, Array(long.utf8)))
    #expect(texts(metadata) == [long])
  }

  @Test(
    "What cameras and programs write of their own accord",
    arguments: [
      ("OLYMPUS DIGITAL CAMERA", true), ("SONY DSC", true), ("DCIM", true), ("SAMSUNG CAMERA PICTURES", true),
      ("Created with GIMP", true), ("File written by Adobe Photoshop® 4.0", true), ("20190102_123456", true),
      ("DSC_0001.JPG", true), ("IMG-20240101-WA0003", true), ("---", true), ("cof", true),
      ("masterpiece Steps: 20, Sampler: Euler a", true), ("A dog on a beach", false), ("狗", false),
      ("❤️", false),
      ("Olympus digital camera on a table", false), ("Paris 2019", false), ("dog", false),
    ])
  func boilerplate(text: String, expected: Bool) { #expect(Boilerplate.isBoilerplate(text) == expected) }

  @Test("Every cut and many changes of every piece are read without harm", arguments: 0..<4)
  func hostile(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let iim = resources(dataset(2, 120, Array("A dog".utf8)) + dataset(2, 25, Array("tag".utf8)))
    let pieces = [
      try Fixture.bytes("Captions/lightroom.xmp"), try Fixture.bytes("Captions/digikam.xmp"), iim,
      Array("UNICODE\0".utf8) + utf16("text"),
    ]
    let piece = pieces[Int(seed)]
    let special = Array("<>&;\"'/=!-[]?: ".utf8) + [0, 0xFF, 0x1C, 0x80]
    for round in 0..<piece.count + 500 {
      var bytes = round < piece.count ? Array(piece.prefix(round)) : piece
      if round >= piece.count {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = special.randomElement(using: &random) ?? 0
      }
      let text = EmbeddedText.extract(
        .init(exif: [Tag.userComment: bytes, Tag.xpComment: bytes], iptc: bytes, xmp: bytes, pngText: []))
      #expect(text.captions.allSatisfy { CaptionText.cleaned($0.text) == $0.text })
    }
  }

  @Test(
    "Floods of tags, depth and half-open marks end in time",
    arguments: [
      "<a>", "<dc:title>", "<!--", "<![CDATA[", "<a b='", "&", "&#x10FFFF;", "<dc:title a='1' ", "</a>", "<?",
      "<!--->",
    ])
  func floods(piece: String) {
    let packet = "<x>" + String(repeating: piece, count: 20_000)
    let start = ContinuousClock.now
    _ = EmbeddedText.extract(.init(xmp: Array(packet.utf8)))
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
