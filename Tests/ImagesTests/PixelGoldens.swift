// SPDX-License-Identifier: Apache-2.0
import Foundation
import Images
import TestSupport

/// Pictures in `Fixtures/Images` and what Pillow makes of them.
enum PixelGoldens {
  /// The bytes of a fixture.
  static func bytes(_ name: String) throws -> [UInt8] { try Fixture.bytes("Images/\(name)") }

  /// The pictures that have a golden `NAME` + `suffix`.
  static func names(_ suffix: String) -> [String] {
    files.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }
      .filter { pictures.contains($0) }
  }

  /// Every picture, well-formed or hostile.
  static let pictures: [String] = files.filter { name in
    [".png", ".jpg", ".webp"].contains { name.hasSuffix($0) }
  }

  private static let files: [String] =
    ((try? FileManager.default.contentsOfDirectory(
      atPath: Fixture.url("Images").path(percentEncoded: false))) ?? []).sorted()

  /// Reads a binary PPM with the header that make_images.py writes.
  static func ppm(_ name: String) throws -> Image {
    let bytes = try bytes(name)
    guard let headerEnd = bytes.firstIndex(of: 0x0A) else { throw CocoaError(.fileReadCorruptFile) }
    let header = String(decoding: bytes[..<headerEnd], as: UTF8.self).split(separator: " ")
    guard header.count == 4, header[0] == "P6", let width = Int(header[1]), let height = Int(header[2]) else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return Image(width: width, height: height, pixels: [UInt8](bytes[(headerEnd + 1)...]))
  }

  /// The largest difference of two channel values, or nil if the dimensions differ.
  static func largestDifference(_ a: Image, _ b: Image) -> Int? {
    guard a.width == b.width, a.height == b.height else { return nil }
    return zip(a.pixels, b.pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
  }

  /// The mean of the absolute differences of channel values.
  static func meanDifference(_ a: Image, _ b: Image) -> Double {
    let sum = zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    return Double(sum) / Double(a.pixels.count)
  }
}
