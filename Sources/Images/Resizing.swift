// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// How a resize weighs the pixels around a point, with the numbers that `preprocessor_config.json` uses
/// (Pillow's).
package enum ResamplingFilter: Int, Sendable, CaseIterable {
  case nearest = 0
  case lanczos = 1
  case bilinear = 2
  case bicubic = 3

  var code: duet_filter {
    switch self {
    case .nearest: DUET_FILTER_NEAREST
    case .lanczos: DUET_FILTER_LANCZOS
    case .bilinear: DUET_FILTER_BILINEAR
    case .bicubic: DUET_FILTER_BICUBIC
    }
  }
}

extension Image {
  /// The picture in another size, equal to Pillow 13's `resize` in every bit.
  ///
  /// Where only a part of the last pixels belongs to the picture, that part is what becomes the result: Pillow's `box`.
  ///
  /// - Parameters:
  ///   - width: Columns of the whole result.
  ///   - height: Rows of the whole result.
  ///   - filter: The weights, widened when the picture shrinks (antialiasing).
  ///   - window: The only part of the result that is wanted and computed, the same as cropping afterwards.
  /// - Precondition: both sides are positive and at most 2^24, the window lies in the result.
  package func resized(
    width: Int, height: Int, filter: ResamplingFilter = .bicubic, window: PixelWindow? = nil
  ) -> Image {
    precondition((1...1 << 24).contains(width) && (1...1 << 24).contains(height), "no such size")
    let window = window ?? PixelWindow(left: 0, top: 0, width: width, height: height)
    precondition(window.isInside(width: width, height: height), "the window leaves the picture")
    var request = duet_resize(
      source_width: UInt32(self.width), source_height: UInt32(self.height),
      left_edge: filled.left, top_edge: filled.top, right_edge: filled.left + filled.width,
      bottom_edge: filled.top + filled.height,
      width: UInt32(width), height: UInt32(height),
      left: UInt32(window.left), top: UInt32(window.top),
      window_width: UInt32(window.width), window_height: UInt32(window.height),
      filter: filter.code, scalar: 0)
    let byteCount = 3 * window.width * window.height
    let result = [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
      let done = pixels.withUnsafeBufferPointer { input in
        duet_resize_rgb(&request, input.baseAddress, output.baseAddress)
      }
      // As for Swift's own arrays: there is nothing sensible to do without memory.
      precondition(done != 0, "out of memory")
      count = byteCount
    }
    return Image(width: window.width, height: window.height, pixels: result)
  }
}
