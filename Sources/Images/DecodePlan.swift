// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// A decode whose cost is known and allowed.
struct DecodePlan {
  private let layout: ImageLayout
  private let format: ImageFormat
  private let width: Int
  private let height: Int
  private let fullWidth: Int
  private let fullHeight: Int
  /// Eighths of the stored size.
  private let scale: Int
  private let overWhite: Bool
  private let limits: ImageLimits
  /// What the decoder itself may allocate.
  private let workingBytes: Int

  /// Checks the header's dimensions against the limits and chooses the scale of a JPEG.
  init(
    _ layout: ImageLayout, _ info: ImageInfo, _ orientation: Orientation, _ options: DecodeOptions,
    fileBytes: Int
  ) throws(ImageError) {
    self.layout = layout
    format = info.format
    limits = options.limits
    overWhite = options.alpha == .overWhite && info.hasAlpha
    guard info.width <= limits.maxSide, info.height <= limits.maxSide,
      info.width <= limits.maxPixels / info.height
    else {
      throw ImageError(
        .tooLarge, format: format,
        "\(info.width) × \(info.height) pixels are more than the allowed \(limits.maxPixels)"
          + " (or than \(limits.maxSide) a side)")
    }
    scale = Self.scale(info, orientation, options.minimumSize)
    width = (info.width * scale + 7) / 8
    height = (info.height * scale + 7) / 8
    fullWidth = info.width
    fullHeight = info.height
    // Turning needs a second copy.
    let resultBytes = 3 * width * height * (orientation == .upright ? 1 : 2)
    workingBytes = limits.maxBytes - resultBytes
    guard workingBytes >= Self.leastWorkingBytes(layout, info, overWhite: overWhite) else {
      throw ImageError(
        .tooLarge, format: format,
        "\(info.width) × \(info.height) pixels need more than the allowed \(limits.maxBytes) bytes")
    }
    if case .png(let png) = layout {
      // Deflate packs at most 1032 to 1.
      guard (png.width * png.bitsPerPixel + 7) / 8 * png.height / 1032 <= fileBytes else {
        throw ImageError(
          .truncated, format: .png,
          "a file of \(fileBytes) bytes cannot hold \(png.width) × \(png.height) pixels")
      }
    }
    if case .webp(let webp) = layout {
      guard webp.isComplete else {
        throw ImageError(.truncated, format: .webp, "the file is shorter than its header says")
      }
      if let frame = webp.frame, !frame.window.isInside(width: width, height: height) {
        throw ImageError(.damaged, format: .webp, "the first frame leaves the canvas")
      }
    }
  }

  /// The smallest of 1/8, 1/4, 1/2 and 1 (the ones with fast transforms) at which a JPEG keeps its minimum
  /// size.
  private static func scale(
    _ info: ImageInfo, _ orientation: Orientation, _ minimum: DecodeOptions.Size?
  ) -> Int {
    guard info.format == .jpeg, let minimum else { return 8 }
    let (minWidth, minHeight) =
      orientation.swapsSides ? (minimum.height, minimum.width) : (minimum.width, minimum.height)
    for scale in [1, 2, 4]
    where (info.width * scale + 7) / 8 >= minWidth && (info.height * scale + 7) / 8 >= minHeight {
      return scale
    }
    return 8
  }

  /// What the decoder needs beside the result, at least. libjpeg's own use is bounded while it runs.
  private static func leastWorkingBytes(_ layout: ImageLayout, _ info: ImageInfo, overWhite: Bool) -> Int {
    let pixels = info.width * info.height
    switch layout {
    case .png: return (overWhite ? 4 * pixels : 0) + 64 * info.width
    case .jpeg: return 64 * info.width
    case .webp: return (overWhite ? 8 : 4) * pixels
    }
  }

  /// Decodes as planned.
  func run(_ bytes: RawSpan) throws(ImageError) -> Image {
    let byteCount = 3 * width * height
    var failure: ImageError?
    let pixels = [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
      failure = decode(bytes, into: output)
      if failure == nil { count = byteCount }
    }
    if let failure { throw failure }
    return Image(
      width: width, height: height, pixels: pixels, fullWidth: fullWidth, fullHeight: fullHeight,
      filled: FilledPart(
        left: 0, top: 0, width: Double(fullWidth * scale) / 8, height: Double(fullHeight * scale) / 8))
  }

  private func decode(_ bytes: RawSpan, into output: UnsafeMutableBufferPointer<UInt8>) -> ImageError? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(DUET_IMAGE_MESSAGE_SIZE)) { message in
      message.initialize(repeating: 0)
      let status = bytes.withUnsafeBytes { raw in
        decode(raw.bindMemory(to: UInt8.self), output, message.baseAddress)
      }
      guard status != DUET_IMAGE_OK, let text = message.baseAddress else { return nil }
      return ImageError(status, format: format, message: String(cString: text))
    }
  }

  private func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>,
    _ message: UnsafeMutablePointer<CChar>?
  ) -> duet_image_status {
    let white: CInt = overWhite ? 1 : 0
    switch layout {
    case .png:
      return duet_png_decode(
        bytes.baseAddress, bytes.count, UInt32(width), UInt32(height), white, output.baseAddress, message)
    case .jpeg(let jpeg):
      var request = duet_jpeg_request(
        width: UInt32(width), height: UInt32(height), scale: CInt(scale), max_memory: workingBytes,
        max_scans: CInt(Self.allowedScans(limits, pixels: jpeg.width * jpeg.height)))
      return duet_jpeg_decode(bytes.baseAddress, bytes.count, &request, output.baseAddress, message)
    case .webp(let webp):
      return decodeWebP(webp, bytes, output, white, message)
    }
  }

  /// Scans cost time in proportion to the pixels: a large picture may have fewer, but always more than the
  /// twenty or so that encoders write.
  private static func allowedScans(_ limits: ImageLimits, pixels: Int) -> Int {
    min(limits.maxScans, max(30, 2_000_000_000 / pixels))
  }

  private func decodeWebP(
    _ webp: WebPLayout, _ bytes: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>,
    _ white: CInt, _ message: UnsafeMutablePointer<CChar>?
  ) -> duet_image_status {
    guard let frame = webp.frame else {
      return duet_webp_decode(
        bytes.baseAddress, bytes.count, UInt32(width), UInt32(height), white,
        output.baseAddress, 3 * width, output.count, message)
    }
    // The canvas is transparent black where the first frame does not reach.
    output.initialize(repeating: overWhite ? 255 : 0)
    let stream = UnsafeBufferPointer(rebasing: bytes[frame.data])
    let window = frame.window
    let target = UnsafeMutableBufferPointer(rebasing: output[(3 * (window.top * width + window.left))...])
    return duet_webp_decode(
      stream.baseAddress, stream.count, UInt32(window.width), UInt32(window.height), white,
      target.baseAddress, 3 * width, target.count, message)
  }
}
