// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Images
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import Embedders

@Suite("Precision and packed weights")
struct PrecisionTests {
  private static let texts = ["a cat", "red circle", "mountain at night", "一只猫", "0123456789"]

  private func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func dot(_ x: [Float], _ y: [Float]) -> Double {
      zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
  }

  /// The golden pictures, and drawn ones.
  private func pictures() throws -> [Image] {
    var images = try ["photo.jpg", "awkward.jpg"].map {
      try ImageDecoder.decode(Fixture.bytes("Models/\($0)"), options: .parity)
    }
    for seed in 1...6 {
      var random = SeededRandom(seed: UInt64(seed))
      let colours = (0..<4).map { _ in (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) } }
      let cell = Int.random(in: 5...70, using: &random)
      images.append(
        Image(
          width: 128, height: 128,
          pixels: (0..<128 * 128).flatMap { colours[($0 / 128 / cell + $0 % 128 / cell * seed) % 4] }))
    }
    return images
  }

  @Test(
    "vectors keep their direction: within 0.9995 in bfloat16, 0.99 in bytes",
    arguments: [
      Precision.bfloat16, .int8,
    ])
  func faithful(_ precision: Precision) throws {
    let floor = precision == .int8 ? 0.99 : 0.9995
    let exact = try ModelRegistry.open(.builtin, packedWeights: nil)
    let packed = try ModelRegistry.open(.builtin, precision: precision, packedWeights: nil)
    #expect(packed.precision == precision)
    let (texts, rounded) = (try exact.projectTexts(Self.texts), try packed.projectTexts(Self.texts))
    for (row, text) in Self.texts.enumerated() {
      let found = cosine(texts.projections[row], rounded.projections[row])
      #expect(found > floor && found < 1, "\(text): \(found)")
    }
    let images = try pictures()
    let (seen, roughly) = (try exact.projectImages(images), try packed.projectImages(images))
    for index in images.indices {
      let found = cosine(seen[index], roughly[index])
      #expect(found > floor && found < 1, "picture \(index): \(found)")
    }
  }

  @Test("a text gets the same bits alone and among others", arguments: Precision.allCases)
  func company(_ precision: Precision) throws {
    let model = try ModelRegistry.open(.builtin, precision: precision, packedWeights: nil)
    let together = try model.projectTexts(Self.texts, inBulk: false).projections
    for (row, text) in Self.texts.enumerated() {
      #expect(try model.projectTexts([text]).projections[0] == together[row], "\(text)")
    }
  }

  @Test(
    "checkpoints of all kinds run in all precisions", arguments: GoldenTests.models,
    [Precision.bfloat16, .int8])
  func kinds(_ name: String, _ precision: Precision) throws {
    let checkpoint = try Checkpoint(copyOf: name)
    let exact = try checkpoint.open().projectTexts(["a cat"]).projections[0]
    let other = try checkpoint.open(precision: precision).projectTexts(["a cat"]).projections[0]
    #expect(cosine(exact, other) > 0.98 && exact != other)
  }

  private struct Cache {
    let folder: TemporaryDirectory
    var cache: PackedWeightsCache { cache() }

    func cache(byteLimit: Int = 1 << 30) -> PackedWeightsCache {
      PackedWeightsCache(
        folder: FilePath(folder.path("packed")), byteLimit: byteLimit,
        hashes: WeightsHashCache(folder: FilePath(folder.path("hashes"))))
    }

    init() throws { folder = try TemporaryDirectory() }

    var files: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path("packed"))) ?? []).sorted()
    }

    func url(_ name: String) -> URL { folder.url.appending(path: "packed").appending(path: name) }
  }

  @Test(
    "the first use writes a file for each tower, later ones map it and compute the same",
    arguments: [
      Precision.float32, .bfloat16, .int8,
    ])
  func cached(_ precision: Precision) throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let cache = try Cache()
    let images = [try ImageDecoder.decode(Fixture.bytes("Models/photo.jpg"), options: .parity)]
    func project(_ cache: PackedWeightsCache?) throws -> [[Float]] {
      let model = try checkpoint.open(precision: precision, packedWeights: cache)
      return [try model.projectTexts(["a cat"]).projections[0], try model.projectImages(images)[0]]
    }
    let alone = try project(nil)
    #expect(try project(cache.cache) == alone)
    let files = cache.files
    #expect(files.count == 2 && files.allSatisfy { $0.contains("-\(precision.rawValue)-1-") })
    let before = try files.map { try Data(contentsOf: cache.url($0)) }
    #expect(try project(cache.cache) == alone)
    #expect(try files.map { try Data(contentsOf: cache.url($0)) } == before && cache.files == files)
  }

  @Test("single precision in the checkpoint is used where it lies")
  func inPlace() throws {
    let cache = try Cache()
    _ = try Checkpoint(copyOf: "legacy").open(packedWeights: cache.cache).projectTexts(["a cat"])
    #expect(cache.files == [])
  }

  @Test("other weights have another file")
  func key() throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let cache = try Cache()
    func project() throws -> [Float] {
      let model = try checkpoint.open(precision: .int8, packedWeights: cache.cache)
      return try model.projectTexts(["a cat"]).projections[0]
    }
    let first = try project()
    try checkpoint.editTensors { tensors in
      let name = try #require(tensors.keys.first { $0.hasSuffix("text_projection.weight") })
      let bytes = tensors[name]?.bytes ?? []
      tensors[name]?.bytes = Array(bytes[(bytes.count / 2)...] + bytes[..<(bytes.count / 2)])
    }
    #expect(try project() != first && cache.files.count == 2)
  }

  @Test(
    "a damaged file is made again, never believed",
    arguments: ["cut", "empty", "flipped", "renamed", "hostile"])
  func damaged(_ damage: String) throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let cache = try Cache()
    func project() throws -> [Float] {
      let model = try checkpoint.open(precision: .bfloat16, packedWeights: cache.cache)
      return try model.projectTexts(["a cat"]).projections[0]
    }
    let sound = try project()
    let file = try #require(cache.files.first)
    let url = cache.url(file)
    let bytes = [UInt8](try Data(contentsOf: url))
    var tensors = try StoredTensor.read(bytes)
    let name = try #require(tensors.keys.sorted().first)
    let tensor = try #require(tensors[name])
    let spoiled: [UInt8]
    switch damage {
    case "cut": spoiled = Array(bytes.dropLast(64))
    case "flipped":
      // In the midst of the numbers, where any byte makes a vector.
      var flipped = bytes
      flipped[bytes.count - 1000] ^= 0x40
      spoiled = flipped
    case "renamed":
      tensors[name] = nil
      tensors["other"] = tensor
      spoiled = try StoredTensor.write(tensors)
    case "hostile":
      tensors[name] = StoredTensor(dtype: "U8", shape: [1], bytes: [1])
      spoiled = try StoredTensor.write(tensors)
    default: spoiled = []
    }
    try Data(spoiled).write(to: url)
    // A clock may not have gone on since the file was written.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: 5)], ofItemAtPath: url.path())
    #expect(try project() == sound)
    #expect([UInt8](try Data(contentsOf: url)) == bytes, "written again")
    // Under a name that promises those bytes, too, and alone: then the header and the lengths tell.
    guard damage != "flipped" else { return }
    try FileManager.default.removeItem(at: url)
    let hash = ContentHash(of: spoiled).description
    let key = file.split(separator: "-").dropLast().joined(separator: "-")
    try Data(spoiled).write(to: cache.url("\(key)-\(hash).safetensors"))
    #expect(try project() == sound)
    #expect(cache.files == [file])
  }

  @Test("weights that were replaced while they were in use are not kept under the new ones' name")
  func replaced() throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let cache = try Cache()
    let model = try checkpoint.open(precision: .bfloat16, packedWeights: cache.cache)
    try checkpoint.editTensors { tensors in
      let name = try #require(tensors.keys.first { $0.hasSuffix("text_projection.weight") })
      let bytes = tensors[name]?.bytes ?? []
      tensors[name]?.bytes = Array(bytes[(bytes.count / 2)...] + bytes[..<(bytes.count / 2)])
    }
    _ = try? model.projectTexts(["a cat"])
    #expect(cache.files == [])
    let reopened = try checkpoint.open(precision: .bfloat16, packedWeights: cache.cache)
    let alone = try checkpoint.open(precision: .bfloat16).projectTexts(["a cat"])
    #expect(try reopened.projectTexts(["a cat"]) == alone && cache.files.count == 1)
  }

  @Test("beyond its bytes the cache gives up what was not used for longest")
  func limited() throws {
    let cache = try Cache()
    let checkpoint = try Checkpoint(copyOf: "minimal")
    func project(_ precision: Precision, byteLimit: Int) throws {
      _ = try checkpoint.open(precision: precision, packedWeights: cache.cache(byteLimit: byteLimit))
        .projectTexts(["a cat"])
    }
    try project(.float32, byteLimit: 1 << 30)
    let first = try #require(cache.files.first)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: cache.url(first).path())
    try project(.bfloat16, byteLimit: 1 << 30)
    #expect(cache.files.count == 2)
    let second = try #require(cache.files.first { $0 != first })
    let sizes = try cache.files.map { try Data(contentsOf: cache.url($0)).count }.reduce(0, +)
    try project(.int8, byteLimit: sizes)
    #expect(cache.files.count == 2 && cache.files.contains(second) && !cache.files.contains(first))
  }

  @Test("a cache that cannot be written costs nothing but time")
  func unwritable() throws {
    let folder = try TemporaryDirectory()
    let file = try folder.write("a file", to: "packed")
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let model = try checkpoint.open(
      precision: .bfloat16, packedWeights: PackedWeightsCache(folder: FilePath(file)))
    let alone = try checkpoint.open(precision: .bfloat16).projectTexts(["a cat"])
    #expect(try model.projectTexts(["a cat"]) == alone)
  }

  @Test("many first uses at once agree")
  func concurrent() async throws {
    let checkpoint = try Checkpoint(copyOf: "minimal")
    let cache = try Cache()
    let shared = cache.cache
    let results = try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<8 {
        group.addTask {
          let model = try checkpoint.open(precision: .int8, packedWeights: shared)
          return try model.projectTexts(["a cat"]).projections[0]
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.count == 8 && results.allSatisfy { $0 == results[0] } && cache.files.count == 1)
  }

  @Test("what was not used for two months goes when something is written")
  func unused() throws {
    let cache = try Cache()
    let checkpoint = try Checkpoint(copyOf: "minimal")
    func project(_ precision: Precision) throws {
      _ = try checkpoint.open(precision: precision, packedWeights: cache.cache).projectTexts(["a cat"])
    }
    try project(.bfloat16)
    let old = try #require(cache.files.first)
    func age(_ name: String, days: Double) throws {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -86_400 * days)], ofItemAtPath: cache.url(name).path())
    }
    try age(old, days: 59)
    try project(.bfloat16)  // used: its time is today's again
    try age(old, days: 61)
    try project(.int8)
    #expect(cache.files.count == 1 && !cache.files.contains(old))
    let kept = cache.files[0]
    try age(kept, days: 61)
    try project(.int8)
    try project(.bfloat16)
    #expect(cache.files.count == 2, "a use keeps a file")
  }
}
