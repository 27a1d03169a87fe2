// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// A picture as the models see it: RGB, 8 bits a channel, no alpha, no profile.
package struct Image: Sendable, Equatable {
  /// The columns of pixels, at least 1.
  package let width: Int
  /// The rows of pixels, at least 1.
  package let height: Int
  /// The rows from top to bottom, each from left to right: `[height, width, 3]`.
  package let pixels: [UInt8]
  /// The columns of the picture at full size: more than ``width`` where a JPEG was decoded at a fraction of it.
  package let fullWidth: Int
  /// The rows of the picture at full size.
  package let fullHeight: Int
  /// The part of the pixels that the picture fills. At an eighth, 633 rows are 79.125 rows of 80.
  let filled: FilledPart

  /// Takes pixels that are there already.
  ///
  /// - Precondition: `pixels.count == 3 * width * height`, neither side is zero.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "an image needs at least one pixel")
    precondition(pixels.count == 3 * width * height, "an image needs three bytes for each pixel")
    self.init(
      width: width, height: height, pixels: pixels, fullWidth: width, fullHeight: height,
      filled: FilledPart(left: 0, top: 0, width: Double(width), height: Double(height)))
  }

  init(width: Int, height: Int, pixels: [UInt8], fullWidth: Int, fullHeight: Int, filled: FilledPart) {
    self.width = width
    self.height = height
    self.pixels = pixels
    self.fullWidth = fullWidth
    self.fullHeight = fullHeight
    self.filled = filled
  }

  /// The rectangle of this picture that starts at `left`, `top`.
  ///
  /// - Precondition: the rectangle lies inside the picture and is not empty.
  /// - Complexity: O(`width` · `height`) of the result.
  package func cropped(left: Int, top: Int, width: Int, height: Int) -> Image {
    let window = PixelWindow(left: left, top: top, width: width, height: height)
    precondition(window.isInside(width: self.width, height: self.height), "the crop leaves the picture")
    if width == self.width && height == self.height { return self }
    var cut: [UInt8] = []
    cut.reserveCapacity(3 * width * height)
    for y in top..<top + height {
      let start = 3 * (y * self.width + left)
      cut.append(contentsOf: pixels[start..<start + 3 * width])
    }
    return Image(width: width, height: height, pixels: cut)
  }

  /// The picture turned and mirrored upright, given how it is stored.
  ///
  /// Equals Pillow's `ImageOps.exif_transpose`.
  /// - Complexity: O(`width` · `height`), nothing for an upright picture.
  package func oriented(_ orientation: Orientation) -> Image {
    guard orientation != .upright else { return self }
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
      pixels.withUnsafeBufferPointer { input in
        duet_orient_rgb(
          input.baseAddress, width, height, CInt(orientation.rawValue), output.baseAddress)
      }
      count = pixels.count
    }
    let swaps = orientation.swapsSides
    return Image(
      width: swaps ? height : width, height: swaps ? width : height, pixels: turned,
      fullWidth: swaps ? fullHeight : fullWidth, fullHeight: swaps ? fullWidth : fullHeight,
      filled: filled.oriented(orientation, width: Double(width), height: Double(height)))
  }
}

/// A part of a picture's pixels, down to fractions of one.
struct FilledPart: Sendable, Equatable {
  var left: Double
  var top: Double
  var width: Double
  var height: Double

  /// Where the part lies once a picture of that size is turned upright.
  func oriented(_ orientation: Orientation, width: Double, height: Double) -> FilledPart {
    let right = width - left - self.width
    let bottom = height - top - self.height
    let (newLeft, newTop) =
      switch orientation {
      case .upright: (left, top)
      case .flipHorizontally: (right, top)
      case .rotate180: (right, bottom)
      case .flipVertically: (left, bottom)
      case .transpose: (top, left)
      case .rotate90Clockwise: (bottom, left)
      case .transverse: (bottom, right)
      case .rotate90CounterClockwise: (top, right)
      }
    return orientation.swapsSides
      ? FilledPart(left: newLeft, top: newTop, width: self.height, height: self.width)
      : FilledPart(left: newLeft, top: newTop, width: self.width, height: self.height)
  }
}

/// A rectangle of pixels, from its upper left corner.
package struct PixelWindow: Sendable, Equatable {
  package var left: Int
  package var top: Int
  package var width: Int
  package var height: Int

  package init(left: Int, top: Int, width: Int, height: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }

  /// Whether the window is not empty and lies inside a picture of the given size.
  func isInside(width: Int, height: Int) -> Bool {
    left >= 0 && top >= 0 && self.width > 0 && self.height > 0
      && left <= width - self.width && top <= height - self.height
  }
}
