// SPDX-License-Identifier: Apache-2.0
import Images
import TestSupport
import Testing

@Suite struct `Hostile and broken pictures` {
  private func failure(_ bytes: [UInt8], _ options: DecodeOptions = .parity) -> ImageError? {
    do throws(ImageError) {
      _ = try ImageDecoder.decode(bytes, options: options)
      return nil
    } catch { return error }
  }

  @Test func `with absurd dimensions are refused by the header`() throws {
    let png = try PixelGoldens.bytes("hostile-dimensions.png")
    #expect(failure(png)?.code == .tooLarge)
    #expect(failure(png)?.description.contains("60000 × 60000") == true)

    var jpeg = try PixelGoldens.bytes("rgb-420.jpg")
    let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
    #expect(failure(jpeg)?.code == .tooLarge)

    var webp = try PixelGoldens.bytes("lossy-alpha.webp")
    webp.replaceSubrange(24..<30, with: [UInt8](repeating: 0xFF, count: 6))
    #expect(failure(webp)?.code == .tooLarge)
  }

  @Test func `that are bombs are refused by what they need`() throws {
    let bomb = try PixelGoldens.bytes("hostile-bomb.png")
    var options = DecodeOptions.parity
    options.limits.maxBytes = 256 << 20
    #expect(failure(bomb, options)?.code == .tooLarge)
    options.limits = ImageLimits(maxPixels: 100_000_000)
    #expect(failure(bomb, options)?.code == .tooLarge)
    options.limits = ImageLimits(maxSide: 10_000)
    #expect(failure(bomb, options)?.code == .tooLarge)
  }

  @Test func `with endless chunks decode without inflating them`() throws {
    let image = try ImageDecoder.decode(PixelGoldens.bytes("hostile-chunks.png"))
    #expect(image.width == 8 && image.height == 8)
  }

  @Test func `that are too short for their pixels are refused before there is memory for them`() throws {
    var png = try PixelGoldens.bytes("hostile-dimensions.png")
    png.replaceSubrange(18..<20, with: [0x10, 0])  // 4096 × 16384: within the limits
    png.replaceSubrange(22..<24, with: [0x40, 0])
    let error = failure(png)
    #expect(error?.code == .truncated)
    #expect(error?.message.contains("cannot hold 4096 × 16384") == true)
  }

  @Test func `with endless scans are given up`() throws {
    let jpeg = try PixelGoldens.bytes("rgb-420-progressive.jpg")
    let scan = try #require(
      jpeg.indices.dropLast().last { jpeg[$0] == 0xFF && (jpeg[$0 + 1] == 0xDA || jpeg[$0 + 1] == 0xC4) })
    let repeated = jpeg[scan..<jpeg.count - 2]
    let bomb = jpeg[..<scan] + (0..<300).flatMap { _ in repeated } + [0xFF, 0xD9]
    let error = failure([UInt8](bomb))
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("scans") == true)
    #expect(failure(jpeg) == nil)
  }

  @Test func `that make libjpeg keep all coefficients are refused by what that needs`() throws {
    var jpeg = try PixelGoldens.bytes("rgb-420-progressive.jpg")
    var options = DecodeOptions.library(targetWidth: 8, targetHeight: 8)
    #expect(failure(jpeg, options) == nil)
    // 4096 × 4096 pixels: 0.8 MB as the result at 1/8, 48 MB as coefficients.
    let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC2 })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x10, 0, 0x10, 0])
    options.limits.maxBytes = 40 << 20
    #expect(failure(jpeg, options)?.code == .tooLarge)
    options.limits.maxBytes = 80 << 20
    #expect(failure(jpeg, options)?.code != .tooLarge)
  }

  /// Well-formed pictures of each kind of coding.
  static let wellFormed = PixelGoldens.names(".ppm").filter { !$0.hasPrefix("orientation") }

  @Test(arguments: wellFormed)
  func `cut anywhere are an error`(name: String) throws {
    let bytes = try PixelGoldens.bytes(name)
    // The last bytes of a WebP may be padding.
    let longest = bytes.count - 2
    for length in Set(stride(from: 1, to: longest, by: max(1, longest / 24)) + [longest]).sorted() {
      let error = failure([UInt8](bytes[..<length]))
      #expect(error != nil, "cut at \(length) of \(bytes.count)")
      // Cut inside the magic bytes it is no picture at all.
      let expected: Set<ImageError.Code> = length < 12 ? [.truncated, .unrecognized] : [.truncated]
      #expect(error.map { expected.contains($0.code) } == true, "cut at \(length): \(error as Any)")
    }
  }

  @Test func `with flipped bytes never crash`() throws {
    var random = SeededRandom(seed: 42)
    // Generous for the pictures, tight enough that no damaged header makes one case slow.
    let limits = ImageLimits(maxPixels: 2_000_000, maxBytes: 32 << 20)
    var rounds = 0
    var failures = 0
    for name in PixelGoldens.pictures where !name.hasPrefix("hostile") && name != "photo.jpg" {
      let original = try PixelGoldens.bytes(name)
      for _ in 0..<40 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          // Half of the flips in the first bytes, where the structure is.
          let end = Bool.random(using: &random) ? bytes.count : min(bytes.count, 64)
          bytes[Int.random(in: 4..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
          bytes.removeLast(Int.random(in: 0..<bytes.count - 4, using: &random))
        }
        let options = DecodeOptions(
          appliesOrientation: true,
          minimumSize: Bool.random(using: &random) ? .init(width: 9, height: 9) : nil,
          alpha: Bool.random(using: &random) ? .drop : .overWhite, limits: limits)
        _ = try? ImageDecoder.metadata(bytes)
        if failure(bytes, options) != nil { failures += 1 }
        rounds += 1
      }
    }
    #expect(rounds > 3000)
    #expect(failures > rounds / 10)
  }

  @Test func `of pure noise never crash`() {
    var random = SeededRandom(seed: 43)
    let magics: [[UInt8]] = [
      [], [0xFF, 0xD8, 0xFF], [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
      [UInt8]("RIFF0000WEBPVP8X".utf8),
      [UInt8]("RIFF0000WEBPVP8L".utf8),
    ]
    for round in 0..<1000 {
      let noise = (0..<Int.random(in: 0...200, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let bytes = magics[round % magics.count] + noise
      #expect(
        failure(bytes, DecodeOptions(appliesOrientation: true, limits: ImageLimits(maxPixels: 1 << 20)))
          != nil)
      _ = try? ImageDecoder.metadata(bytes)
    }
  }
}
