// SPDX-License-Identifier: Apache-2.0
package import Images
internal import LinearAlgebra

/// Which of the two ways to see a picture; part of a library's fingerprint.
package enum ImageView: String, Sendable, Hashable, Codable {
  /// As the reference implementations: every pixel decoded, orientation ignored.
  case parity
  /// As people: upright; a large JPEG is decoded at a fraction of its size, still at least twice what the model needs.
  case library
}

/// What a model wants to be given as a picture.
package struct ImageInput: Sendable, Hashable {
  /// The least width of a decoded picture that loses nothing to speak of, before the factor of 2 for safety.
  package let width: Int
  /// The least height.
  package let height: Int
  /// What the model takes a transparent picture for.
  package var alpha = DecodeOptions.Alpha.drop

  /// How to decode a file for this model.
  package func decodeOptions(_ view: ImageView) -> DecodeOptions {
    var options: DecodeOptions =
      switch view {
      case .parity: .parity
      case .library: .library(targetWidth: width, targetHeight: height)
      }
    options.alpha = alpha
    return options
  }
}

/// Turns a decoded picture into the numbers that a vision tower looks at, as Pillow and transformers' image processors
/// do it: resize, centre crop, rescale, normalise; see `spec/models.md` 2.1.
struct ImageProcessor: Sendable {
  let configuration: PreprocessorConfiguration
  /// The columns of the result.
  let width: Int
  /// The rows of the result.
  let height: Int
  /// What a byte becomes.
  let normalization: PixelNormalization

  /// A processor whose result has exactly the size that the model was built for.
  init(_ configuration: PreprocessorConfiguration, imageSize: Int, place: String) throws(EmbedderError) {
    guard let size = configuration.outputSize, size.width == imageSize, size.height == imageSize else {
      let given = configuration.outputSize.map { "\($0.width)x\($0.height)" } ?? "of any size"
      throw EmbedderError(
        .malformed,
        "\(place): makes pictures \(given), but config.json says that the model takes \(imageSize)x\(imageSize)"
      )
    }
    self.configuration = configuration
    width = size.width
    height = size.height
    normalization = PixelNormalization(
      mean: configuration.mean, deviation: configuration.deviation, scale: configuration.scale)
  }

  /// What to decode for.
  var input: ImageInput {
    let (width, height) =
      switch configuration.resize {
      case .none: (1 << 24, 1 << 24)
      case .shortSide(let side): (side, side)
      case .exact(let width, let height): (width, height)
      }
    return ImageInput(width: width, height: height, alpha: configuration.isOverWhite ? .overWhite : .drop)
  }

  /// The picture in the model's size, still in bytes. Where a picture is smaller than the crop, zeros surround it.
  func framed(_ image: Image) throws(EmbedderError) -> Image {
    let size = try resizedSize(image)
    let horizontal = Frame(content: size.width, frame: width)
    let vertical = Frame(content: size.height, frame: height)
    let window = PixelWindow(
      left: horizontal.start, top: vertical.start, width: horizontal.length, height: vertical.length)
    let part = image.resized(
      width: size.width, height: size.height, filter: configuration.filter, window: window)
    guard part.width != width || part.height != height else { return part }
    var pixels = [UInt8](repeating: 0, count: 3 * width * height)
    for y in 0..<part.height {
      let target = 3 * ((y + vertical.padding) * width + horizontal.padding)
      let source = 3 * y * part.width
      pixels.replaceSubrange(
        target..<target + 3 * part.width, with: part.pixels[source..<source + 3 * part.width])
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  private func resizedSize(_ image: Image) throws(EmbedderError) -> (width: Int, height: Int) {
    switch configuration.resize {
    case .none: return (image.width, image.height)
    case .exact(let width, let height): return (width, height)
    case .shortSide(let side):
      // The proportion at full size: at an eighth, the last row or column may stand for one line of eight.
      let (fullWidth, fullHeight) = (image.fullWidth, image.fullHeight)
      let short = min(fullWidth, fullHeight)
      // As Python's int(size * long / short): a division in double, then the integer part.
      let long = Int(Double(side * max(fullWidth, fullHeight)) / Double(short))
      guard long <= 1 << 24 else {
        throw EmbedderError(
          .invalidInput,
          "a picture of \(fullWidth)x\(fullHeight) pixels is too narrow to be looked at: crop it first")
      }
      return fullWidth <= fullHeight ? (side, long) : (long, side)
    }
  }

  /// Where one axis of a centre crop begins, and how much zero stands before it.
  ///
  /// transformers cuts at `(content - frame) // 2`, and pads `ceil((frame - content) / 2)` before a picture that is too
  /// small.
  struct Frame: Equatable {
    let start: Int
    let length: Int
    let padding: Int

    init(content: Int, frame: Int) {
      start = max(0, (content - frame) / 2)
      length = min(content, frame)
      padding = max(0, (frame - content + 1) / 2)
    }
  }
}
