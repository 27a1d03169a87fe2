// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite("Mapped and read files")
struct MappedFileTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  @Test("A map shows the file's bytes", arguments: [0, 1, 4095, 4096, 4097, 100_000])
  func mapsBytes(count: Int) throws {
    var random = SeededRandom(seed: UInt64(count))
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    let file = try MappedFile(FilePath(folder.write(bytes, to: "data")), size: count)
    file.advise(.willNeed)
    file.advise(.random, range: 10..<200_000)
    #expect(file.size == count)
    let copy = file.withBytes { span in
      (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(copy == bytes)
    #expect(Array(UnsafeRawBufferPointer(start: file.base, count: file.size)) == bytes)
    #expect(file.bytes.byteCount == count)
  }

  @Test("A map outlives the file's name")
  func survivesUnlink() throws {
    let path = try folder.write("abc", to: "data")
    let file = try MappedFile(FilePath(path))
    try FileManager.default.removeItem(atPath: path)
    #expect(file.withBytes { $0.unsafeLoad(fromByteOffset: 2, as: UInt8.self) } == UInt8(ascii: "c"))
  }

  @Test("What cannot be mapped is refused with path and remedy")
  func refuses() throws {
    let path = FilePath(try folder.write("abc", to: "data"))
    let link = FilePath(folder.path("link"))
    try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: path.string)
    #expect(throws: Never.self) { try MappedFile(link) }
    expect(.notRegularFile) { try MappedFile(link, followsLinks: false) }
    expect(.sizeMismatch) { try MappedFile(path, size: 4) }
    expect(.notRegularFile) { try MappedFile(FilePath(folder.path)) }
    expect(.notFound) { try MappedFile(FilePath(folder.path("none"))) }
    expect(.notDirectory) { try MappedFile(path.appending("below")) }
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    expect(.notRegularFile) { try MappedFile(FilePath(folder.path("pipe"))) }
    expect(.notRegularFile) { try MappedFile("/dev/zero") }
    let error = #expect(throws: FileError.self) { try MappedFile(FilePath(folder.path("none"))) }
    #expect(error?.description.hasPrefix(folder.path("none") + ": cannot open: ") == true)
  }

  @Test("A file is read whole, up to the limit")
  func reads() throws {
    let bytes = [UInt8](repeating: 7, count: 70_000)
    let path = FilePath(try folder.write(bytes, to: "data"))
    #expect(try readFile(path, limit: 70_000) == bytes)
    expect(.tooLarge) { try readFile(path, limit: 69_999) }
    #expect(try readFile(FilePath(folder.write("", to: "empty")), limit: 0) == [])
    expect(.notRegularFile) { try readFile(FilePath(folder.path), limit: 10) }
    #expect(try readPrefix(path, count: 9) == Array(bytes.prefix(9)))
    #expect(try readPrefix(path, count: 80_000) == bytes)
    expect(.notRegularFile) { try readPrefix(FilePath(folder.path), count: 1) }
    let (again, status) = try readFileAndStatus(path, limit: 1 << 20)
    #expect(again.count == status.size)
    #expect(try status == FileStatus(of: path))
  }

  @Test("Files that state no size are read to their end, and no further than the limit")
  func readsProc() throws {
    #expect(try !readFile("/proc/self/status", limit: 1 << 20).isEmpty)
    expect(.tooLarge) { try readFile("/proc/self/status", limit: 10) }
    expect(.notRegularFile) { try readFile("/dev/zero", limit: 10) }
  }

  @Test("Status tells files, folders and links apart, to the nanosecond")
  func status() throws {
    let path = FilePath(try folder.write("abc", to: "data"))
    var times = [timespec(tv_sec: 5, tv_nsec: 6), timespec(tv_sec: 1_700_000_000, tv_nsec: 123_456_789)]
    #expect(utimensat(AT_FDCWD, path.string, &times, 0) == 0)
    let status = try FileStatus(of: path)
    #expect(status.kind == .regular)
    #expect(status.size == 3)
    #expect(status.modified == 1_700_000_000_123_456_789)
    #expect(try FileStatus(of: FilePath(folder.path)).kind == .directory)
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: path.string)
    #expect(try FileStatus(of: FilePath(folder.path("link"))).inode == status.inode)
    #expect(try FileStatus(of: FilePath(folder.path("link")), followsLinks: false).kind == .symbolicLink)
  }
}

/// Expects a ``FileError`` of one kind.
func expect(
  _ code: FileError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> some Any
) {
  let error = #expect(throws: FileError.self, sourceLocation: sourceLocation) { _ = try body() }
  #expect(error?.code == code, sourceLocation: sourceLocation)
}
