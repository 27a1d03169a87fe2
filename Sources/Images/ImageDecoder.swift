// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// What a picture's header says.
package struct ImageInfo: Sendable, Equatable {
  package var format: ImageFormat
  /// Columns and rows as stored, before any turning.
  package var width: Int
  package var height: Int
  package var orientation: Orientation
  /// Whether the file can hold transparency.
  package var hasAlpha: Bool
  /// Whether there are more frames than the one that is decoded.
  package var isAnimated: Bool

  /// The width of the upright picture.
  package var uprightWidth: Int { orientation.swapsSides ? height : width }
  /// The height of the upright picture.
  package var uprightHeight: Int { orientation.swapsSides ? width : height }
}

/// Bytes of a picture file → pixels and facts. Nothing in a file can crash it: it throws.
package enum ImageDecoder {
  /// Reads the header alone.
  package static func probe(_ bytes: RawSpan) throws(ImageError) -> ImageInfo {
    try ImageLayout(bytes).info(bytes)
  }

  /// Reads the header alone.
  package static func probe(_ bytes: [UInt8]) throws(ImageError) -> ImageInfo { try probe(bytes.span.bytes) }

  /// Hands out what the file says about its picture, without decoding it. Damaged metadata are left out.
  package static func metadata(_ bytes: RawSpan) throws(ImageError) -> ImageMetadata {
    try ImageLayout(bytes).metadata(bytes)
  }

  /// Hands out what the file says about its picture, without decoding it. Damaged metadata are left out.
  package static func metadata(_ bytes: [UInt8]) throws(ImageError) -> ImageMetadata {
    try metadata(bytes.span.bytes)
  }

  /// Decodes the picture, or the first frame of an animation.
  ///
  /// Grey is replicated, of 16 bits the high byte is kept (Pillow shows 16-bit grey as white), colour
  /// profiles are ignored, CMYK is converted as Pillow does it.
  /// - Throws: ``ImageError``; a file that is cut off anywhere is an error, too.
  package static func decode(
    _ bytes: RawSpan, options: DecodeOptions = .parity
  ) throws(ImageError) -> Image {
    let layout = try ImageLayout(bytes)
    let info = layout.info(bytes)
    let orientation = options.appliesOrientation ? info.orientation : .upright
    let plan = try DecodePlan(layout, info, orientation, options, fileBytes: bytes.byteCount)
    return try plan.run(bytes).oriented(orientation)
  }

  /// Decodes the picture, or the first frame of an animation.
  package static func decode(
    _ bytes: [UInt8], options: DecodeOptions = .parity
  ) throws(ImageError) -> Image {
    try decode(bytes.span.bytes, options: options)
  }
}

/// The structure of a file of one of the formats that are read.
enum ImageLayout {
  case png(PNGLayout)
  case jpeg(JPEGLayout)
  case webp(WebPLayout)

  init(_ bytes: RawSpan) throws(ImageError) {
    guard bytes.byteCount > 0 else { throw ImageError(.empty, "the file is empty") }
    guard let format = ImageFormat.detect(bytes) else {
      throw ImageError(.unrecognized, "the file is not a picture of a known format")
    }
    switch format {
    case .png: self = .png(try PNGLayout(bytes))
    case .jpeg: self = .jpeg(try JPEGLayout(bytes))
    case .webp: self = .webp(try WebPLayout(bytes))
    case .heic, .avif, .gif, .tiff, .bmp:
      throw ImageError(.unsupported, format: format, "this format is not supported yet")
    }
  }

  func info(_ bytes: RawSpan) -> ImageInfo {
    switch self {
    case .png(let png):
      ImageInfo(
        format: .png, width: png.width, height: png.height,
        orientation: Self.orientation(bytes, png.exif), hasAlpha: png.hasAlpha, isAnimated: false)
    case .jpeg(let jpeg):
      ImageInfo(
        format: .jpeg, width: jpeg.width, height: jpeg.height,
        orientation: Self.orientation(bytes, jpeg.exif), hasAlpha: false, isAnimated: false)
    case .webp(let webp):
      ImageInfo(
        format: .webp, width: webp.width, height: webp.height,
        orientation: Self.orientation(bytes, webp.exif), hasAlpha: webp.hasAlpha,
        isAnimated: webp.isAnimated)
    }
  }

  func metadata(_ bytes: RawSpan) -> ImageMetadata {
    var metadata = ImageMetadata()
    switch self {
    case .png(let png):
      metadata.takeEXIF(bytes, png.exif)
      for text in png.texts { metadata.takePNGText(bytes, kind: text.kind, text.range) }
    case .jpeg(let jpeg):
      metadata.takeEXIF(bytes, jpeg.exif)
      metadata.takeXMP(bytes, jpeg.xmp)
      metadata.takePhotoshop(bytes, jpeg.photoshop)
    case .webp(let webp):
      metadata.takeEXIF(bytes, webp.exif)
      metadata.takeXMP(bytes, webp.xmp)
    }
    return metadata
  }

  private static func orientation(_ bytes: RawSpan, _ exif: Range<Int>?) -> Orientation {
    guard let exif else { return .upright }
    return EXIF(bytes, exif).orientation
  }
}
