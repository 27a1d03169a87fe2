// SPDX-License-Identifier: Apache-2.0

/// What one picture may cost. Checked against the header, before anything is allocated.
package struct ImageLimits: Sendable, Equatable {
  /// Pixels of the stored picture.
  package var maxPixels: Int
  /// Pixels along either side.
  package var maxSide: Int
  /// Bytes for the pixels and for what the decoder needs beside them.
  package var maxBytes: Int
  /// Passes over a JPEG (progressive files have about ten).
  package var maxScans: Int

  package init(
    maxPixels: Int = 200_000_000, maxSide: Int = 100_000, maxBytes: Int = 1 << 30, maxScans: Int = 100
  ) {
    self.maxPixels = maxPixels
    self.maxSide = maxSide
    self.maxBytes = maxBytes
    self.maxScans = maxScans
  }

  /// Limits for single photographs of any camera: 200 megapixels, 1 GiB.
  package static let standard = ImageLimits()
}

/// How to turn a file into pixels.
package struct DecodeOptions: Sendable, Equatable {
  /// Sides that a result has to keep, if the picture has them.
  package struct Size: Sendable, Equatable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  /// What to do with transparency.
  package enum Alpha: Sendable {
    /// Keeps the stored colours, as Pillow's `convert("RGB")`.
    case drop
    /// Lays the picture over white, as newer image processors of transformers.
    case overWhite
  }

  /// Whether to turn the picture upright.
  package var appliesOrientation: Bool
  /// Lets a JPEG be reconstructed at 1/2, 1/4 or 1/8 of its size, as long as the result has at least these
  /// sides (of the upright picture if ``appliesOrientation``). Nil: full size.
  package var minimumSize: Size?
  package var alpha: Alpha
  package var limits: ImageLimits

  package init(
    appliesOrientation: Bool, minimumSize: Size? = nil, alpha: Alpha = .drop, limits: ImageLimits = .standard
  ) {
    self.appliesOrientation = appliesOrientation
    self.minimumSize = minimumSize
    self.alpha = alpha
    self.limits = limits
  }

  /// As the reference implementations see a picture: every pixel, orientation ignored.
  package static let parity = DecodeOptions(appliesOrientation: false)

  /// As a library sees a picture: upright, and of a JPEG no more than twice the target's sides.
  package static func library(targetWidth: Int, targetHeight: Int) -> DecodeOptions {
    DecodeOptions(
      appliesOrientation: true, minimumSize: Size(width: 2 * targetWidth, height: 2 * targetHeight))
  }
}
