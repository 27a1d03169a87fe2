// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Files

@Suite("Locks")
struct FileLockTests {
  let folder: TemporaryDirectory
  let path: FilePath

  init() throws {
    folder = try TemporaryDirectory()
    path = FilePath(folder.path("lock"))
  }

  @Test("A second taker is told who holds the lock; letting go lets it in")
  func excludes() throws {
    var first: FileLock? = try FileLock(path)
    #expect(first != nil)
    let error = #expect(throws: FileError.self) { try FileLock(path) }
    #expect(error?.code == .locked)
    #expect(error?.message.contains("pid \(getpid())") == true)
    #expect(FileLock.holder(of: path) == getpid())
    first = nil
    #expect(FileLock.holder(of: path) == nil)
    let second = try FileLock(path)
    second.unlock()
    second.unlock()
    #expect(throws: Never.self) { try FileLock(path) }
  }

  @Test("Letting go counts for a forked child's copy of the descriptor too")
  func unlocksCopies() throws {
    let lock = try FileLock(path)
    // What fork(2) does to the open file until the child execs, without the fork.
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
      Int32($0)
    }
    let held = try #require(
      descriptors.first {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path.string
      })
    let copy = dup(held)
    defer { close(copy) }
    lock.unlock()
    #expect(throws: Never.self) { try FileLock(path) }
  }

  @Test("A patient taker gets the lock when it is let go, and gives up in time")
  func waits() async throws {
    let first = try FileLock(path)
    let start = ContinuousClock.now
    expect(.locked) { try FileLock(path, timeout: .milliseconds(60)) }
    #expect(ContinuousClock.now - start >= .milliseconds(60))
    let waiting = Task.detached { [path] in try FileLock(path, timeout: .seconds(30)) }
    try await Task.sleep(for: .milliseconds(20))
    first.unlock()
    _ = try await waiting.value
  }

  @Test("The lock of a killed process is free")
  func survivesKill() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["flock", "--no-fork", path.string, "sleep", "60"]
    guard (try? process.run()) != nil else { return }
    let deadline = ContinuousClock.now + .seconds(20)
    var isHeld = false
    while !isHeld, process.isRunning, ContinuousClock.now < deadline {
      if (try? FileLock(path)) == nil { isHeld = true } else { usleep(10_000) }
    }
    // Without flock(1) there is nothing to kill.
    guard isHeld else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(throws: Never.self) { try FileLock(path) }
  }

  @Test("A lock needs a folder, and no link in its place")
  func refuses() throws {
    expect(.notFound) { try FileLock(FilePath(folder.path("none/lock"))) }
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "elsewhere")
    expect(.notRegularFile) { try FileLock(FilePath(folder.path("link"))) }
  }
}

@Suite("Byte readers")
struct ByteReaderTests {
  @Test("Numbers of both orders and runs of bytes are read in turn")
  func reads() throws {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    var reader = ByteReader(bytes.span.bytes, path: "x")
    #expect(try reader.readLittleEndian(UInt16.self) == 0x0201)
    #expect(try reader.readBigEndian(UInt32.self) == 0x0304_0506)
    #expect(try reader.readBytes(2) == [7, 8])
    #expect(reader.remaining == 2)
    try reader.seek(to: 1)
    #expect(try reader.readLittleEndian(UInt64.self) == 0x0908_0706_0504_0302)
    try reader.skip(1)
    #expect(reader.position == 10)
    try reader.seek(to: 2)
    #expect(try reader.readSpan(3).byteCount == 3)
  }

  @Test("Nothing is read past the end, whatever the length says", arguments: [11, UInt64.max, 1 << 63])
  func refuses(length: UInt64) {
    let bytes = [UInt8](repeating: 0, count: 10)
    expect(.malformed) {
      var reader = ByteReader(bytes.span.bytes, path: "x")
      _ = try reader.readBytes(length)
    }
    expect(.malformed) {
      var reader = ByteReader(bytes.span.bytes, path: "x", position: 3)
      try reader.seek(to: length)
    }
    expect(.malformed) {
      var reader = ByteReader(bytes.span.bytes, path: "x", position: 3)
      _ = try reader.readLittleEndian(UInt64.self)
    }
    expect(.malformed) {
      var reader = ByteReader(bytes.span.bytes, path: "x")
      try reader.skip(-1)
    }
  }
}

@Suite("Folders and places")
struct PlacesTests {
  @Test("Folders are made with those above, and a file in the way is an error")
  func creates() throws {
    let folder = try TemporaryDirectory()
    let deep = FilePath(folder.path("a/b/c/d"))
    try Folders.create(deep, permissions: 0o700)
    try Folders.create(deep)
    #expect(try FileStatus(of: deep).permissions == 0o700)
    #expect(Folders.isWritable(deep))
    #expect(!Folders.isWritable(FilePath(folder.path("none"))))
    try folder.write("x", to: "a/file")
    try folder.write("x", to: "a/.f")
    expect(.notDirectory) { try Folders.create(FilePath(folder.path("a/file"))) }
    expect(.notDirectory) { try Folders.create(FilePath(folder.path("a/file/below"))) }
    #expect(try Folders.names(in: FilePath(folder.path("a"))) == [".f", "b", "file"])
    #expect(try Folders.removeFile(FilePath(folder.path("a/file"))))
    #expect(try !Folders.removeFile(FilePath(folder.path("a/file"))))
    #expect((Folders.freeSpace(at: deep) ?? 0) > 0)
  }

  @Test("A network disk is told from a local one")
  func kinds() throws {
    let folder = try TemporaryDirectory()
    #expect(try FileSystemKind(of: FilePath(folder.path)) == .local)
    #expect(FileSystemKind(type: "nfs4") == .network("nfs4"))
    #expect(FileSystemKind(type: "fuse.sshfs").isNetwork)
    #expect(!FileSystemKind(type: "fuseblk").isNetwork)
    expect(.notFound) { try FileSystemKind(of: FilePath(folder.path("none"))) }
  }

  @Test("The kernel's mount table is read by mount id")
  func mountTable() {
    let table = """
      21 26 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
      36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - nfs4 server:/x rw
      damaged line
      40 35 0:9 / /a - tmpfs t rw
      """
    #expect(FileSystemKind.mountID(in: "pos:\t0\nflags:\t0100000\nmnt_id:\t36\nino:\t2\n") == "36")
    #expect(FileSystemKind.type(ofMount: "36", in: table) == "nfs4")
    #expect(FileSystemKind.type(ofMount: "40", in: table) == "tmpfs")
    #expect(FileSystemKind.type(ofMount: "99", in: table) == nil)
    #expect(FileSystemKind.mountID(in: "pos: 0") == nil)
  }

  @Test("The XDG variables are taken when absolute, and have fallbacks")
  func directories() {
    let set = [
      "HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "relative", "XDG_RUNTIME_DIR": "/run/user/1",
    ]
    let places = BaseDirectories { set[$0] }
    #expect(places.data == "/d/duet")
    #expect(places.cache == "/h/.cache/duet")
    #expect(places.config == "/h/.config/duet")
    #expect(places.runtime == "/run/user/1/duet")
    let bare = BaseDirectories(environment: { _ in nil }, accountHome: "/account")
    #expect(bare.data == "/account/.local/share/duet")
    #expect(bare.runtime == "/account/.cache/duet/run")
    #expect(BaseDirectories.current.data.isAbsolute)
  }
}
