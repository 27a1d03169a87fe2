// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Files

@Suite("Files opened beneath a folder")
struct OpenFileTests {
  let folder: TemporaryDirectory
  let root: FilePath

  init() throws {
    folder = try TemporaryDirectory()
    root = FilePath(folder.path("root"))
    try folder.write("secret", to: "outside/secret")
    try folder.write("0123456789", to: "root/sub/deep/file")
  }

  private func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder.path(name), withDestinationPath: target)
  }

  @Test("A file is read in parts, with the status it has")
  func reads() throws {
    let file = try openBeneath("sub/deep/file", root: root)
    let status = try FileStatus(of: FilePath(folder.path("root/sub/deep/file")))
    #expect(file.status == status && file.size == 10)
    #expect(file.modified == status.modified && file.inode == status.inode)
    #expect(file.path == root.appending("sub/deep/file"))
    #expect(try file.read(at: 0, count: 10) == Array("0123456789".utf8))
    #expect(try file.read(at: 3, count: 4) == Array("3456".utf8))
    #expect(try file.read(at: 8, count: .max) == Array("89".utf8))
    #expect(try file.read(at: 10, count: 5).isEmpty && file.read(at: .max, count: 5).isEmpty)
    #expect(try file.read(at: 2, count: 0).isEmpty)
    #expect(try openBeneath("sub//deep/file", root: root).size == 10)
  }

  @Test(
    "Paths that lead out are refused",
    arguments: [
      "", ".", "..", "../outside/secret", "sub/../../outside/secret", "./sub/deep/file", "/etc/passwd", "/",
    ])
  func leadingOut(path: String) {
    expect(.notFound) { try openBeneath(path, root: root) }
  }

  @Test("A NUL does not cut a path short")
  func nul() {
    expect(.notFound) { try openBeneath("sub/deep/file\0.jpg", root: root) }
  }

  @Test("Links are refused wherever they are and wherever they lead")
  func links() throws {
    try link("root/out", to: "../outside")
    try link("root/out-file", to: "../outside/secret")
    try link("root/in", to: "sub")
    try link("root/in-file", to: "sub/deep/file")
    try link("root/sub/up", to: "..")
    for path in ["out/secret", "in/deep/file", "sub/up/sub/deep/file"] {
      expect(.notDirectory) { try openBeneath(path, root: root) }
    }
    for path in ["out-file", "in-file", "in"] {
      expect(.notRegularFile) { try openBeneath(path, root: root) }
    }
    // The root is the caller's own choice.
    try link("alias", to: "root")
    #expect(try openBeneath("sub/deep/file", root: FilePath(folder.path("alias"))).size == 10)
  }

  @Test("What is no regular file is refused at once", .timeLimit(.minutes(1)))
  func special() throws {
    #expect(mkfifo(folder.path("root/pipe"), 0o600) == 0)
    expect(.notRegularFile) { try openBeneath("pipe", root: root) }
    expect(.notRegularFile) { try openBeneath("sub", root: root) }
    expect(.notRegularFile) { try openBeneath("zero", root: "/dev") }
    expect(.notDirectory) { try openBeneath("sub/deep/file/below", root: root) }
    expect(.notFound) { try openBeneath("sub/none", root: root) }
    expect(.notFound) { try openBeneath("file", root: root.appending("none")) }
  }

  @Test("A name of any bytes can be opened")
  func names() throws {
    let odd: [CChar] = "a\u{1}\n\\ é".utf8CString.dropLast() + [CChar(bitPattern: 0xFF), 0]
    let path = folder.path("root/").utf8CString.dropLast() + odd
    let descriptor = open(Array(path), O_CREAT | O_WRONLY, 0o600)
    #expect(write(descriptor, "xy", 2) == 2 && close(descriptor) == 0)
    #expect(
      try openBeneath(FilePath(platformString: odd), root: root).read(at: 0, count: 9) == Array("xy".utf8))
    try folder.write("z", to: "root/日本/ü ?#%2e%2e")
    #expect(try openBeneath("日本/ü ?#%2e%2e", root: root).size == 1)
  }

  @Test("An open file stays itself, whatever takes its name")
  func swapped() throws {
    let file = try openBeneath("sub/deep/file", root: root)
    try FileManager.default.removeItem(atPath: folder.path("root/sub/deep/file"))
    try link("root/sub/deep/file", to: "../../../outside/secret")
    #expect(try file.read(at: 0, count: 3) == Array("012".utf8))
    expect(.notRegularFile) { try openBeneath("sub/deep/file", root: root) }
    try FileManager.default.moveItem(atPath: folder.path("root/sub"), toPath: folder.path("root/was"))
    try link("root/sub", to: "../outside")
    expect(.notDirectory) { try openBeneath("sub/secret", root: root) }
  }

  @Test("A file that shrinks gives what is left, one that grows what it was")
  func changes() throws {
    let file = try openBeneath("sub/deep/file", root: root)
    #expect(truncate(folder.path("root/sub/deep/file"), 20) == 0)
    #expect(try file.read(at: 0, count: 30).count == 10)
    #expect(truncate(folder.path("root/sub/deep/file"), 4) == 0)
    #expect(try file.read(at: 1, count: 9) == Array("123".utf8))
  }

  @Test("While a folder is swapped for a link and back, what is opened is always inside")
  func race() async throws {
    try folder.write("secret", to: "outside/deep/file")
    try link("root/trap", to: "../outside")
    let (sub, trap, third) = (folder.path("root/sub"), folder.path("root/trap"), folder.path("root/third"))
    let swapping = Task.detached {
      while !Task.isCancelled {
        rename(sub, third)
        rename(trap, sub)
        rename(sub, trap)
        rename(third, sub)
      }
    }
    var (opened, refused) = (0, 0)
    for _ in 0..<3000 {
      if let file = try? openBeneath("sub/deep/file", root: root) {
        opened += 1
        #expect(file.size == 10)
      } else {
        refused += 1
      }
    }
    swapping.cancel()
    await swapping.value
    #expect(opened + refused == 3000)
  }
}
