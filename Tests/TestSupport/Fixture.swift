// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Files committed for the tests.
public enum Fixture {
  /// The repository's root, found from this file's own path.
  public static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `Fixtures/<name>`.
  public static func url(_ name: String) -> URL {
    repository.appending(path: "Fixtures").appending(path: name)
  }

  /// The bytes of `Fixtures/<name>`.
  public static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: url(name)))
  }
}

/// A folder of a test's own, removed with everything in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
  /// The folder.
  public let url: URL

  /// Makes an empty folder.
  ///
  /// - Parameter inMemory: on a memory disk, where there is one: for tests that sync thousands of times.
  public init(inMemory: Bool = false) throws {
    let memory = "/dev/shm"
    let place =
      inMemory && FileManager.default.isWritableFile(atPath: memory)
      ? URL(filePath: memory, directoryHint: .isDirectory) : FileManager.default.temporaryDirectory
    url = place.appending(path: "duet-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  /// The folder as a plain path.
  public var path: String { url.path(percentEncoded: false) }

  /// A path inside the folder.
  public func path(_ name: String) -> String { url.appending(path: name).path(percentEncoded: false) }

  /// Writes a file inside the folder, making the folders above it.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path(percentEncoded: false)
  }

  /// Writes a text file inside the folder.
  @discardableResult
  public func write(_ text: String, to name: String) throws -> String {
    try write([UInt8](text.utf8), to: name)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// A small repeatable generator (SplitMix64), so that a failing random test fails again.
public struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  /// Starts the sequence that belongs to `seed`.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A normally distributed number (Box-Muller).
  public mutating func normal() -> Float {
    let u = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
    let v = Double.random(in: 0..<1, using: &self)
    return Float((-2 * log(u)).squareRoot() * cos(2 * .pi * v))
  }
}
