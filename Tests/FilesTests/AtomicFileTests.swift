// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Files

@Suite("Atomic files")
struct AtomicFileTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test("A write replaces the whole file and leaves no other")
  func replaces() throws {
    let path = FilePath(folder.path("file"))
    try AtomicFile.write([1, 2, 3], to: path)
    try AtomicFile.write([4], to: path, permissions: 0o600)
    #expect(try readFile(path, limit: 10) == [4])
    #expect(try FileStatus(of: path).permissions == 0o600)
    #expect(try names() == ["file"])
  }

  @Test("A stream of small, large and padded pieces arrives as appended", arguments: [1, 2, 3])
  func streams(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let path = FilePath(folder.path("file"))
    let writer = try AtomicFileWriter(to: path, expectedSize: 4 << 20)
    var expected: [UInt8] = []
    for size in [0, 1, 100, 700_000, 500_000, 2_000_000, 3, 1 << 20] {
      let piece = [UInt8](repeating: UInt8.random(in: 1...255, using: &random), count: size)
      try writer.append(piece)
      expected += piece
      try writer.pad(toMultipleOf: 64)
      expected += [UInt8](repeating: 0, count: (64 - expected.count % 64) % 64)
      #expect(writer.offset == expected.count)
    }
    try writer.overwrite([9, 8, 7], at: 1)
    expected.replaceSubrange(1..<4, with: [9, 8, 7])
    #expect(!FileManager.default.fileExists(atPath: path.string))
    try writer.commit()
    #expect(try readFile(path, limit: 1 << 30) == expected)
    #expect(try names() == ["file"])
  }

  @Test("A dropped or discarded writer leaves nothing, and the old file stays")
  func discards() throws {
    let path = FilePath(try folder.write("old", to: "file"))
    do {
      let writer = try AtomicFileWriter(to: path)
      try writer.append([UInt8](repeating: 1, count: 3 << 20))
      #expect(try names().filter(AtomicFile.isTemporaryName).count == 1)
    }
    let writer = try AtomicFileWriter(to: path)
    writer.discard()
    expect(.system) { try writer.commit() }
    #expect(try names() == ["file"])
    #expect(try readFile(path, limit: 10) == Array("old".utf8))
  }

  @Test("A folder that is missing, or no name to give, are errors that leave nothing")
  func refuses() throws {
    expect(.notFound) { try AtomicFile.write([1], to: FilePath(folder.path("none/file"))) }
    try FileManager.default.createDirectory(atPath: folder.path("taken"), withIntermediateDirectories: false)
    expect(.notRegularFile) { try AtomicFile.write([1], to: FilePath(folder.path("taken"))) }
    #expect(try names() == ["taken"])
    expect(.outOfSpace) { try AtomicFileWriter(to: FilePath(folder.path("huge")), expectedSize: 1 << 60) }
    #expect(try names() == ["taken"])
  }

  @Test("A full device is told apart from other errors")
  func fullDevice() throws {
    let full = try FileDescriptor.open("/dev/full", .writeOnly)
    defer { try? full.close() }
    let failure = [1, 2, 3].withUnsafeBytes { writeFully($0, to: full, at: 0) }
    #expect(failure == .noSpace)
    let error = FileError(.noSpace, "write", "/x/y")
    #expect(error.code == .outOfSpace)
    #expect(error.description.contains("/x/y: cannot write") && error.description.contains("free some space"))
  }

  @Test("On a full disk the write fails, the old file stays and the temporary one goes")
  func fullDisk() throws {
    // Only root may mount; elsewhere the test above stands alone.
    guard mount("tmpfs", folder.path, "tmpfs", 0, "size=256k") == 0 else { return }
    defer { umount2(folder.path, 2) }
    let path = FilePath(folder.path("file"))
    try AtomicFile.write([1], to: path)
    expect(.outOfSpace) { try AtomicFile.write([UInt8](repeating: 2, count: 1 << 20), to: path) }
    #expect(try readFile(path, limit: 10) == [1])
    #expect(try names() == ["file"])
  }
}
