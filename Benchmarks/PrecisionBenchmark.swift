// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Embedders
import FoundationEssentials
import Images
import LinearAlgebra
import SystemPackage

/// How far vectors of less than single precision lie from those of single precision.
struct PrecisionBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precision", abstract: "Cosines between vectors of f32, and of bf16 and int8.")

  @OptionGroup var machine: MachineOptions

  @Option(help: "A model: a folder, ORG/NAME, 'builtin', or the sizes b32, b16, l14 with random weights.")
  var model = "builtin"

  @Option(
    help: ArgumentHelp(
      "Pictures to take evenly from; drawn ones unless told: clouds, checks, discs and noise.",
      valueName: "FOLDER"))
  var pictures: String?

  @Option(help: "How many pictures.")
  var count = 200

  func validate() throws {
    if count < 1 { throw ValidationError("--count \(count): give at least one picture") }
  }

  func run() throws {
    machine.begin()
    let temporary = try TemporaryFolder()
    let source: ModelSource
    if let architecture = Architecture(rawValue: model) {
      let folder = temporary.path.appending(model)
      _ = try RandomCheckpoint(architecture, in: folder)
      source = try ModelLocator().locate(folder.string)
    } else {
      source = try ModelLocator().locate(model)
    }
    func open(_ precision: Precision) throws -> any Embedder {
      try ModelRegistry.open(source, precision: precision, packedWeights: nil)
    }
    let exact = try open(.float32)
    let images = try images(for: exact)
    let texts = exact.backgroundTexts
    let (seen, read) = (
      try exact.projectImages(images), try exact.projectTexts(texts, inBulk: true).projections
    )
    print("\(exact.id): \(images.count) pictures, \(texts.count) texts\n")
    let table = Table("precision", "pictures, min", "mean", "texts, min", "mean")
    for precision in Precision.allCases where precision != .float32 {
      let other = try open(precision)
      let pictures = Self.cosines(seen, try other.projectImages(images))
      let words = Self.cosines(read, try other.projectTexts(texts, inBulk: true).projections)
      table.row(
        precision.rawValue, (pictures.min() ?? .nan).digits(5), Self.mean(pictures).digits(5),
        (words.min() ?? .nan).digits(5), Self.mean(words).digits(5))
    }
  }

  private func images(for model: any Embedder) throws -> [PreparedImage] {
    guard let pictures else {
      return try (0..<count).map { try model.prepare(VariedPicture(seed: UInt64($0)).image) }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: pictures).sorted()
      .filter { name in [".png", ".jpg", ".jpeg", ".webp"].contains { name.hasSuffix($0) } }
    let step = max(1, names.count / count)
    return try stride(from: 0, to: names.count, by: step).prefix(count).map { index in
      let data = try Data(contentsOf: URL(filePath: FilePath(pictures).appending(names[index]).string))
      return try model.prepare(ImageDecoder.decode([UInt8](data), options: .parity))
    }
  }

  private static func cosines(_ a: Projections, _ b: Projections) -> [Double] {
    (0..<a.count).map { row in
      let (x, y) = (a[row], b[row])
      func dot(_ p: [Float], _ q: [Float]) -> Double {
        zip(p, q).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      return dot(x, y) / (dot(x, x) * dot(y, y)).squareRoot()
    }
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}

/// A drawn picture, each of another kind, grain and colours.
struct VariedPicture {
  let image: Image

  init(seed: UInt64) {
    var numbers = RandomNumbers(seed: seed)
    let side = 256
    let grain = 1 << Int.random(in: 0...6, using: &numbers)
    let kind = Int(seed % 4)
    let colours = (0..<2).map { _ in (0..<3).map { _ in Float.random(in: 0...255, using: &numbers) } }
    let grid = side / grain + 2
    let values = (0..<grid * grid).map { _ in Float.random(in: 0...1, using: &numbers) }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        let (row, column) = (y / grain, x / grain)
        let mix: Float
        switch kind {
        case 0:  // clouds
          let (u, v) = (Float(x % grain) / Float(grain), Float(y % grain) / Float(grain))
          let top = values[row * grid + column] * (1 - u) + values[row * grid + column + 1] * u
          let bottom = values[(row + 1) * grid + column] * (1 - u) + values[(row + 1) * grid + column + 1] * u
          mix = top * (1 - v) + bottom * v
        case 1: mix = (row + column) % 2 == 0 ? 0 : 1  // checks
        case 2:  // a disc
          let (dx, dy) = (Float(x - side / 2), Float(y - side / 2))
          mix = dx * dx + dy * dy < Float(900 * (1 + grain)) ? 1 : Float(y) / Float(side) * 0.3
        default: mix = values[row * grid + column]  // blocks of noise
        }
        for channel in 0..<3 {
          pixels.append(UInt8(colours[0][channel] * (1 - mix) + colours[1][channel] * mix))
        }
      }
    }
    image = Image(width: side, height: side, pixels: pixels)
  }
}
