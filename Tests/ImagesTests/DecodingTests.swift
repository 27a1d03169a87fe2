// SPDX-License-Identifier: Apache-2.0
import Images
import TestSupport
import Testing

@Suite struct `Decoding gives the pixels that Pillow gives` {
  @Test(arguments: PixelGoldens.names(".ppm"))
  func `of every odd picture as stored`(name: String) throws {
    let image = try ImageDecoder.decode(PixelGoldens.bytes(name))
    #expect(try PixelGoldens.largestDifference(image, PixelGoldens.ppm(name + ".ppm")) == 0)
  }

  @Test(arguments: PixelGoldens.names(".upright.ppm"))
  func `turned upright`(name: String) throws {
    let bytes = try PixelGoldens.bytes(name)
    var options = DecodeOptions.parity
    options.appliesOrientation = true
    let image = try ImageDecoder.decode(bytes, options: options)
    #expect(try PixelGoldens.largestDifference(image, PixelGoldens.ppm(name + ".upright.ppm")) == 0)
    let info = try ImageDecoder.probe(bytes)
    #expect(info.uprightWidth == image.width && info.uprightHeight == image.height)
    #expect("orientation\(info.orientation.rawValue)" == name.prefix(while: { $0 != "." }))
  }

  @Test(arguments: PixelGoldens.names(".white.ppm"))
  func `laid over white`(name: String) throws {
    let bytes = try PixelGoldens.bytes(name)
    var options = DecodeOptions.parity
    options.alpha = .overWhite
    let image = try ImageDecoder.decode(bytes, options: options)
    #expect(try PixelGoldens.largestDifference(image, PixelGoldens.ppm(name + ".white.ppm")) == 0)
    #expect(try ImageDecoder.probe(bytes).hasAlpha)
  }

  @Test func `and no golden is forgotten`() {
    #expect(PixelGoldens.names(".ppm").count == 76)
    #expect(PixelGoldens.names(".upright.ppm").count == 24)
    #expect(PixelGoldens.names(".white.ppm").count == 13)
  }
}

@Suite struct `A JPEG decoded for a small target` {
  @Test(arguments: [
    // target side, size of the result: at least twice the target on both sides.
    (10, 81, 60), (30, 81, 60), (31, 161, 120), (60, 161, 120), (61, 321, 240), (120, 321, 240),
    (121, 641, 479),
    (500, 641, 479),
  ])
  func `has the least size that suffices, and nearly the same pixels`(
    target: Int, width: Int, height: Int
  ) throws {
    let bytes = try PixelGoldens.bytes("photo.jpg")
    let full = try ImageDecoder.decode(bytes)
    let reduced = try ImageDecoder.decode(
      bytes, options: .library(targetWidth: target, targetHeight: target))
    #expect(reduced.width == width && reduced.height == height)
    // A reconstruction at 1/2, 1/4, 1/8 is close to the mean of 2 × 2, 4 × 4, 8 × 8 pixels.
    let expected = full.resized(width: width, height: height, filter: .bilinear)
    #expect(PixelGoldens.meanDifference(reduced, expected) < 2)
    let side = min(target, 224)
    let seen = reduced.resized(width: side, height: side)
    #expect(PixelGoldens.meanDifference(seen, full.resized(width: side, height: side)) < 2)
  }

  /// At a quarter, 1597 × 393 pixels fill 399.25 × 98.25 of 400 × 99. Stretched over all of them the mean difference is
  /// above 2.7.
  @Test(arguments: Orientation.allCases)
  func `shows everything in its place, whichever way it is turned`(orientation: Orientation) throws {
    var bytes = try Fixture.bytes("Models/awkward.jpg")
    let entry: [UInt8] = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0]
    let at = try #require(bytes.indices.first { bytes[$0...].starts(with: entry) })
    bytes[at + entry.count] = orientation.rawValue
    let full = try ImageDecoder.decode(bytes, options: DecodeOptions(appliesOrientation: true))
    let reduced = try ImageDecoder.decode(bytes, options: .library(targetWidth: 48, targetHeight: 48))
    #expect(max(reduced.width, reduced.height) == 400 && min(reduced.width, reduced.height) == 99)
    #expect(reduced.fullWidth == full.width && reduced.fullHeight == full.height)
    let (width, height) = orientation.swapsSides ? (48, 195) : (195, 48)
    let difference = PixelGoldens.meanDifference(
      reduced.resized(width: width, height: height), full.resized(width: width, height: height))
    #expect(difference < 0.5)
  }

  @Test func `has the least size of the upright picture`() throws {
    let bytes = try PixelGoldens.bytes("orientation6.jpg")  // 16 × 11 as stored
    var options = DecodeOptions(appliesOrientation: true, minimumSize: .init(width: 6, height: 8))
    #expect(try ImageDecoder.decode(bytes, options: options).width == 6)
    options.minimumSize = .init(width: 8, height: 6)
    #expect(try ImageDecoder.decode(bytes, options: options).width == 11)
    options.appliesOrientation = false
    #expect(try ImageDecoder.decode(bytes, options: options).width == 8)
  }
}

@Suite struct `The format of a file` {
  @Test(arguments: PixelGoldens.pictures)
  func `is told by its first bytes`(name: String) throws {
    let expected: ImageFormat = name.hasSuffix("png") ? .png : name.hasSuffix("jpg") ? .jpeg : .webp
    #expect(ImageFormat.detect(try PixelGoldens.bytes(name)) == expected)
  }

  @Test(arguments: [
    ("GIF89a\u{1}\u{0}", ImageFormat.gif), ("II*\u{0}\u{8}\u{0}", .tiff), ("MM\u{0}*", .tiff),
    ("BM0000\u{0}\u{0}\u{0}\u{0}0000\u{28}\u{0}\u{0}\u{0}", .bmp),
    ("\u{0}\u{0}\u{0}\u{18}ftypheic\u{0}\u{0}\u{0}\u{0}mif1heic", .heic),
    ("\u{0}\u{0}\u{0}\u{18}ftypmif1\u{0}\u{0}\u{0}\u{0}mif1heic", .heic),
    ("\u{0}\u{0}\u{0}\u{18}ftypmif1\u{0}\u{0}\u{0}\u{0}avifmif1", .avif),
    ("\u{0}\u{0}\u{0}\u{18}ftypavif\u{0}\u{0}\u{0}\u{0}mif1avif", .avif),
  ])
  func `is recognised even where it is not supported`(text: String, format: ImageFormat) {
    let bytes = [UInt8](text.utf8)
    #expect(ImageFormat.detect(bytes) == format)
    #expect(throws: ImageError(.unsupported, format: format, "this format is not supported yet")) {
      try ImageDecoder.decode(bytes)
    }
  }

  @Test(arguments: [
    "", "B", "BM is no bitmap here, only text", "GIF", "RIFF0000WAVE", "\u{0}\u{0}\u{0}\u{18}ftypisom",
  ])
  func `is unknown for everything else`(text: String) {
    let bytes = [UInt8](text.utf8)
    #expect(ImageFormat.detect(bytes) == nil)
    let error = #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes) }
    #expect(error?.code == (text.isEmpty ? .empty : .unrecognized))
  }
}
