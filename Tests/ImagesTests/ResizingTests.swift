// SPDX-License-Identifier: Apache-2.0
import CImageCodecs
import Foundation
import Images
import TestSupport
import Testing

/// One line of `Fixtures/Images/resize.txt`.
struct ResizeGolden: Sendable, CustomTestStringConvertible {
  let width, height, newWidth, newHeight: Int
  let filter: ResamplingFilter
  let seed: UInt32
  let checksum: UInt32

  var testDescription: String { "\(width)×\(height) → \(newWidth)×\(newHeight) \(filter)" }

  static let all: [ResizeGolden] = {
    guard let bytes = try? PixelGoldens.bytes("resize.txt") else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .compactMap { line in
        let fields = line.split(separator: " ")
        let filters = ["nearest": ResamplingFilter.nearest, "lanczos": .lanczos, "bilinear": .bilinear]
        let sides = fields.prefix(4).compactMap { Int($0) }
        guard fields.count == 7, sides.count == 4, let seed = UInt32(fields[5]),
          let checksum = UInt32(fields[6], radix: 16)
        else { return nil }
        return ResizeGolden(
          width: sides[0], height: sides[1], newWidth: sides[2], newHeight: sides[3],
          filter: filters[String(fields[4])] ?? .bicubic, seed: seed, checksum: checksum)
      }
  }()

  /// The made-up pixels that make_images.py resized.
  var source: Image {
    let count = 3 * width * height
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      for index in 0..<count {
        var x = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ seed &* 40503
        x ^= x >> 15
        x = x &* 2_246_822_519
        x ^= x >> 13
        bytes[index] = UInt8(truncatingIfNeeded: x)
      }
      initialized = count
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}

/// CRC-32 as zlib computes it.
private func crc32(_ bytes: [UInt8]) -> UInt32 {
  let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 != 0 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
  }
  var crc = UInt32.max
  for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
  return ~crc
}

@Suite struct `Resizing` {
  @Test func `equals Pillow's in every bit`() {
    #expect(ResizeGolden.all.count == 328)
    for golden in ResizeGolden.all {
      let result = golden.source.resized(
        width: golden.newWidth, height: golden.newHeight, filter: golden.filter)
      #expect(crc32(result.pixels) == golden.checksum, "\(golden.testDescription)")
    }
  }

  @Test func `gives the same with and without vector instructions`() {
    for golden in ResizeGolden.all where golden.filter != .nearest {
      let source = golden.source
      let filters: [ResamplingFilter: duet_filter] = [
        .bicubic: DUET_FILTER_BICUBIC, .bilinear: DUET_FILTER_BILINEAR, .lanczos: DUET_FILTER_LANCZOS,
      ]
      var request = duet_resize(
        source_width: UInt32(source.width), source_height: UInt32(source.height),
        left_edge: 0, top_edge: 0, right_edge: Double(source.width), bottom_edge: Double(source.height),
        width: UInt32(golden.newWidth), height: UInt32(golden.newHeight), left: 0, top: 0,
        window_width: UInt32(golden.newWidth), window_height: UInt32(golden.newHeight),
        filter: filters[golden.filter] ?? DUET_FILTER_BICUBIC, scalar: 1)
      var plain = [UInt8](repeating: 0, count: 3 * golden.newWidth * golden.newHeight)
      #expect(duet_resize_rgb(&request, source.pixels, &plain) == 1)
      request.scalar = 0
      var vector = plain.map { ~$0 }
      #expect(duet_resize_rgb(&request, source.pixels, &vector) == 1)
      #expect(plain == vector, "\(golden.testDescription)")
    }
  }

  @Test func `of a window equals cropping afterwards`() {
    var random = SeededRandom(seed: 11)
    for golden in ResizeGolden.all {
      let (width, height) = (golden.newWidth, golden.newHeight)
      let left = Int.random(in: 0..<width, using: &random)
      let top = Int.random(in: 0..<height, using: &random)
      let window = PixelWindow(
        left: left, top: top, width: Int.random(in: 1...width - left, using: &random),
        height: Int.random(in: 1...height - top, using: &random))
      let source = golden.source
      let whole = source.resized(width: width, height: height, filter: golden.filter)
      let part = source.resized(width: width, height: height, filter: golden.filter, window: window)
      let expected = whole.cropped(left: left, top: top, width: window.width, height: window.height)
      #expect(part == expected, "\(golden.testDescription) \(window)")
    }
  }

  @Test func `to the same size changes nothing`() {
    let image = ResizeGolden.all[0].source
    for filter in ResamplingFilter.allCases {
      #expect(image.resized(width: image.width, height: image.height, filter: filter) == image)
    }
  }
}

@Suite struct `Turning a picture` {
  @Test(arguments: Orientation.allCases)
  func `twice by opposite orientations gives it back`(orientation: Orientation) {
    let opposites: [Orientation: Orientation] = [
      .rotate90Clockwise: .rotate90CounterClockwise, .rotate90CounterClockwise: .rotate90Clockwise,
    ]
    let image = Image(width: 3, height: 2, pixels: (0..<18).map { UInt8($0) })
    let turned = image.oriented(orientation)
    #expect((turned.width == 3) != orientation.swapsSides)
    #expect(turned.oriented(opposites[orientation] ?? orientation) == image)
    if orientation != .upright { #expect(turned.pixels != image.pixels) }
  }
}
