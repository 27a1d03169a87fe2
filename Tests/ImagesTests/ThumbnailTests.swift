// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Images

@Suite struct `Encoding WebP` {
  /// A picture without sharp edges and of one hue: a lossy codec should hardly change it. (It keeps one colour for four
  /// pixels.)
  private func gradient(_ width: Int, _ height: Int) -> Image {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let value = UInt8((x * 200 / width + y * 55 / height))
        pixels += [value, value, value]
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  @Test(arguments: [(1, 1), (2, 3), (64, 48), (301, 7), (16_383, 1)])
  func `gives nearly the same picture back`(width: Int, height: Int) throws {
    let image = gradient(width, height)
    let file = try image.webp(quality: 90)
    #expect(ImageFormat.detect(file) == .webp)
    let decoded = try ImageDecoder.decode(file)
    #expect(decoded.width == width && decoded.height == height)
    #expect(PixelGoldens.meanDifference(decoded, image) < 4)
  }

  @Test func `takes more bytes for more quality, and is the same every time`() async throws {
    let image = try ImageDecoder.decode(PixelGoldens.bytes("photo.jpg"))
    let sizes = try [-5, 0, 50, 100, 500].map { try image.webp(quality: $0).count }
    #expect(sizes[0] == sizes[1] && sizes[1] < sizes[2] && sizes[2] < sizes[3] && sizes[3] == sizes[4])
    let once = try image.webp(quality: 80)
    await withTaskGroup { group in
      for _ in 0..<4 { group.addTask { (try? image.webp(quality: 80)) == once } }
      for await isSame in group { #expect(isSame) }
    }
  }

  @Test(arguments: [(16_384, 1), (1, 16_384)])
  func `refuses sides that the format has no numbers for`(width: Int, height: Int) {
    let image = Image(width: width, height: height, pixels: [UInt8](repeating: 0, count: 3 * width * height))
    let error = #expect(throws: ImageError.self) { try image.webp(quality: 80) }
    #expect(error?.code == .tooLarge && error?.message.contains("16383") == true)
  }
}

@Suite struct `A thumbnail` {
  private func thumbnail(_ bytes: [UInt8], _ size: Int) throws -> Image {
    try ImageDecoder.decode(Thumbnail.webp(of: bytes, size: size))
  }

  @Test(arguments: [
    (640, 480, 256, 256, 192), (480, 640, 256, 192, 256), (640, 480, 640, 640, 480),
    (640, 480, 641, 640, 480),
    (1, 5000, 256, 1, 256), (5000, 1, 256, 256, 1), (3, 2, 1, 1, 1), (200, 199, 100, 100, 100),
    (100_000, 2000, 16_383, 16_383, 328),
  ])
  func `fits its square, keeps its shape and is never enlarged`(
    width: Int, height: Int, size: Int, newWidth: Int, newHeight: Int
  ) {
    let fitted = Thumbnail.dimensions(width, height, size: size)
    #expect(fitted == (newWidth, newHeight))
  }

  @Test(arguments: [48, 100, 256, 641, 2000])
  func `of a photograph is the photograph, smaller`(size: Int) throws {
    let bytes = try PixelGoldens.bytes("photo.jpg")  // 641 × 479
    let small = try thumbnail(bytes, size)
    #expect(max(small.width, small.height) == min(size, 641))
    let full = try ImageDecoder.decode(bytes).resized(width: small.width, height: small.height)
    #expect(PixelGoldens.meanDifference(small, full) < 6)
  }

  @Test func `of a strip of one column has one column`() throws {
    // 1 × 5000 pixels, grey, as a stored WebP of our own making.
    let strip = Image(width: 1, height: 5000, pixels: [UInt8](repeating: 90, count: 15_000))
    let small = try thumbnail(try strip.webp(quality: 100), 256)
    #expect(small.width == 1 && small.height == 256)
    #expect(small.pixels.allSatisfy { abs(Int($0) - 90) < 4 })
  }

  @Test(arguments: PixelGoldens.names(".upright.ppm"))
  func `is upright`(name: String) throws {
    let golden = try PixelGoldens.ppm(name + ".upright.ppm")
    let small = try thumbnail(try PixelGoldens.bytes(name), 64)
    #expect(try small == ImageDecoder.decode(golden.webp(quality: Thumbnail.quality)))
  }

  @Test(arguments: PixelGoldens.names(".white.ppm"))
  func `has white where the picture is transparent`(name: String) throws {
    let golden = try PixelGoldens.ppm(name + ".white.ppm")
    let small = try thumbnail(try PixelGoldens.bytes(name), 300)
    #expect(try small == ImageDecoder.decode(golden.webp(quality: Thumbnail.quality)))
  }

  @Test(arguments: ["grey8.png", "grey.jpg", "grey16.png"])
  func `of a grey picture is grey`(name: String) throws {
    let small = try thumbnail(try PixelGoldens.bytes(name), 300)
    for pixel in stride(from: 0, to: small.pixels.count, by: 3) {
      let channels = small.pixels[pixel..<pixel + 3].map { Int($0) }
      #expect((channels.max() ?? 0) - (channels.min() ?? 0) <= 2)
    }
  }

  @Test func `of what is no picture, or half of one, is an error`() throws {
    let photo = try PixelGoldens.bytes("photo.jpg")
    for (bytes, code) in [
      ([], ImageError.Code.empty), (Array("text".utf8), .unrecognized),
      (Array(photo.prefix(5000)), .truncated),
      (try PixelGoldens.bytes("hostile-dimensions.png"), .tooLarge), (Array("GIF89a…".utf8), .unsupported),
    ] {
      let error = #expect(throws: ImageError.self) { try Thumbnail.webp(of: bytes, size: 256) }
      #expect(error?.code == code)
    }
  }

  @Test func `is the same file every time`() throws {
    for name in ["photo.jpg", "rgba8.png", "lossy-alpha.webp"] {
      let bytes = try PixelGoldens.bytes(name)
      #expect(try Thumbnail.webp(of: bytes, size: 200) == Thumbnail.webp(of: bytes, size: 200))
    }
  }
}
