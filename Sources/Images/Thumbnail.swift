// SPDX-License-Identifier: Apache-2.0

/// Small copies of pictures, for pages and lists.
package enum Thumbnail {
  /// About what the eye tells from the original at this size; a higher one costs bytes only.
  static let quality = 80

  /// A small WebP of the picture in a file: upright, transparency laid over white, within ``ImageLimits/standard``.
  ///
  /// A JPEG is decoded at a fraction of its size where that still has twice the pixels wanted.
  ///
  /// - Parameters:
  ///   - bytes: a file of any format that ``ImageDecoder`` reads.
  ///   - size: pixels along the longer side, at most: a smaller picture keeps its size. The shorter side follows, and
  ///     has at least one pixel.
  /// - Throws: ``ImageError``: what ``ImageDecoder/decode(_:options:)-(RawSpan,_)`` throws.
  /// - Precondition: `size` is in 1...16,383.
  /// - Complexity: O(pixels of the file).
  package static func webp(of bytes: [UInt8], size: Int) throws(ImageError) -> [UInt8] {
    precondition((1...16_383).contains(size), "a side of a WebP has 1 to 16383 pixels")
    let info = try ImageDecoder.probe(bytes)
    let (width, height) = dimensions(info.uprightWidth, info.uprightHeight, size: size)
    let image = try ImageDecoder.decode(
      bytes,
      options: DecodeOptions(
        appliesOrientation: true, minimumSize: .init(width: 2 * width, height: 2 * height), alpha: .overWhite)
    )
    return try image.resized(width: width, height: height).webp(quality: quality)
  }

  /// Fits a picture into a square, rounding the shorter side to the nearest pixel.
  static func dimensions(_ width: Int, _ height: Int, size: Int) -> (width: Int, height: Int) {
    let longer = max(width, height)
    guard longer > size else { return (width, height) }
    func scaled(_ side: Int) -> Int { max(1, (2 * side * size + longer) / (2 * longer)) }
    return (scaled(width), scaled(height))
  }
}
