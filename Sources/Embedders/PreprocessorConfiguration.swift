// SPDX-License-Identifier: Apache-2.0
internal import Images

/// What `preprocessor_config.json` says about pictures, in its old form (`"size": 224`) and its new one.
struct PreprocessorConfiguration: Sendable, Hashable {
  /// How a picture comes to its new size.
  enum Resize: Sendable, Hashable {
    case none
    /// The short side gets this length, the other keeps the proportion.
    case shortSide(Int)
    /// Both sides are given; the proportion is lost.
    case exact(width: Int, height: Int)
  }

  struct Size: Sendable, Hashable {
    let width: Int
    let height: Int
  }

  static let fileName = "preprocessor_config.json"
  private static let sides = 1...8192

  let resize: Resize
  let filter: ResamplingFilter
  let crop: Size?
  /// What a byte is multiplied with, 1 when the picture is not rescaled.
  let scale: Double
  let mean: [Double]
  let deviation: [Double]
  /// Whether a transparent picture is laid over white (`do_composite_over_white`, a key of ours); else its stored colours are
  /// seen, whatever they are, as transformers' `do_convert_rgb` does.
  let isOverWhite: Bool

  init(_ file: ConfigurationObject) throws(EmbedderError) {
    if try file.flag("do_resize") ?? true {
      resize = try Self.resize(file)
    } else {
      resize = .none
    }
    guard let filter = ResamplingFilter(rawValue: try file.integer("resample", in: 0...5) ?? 3) else {
      throw EmbedderError(
        .unsupported,
        "\(file.place): resample must be 0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic)")
    }
    self.filter = filter
    if try file.flag("do_center_crop") ?? true {
      crop = try Self.size("crop_size", in: file) ?? Size(width: 224, height: 224)
    } else {
      crop = nil
    }
    scale = try file.flag("do_rescale") ?? true ? try file.number("rescale_factor") ?? 1 / 255 : 1
    guard scale.isFinite else { throw file.wrong("rescale_factor", "must be finite") }
    if try file.flag("do_normalize") ?? true {
      mean = try Self.channels("image_mean", in: file) ?? [0.481_454_66, 0.457_827_5, 0.408_210_73]
      deviation = try Self.channels("image_std", in: file) ?? [0.268_629_54, 0.261_302_58, 0.275_777_11]
    } else {
      mean = [0, 0, 0]
      deviation = [1, 1, 1]
    }
    isOverWhite = try file.flag("do_composite_over_white") ?? false
    guard deviation.allSatisfy({ $0 > 0 }) else { throw file.wrong("image_std", "must be positive") }
  }

  /// The size of what comes out, nil when it depends on the picture.
  var outputSize: Size? {
    if let crop { return crop }
    if case .exact(let width, let height) = resize { return Size(width: width, height: height) }
    return nil
  }

  /// All of it in one line, for fingerprints. Equal configurations give equal lines, whatever their files look like.
  var summary: String {
    let resizing =
      switch resize {
      case .none: "as is"
      case .shortSide(let side): "short side \(side) \(filter)"
      case .exact(let width, let height): "to \(width)x\(height) \(filter)"
      }
    let cropping = crop.map { "crop \($0.width)x\($0.height)" } ?? "no crop"
    return "\(resizing), \(cropping), scale \(scale), mean \(mean), deviation \(deviation)"
      + (isOverWhite ? ", over white" : "")
  }

  private static func resize(_ file: ConfigurationObject) throws(EmbedderError) -> Resize {
    if file.isNumber("size") {
      return .shortSide(try file.integer("size", in: sides) ?? 224)
    }
    guard let size = try file.object("size") else { return .shortSide(224) }
    if let side = try size.integer("shortest_edge", in: sides) { return .shortSide(side) }
    guard let width = try size.integer("width", in: sides), let height = try size.integer("height", in: sides)
    else {
      throw file.wrong("size", "must be a number, {shortest_edge} or {height, width}")
    }
    return .exact(width: width, height: height)
  }

  private static func size(_ name: String, in file: ConfigurationObject) throws(EmbedderError) -> Size? {
    if file.isNumber(name) {
      return try file.integer(name, in: sides).map { Size(width: $0, height: $0) }
    }
    guard let size = try file.object(name) else { return nil }
    if let side = try size.integer("shortest_edge", in: sides) { return Size(width: side, height: side) }
    guard let width = try size.integer("width", in: sides), let height = try size.integer("height", in: sides)
    else {
      throw file.wrong(name, "must be a number or {height, width}")
    }
    return Size(width: width, height: height)
  }

  private static func channels(_ name: String, in file: ConfigurationObject) throws(EmbedderError)
    -> [Double]?
  {
    guard let numbers = try file.numbers(name) else { return nil }
    guard numbers.count == 3, numbers.allSatisfy(\.isFinite) else {
      throw file.wrong(name, "must be three numbers, for red, green and blue")
    }
    return numbers
  }
}
