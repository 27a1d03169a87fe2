// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct `Folders and libraries that are not as they should be` {
  @Test func `a name that is not UTF-8 is a reported skip`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    var name = Array(pictures.directory.path("caf").utf8CString.dropLast())
    name += [CChar(bitPattern: 0xE9)] + ".png".utf8CString
    let file = open(name, O_WRONLY | O_CREAT, 0o644)
    try #require(file >= 0)
    close(file)
    let run = try await DuetProgram(in: pictures.path)("index", ".")
    #expect(run.status == 0)
    #expect(run.err.contains("UTF-8"))
    #expect(run.err.hasSuffix("indexed 1, unchanged 0, moved 0, removed 0, skipped 1\n"))
  }

  @Test func `formats are told by content, not by name`() async throws {
    let pictures = try PictureFolder()
    try pictures.add("rgb8.png", as: "really-a-png.jpg")
    try pictures.add("lossy.webp", as: "no-extension")
    try pictures.directory.write("GIF89a and so on", to: "really-a-gif.png")
    let run = try await DuetProgram(in: pictures.path)("index", ".")
    #expect(run.err.contains("1 GIF picture: not supported yet\n"))
    #expect(run.err.hasSuffix("indexed 2, unchanged 0, moved 0, removed 0, skipped 0\n"))
  }

  @Test func `a loop of links ends, hidden and ignored files stay out`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.add("grey8.png", as: ".hidden/a.png")
    try pictures.add("palette8.png", as: "ignored.png")
    try pictures.directory.write("ignored.png\n", to: ".duetignore")
    try FileManager.default.createSymbolicLink(
      atPath: pictures.directory.path("loop"), withDestinationPath: pictures.path)
    let duet = try DuetProgram(in: pictures.path)
    #expect(try await duet("index", ".").err == "indexed 1, unchanged 0, moved 0, removed 0, skipped 0\n")
    let all = try await duet("index", "-H", "-I")
    #expect(all.err == "indexed 2, unchanged 1, moved 0, removed 0, skipped 0\n")
  }

  @Test func `a library of a newer Duet is refused, and left alone`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    let catalog = pictures.directory.path(".duet/catalog.sqlite")
    // Byte 60 of a SQLite file: user_version, big-endian.
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: catalog)))
    bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
    try Data(bytes).write(to: URL(filePath: catalog))
    for command in [["index"], ["info"], ["verify"]] {
      let run = try await duet.run(command)
      #expect(run.status == 2)
      #expect(run.err.contains("newer Duet"))
    }
    #expect([UInt8](try Data(contentsOf: URL(filePath: catalog))) == bytes)
  }

  @Test func `a first run that ended before it had made the library is begun again`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.directory.write("", to: ".duet/catalog.sqlite")
    let duet = try DuetProgram(in: pictures.path)
    let search = try await duet("search", "red")
    #expect(search.status == 2)
    #expect(search.err.contains("duet index"))
    #expect(try await duet("index", ".").err == "indexed 1, unchanged 0, moved 0, removed 0, skipped 0\n")
  }

  @Test func `a catalog that is no database is an error with its name`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.directory.write("not a database at all", to: ".duet/catalog.sqlite")
    for command in [["index", "."], ["info"], ["verify"]] {
      let run = try await DuetProgram(in: pictures.path).run(command)
      #expect(run.status == 2)
      #expect(run.err.contains("catalog.sqlite"))
    }
  }

  @Test func `two writers at once: the second one is told who is at work`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    let lock = open(pictures.directory.path(".duet/ingest.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    defer { close(lock) }
    try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
    let second = try await duet("index")
    #expect(second.status == 2)
    #expect(second.err.contains("another process"))
    #expect(try await duet("roots", "remove", ".").status == 2)
    // Readers are not in the way of a writer, nor it in theirs.
    #expect(try await duet("verify").status == 0)
    #expect(try await duet("info").status == 0)
    flock(lock, LOCK_UN)
    #expect(try await duet("index").status == 0)
  }

  @Test func `two programs that start at once leave a whole library`() async throws {
    let pictures = try PictureFolder(count: 40)
    let duet = try DuetProgram(in: pictures.path)
    let runs = try (0..<2).map { _ in try duet.start(["index", "."]) }
    var statuses: [Int32] = []
    for run in runs { statuses.append(try await run.finished().status) }
    #expect(statuses.contains(0))
    #expect(statuses.allSatisfy { $0 == 0 || $0 == 2 })
    let verified = try await duet("verify", "--json")
    #expect(verified.status == 0)
    #expect(try verified.json["items"] as? Int == 40)
  }
}
