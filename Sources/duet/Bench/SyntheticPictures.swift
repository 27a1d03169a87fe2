// SPDX-License-Identifier: Apache-2.0
import Compute
import Files
import Images
import SystemPackage

/// A folder of drawn pictures, no two alike, each named by what it shows.
enum SyntheticPictures {
  private static let colours: [(name: String, rgb: [UInt8])] = [
    ("red", [214, 48, 49]), ("orange", [230, 126, 34]), ("yellow", [241, 196, 15]), ("green", [39, 174, 96]),
    ("blue", [41, 98, 255]), ("purple", [142, 68, 173]), ("brown", [121, 85, 72]), ("black", [30, 30, 30]),
  ]
  private static let shapes = ["disc", "square", "ring", "cross", "stripes", "diamond"]
  private static let side = 64

  /// Draws picture 0 to `count - 1` into `folder`, those that are there already excepted.
  ///
  /// - Throws: ``FileError`` when the disk is full or cannot be written.
  static func draw(_ count: Int, into folder: FilePath, progress: (Int) -> Void) throws {
    for number in 0..<count {
      if number % 1_000 == 0 {
        progress(number)
        try Folders.create(folder.appending("\(number / 1_000)"))
      }
      let (name, image) = picture(number)
      let path = folder.appending("\(number / 1_000)").appending("\(name) \(number).webp")
      if (try? FileStatus(of: path)) != nil { continue }
      let file = try AtomicFileWriter(to: path)
      try file.append(try image.webp(quality: 60))
      try file.commit()
    }
  }

  /// A shape in one colour on another; size, place and shades vary with the number.
  static func picture(_ number: Int) -> (name: String, image: Image) {
    var random = SplitMix(seed: UInt64(number))
    let (front, shape) = (colours[number % 8], shapes[number / 8 % 6])
    let back = colours[(number / 48 + number + 1) % 8]
    let (x, y) = (random.next(22, 42), random.next(22, 42))
    let radius = random.next(10, 24)
    let shade = [random.next(-25, 25), random.next(-25, 25), random.next(-25, 25)]
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * side * side)
    for row in 0..<side {
      for column in 0..<side {
        let rgb = covers(shape, column - x, row - y, radius) ? front.rgb : back.rgb
        for channel in 0..<3 { pixels.append(UInt8(min(255, max(0, Int(rgb[channel]) + shade[channel])))) }
      }
    }
    return ("\(front.name) \(shape) on \(back.name)", Image(width: side, height: side, pixels: pixels))
  }

  private static func covers(_ shape: String, _ x: Int, _ y: Int, _ radius: Int) -> Bool {
    let square = x * x + y * y
    return switch shape {
    case "disc": square <= radius * radius
    case "square": max(abs(x), abs(y)) <= radius
    case "ring": square <= radius * radius && square >= radius * radius / 3
    case "cross": min(abs(x), abs(y)) <= radius / 3 && max(abs(x), abs(y)) <= radius
    case "stripes": max(abs(x), abs(y)) <= radius && (x + 64) / 4 % 2 == 0
    default: abs(x) + abs(y) <= radius
    }
  }

  /// Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
  private struct SplitMix {
    var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next(_ low: Int, _ high: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return low + Int((z ^ (z >> 31)) % UInt64(high - low + 1))
    }
  }
}
