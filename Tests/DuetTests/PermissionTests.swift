// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// Another user's rights: when the tests run as root, which may do anything, the program runs as nobody.
@Suite(.enabled(if: Unprivileged.isPossible, "the built program cannot be run by another user here"))
struct `Without permission to write` {
  @Test func `a read-only folder has its library elsewhere, found again from within`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let duet = try Unprivileged.program(in: pictures.path)
    chmod(pictures.path, 0o555)
    defer { chmod(pictures.path, 0o755) }
    let run = try await duet("index", ".")
    #expect(run.status == 0)
    #expect(run.err.contains("cannot hold a library"))
    #expect(run.err.contains(duet.home.path("data/duet/libraries/")))
    #expect(!FileManager.default.fileExists(atPath: pictures.directory.path(".duet")))
    let again = try await duet("index")
    #expect(again.err == "indexed 0, unchanged 1, moved 0, removed 0, skipped 0\n")
    #expect(try await duet("verify").status == 0)
  }

  @Test func `indexing leaves a catalog that is whole by itself`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    for arguments in [["index", "."], ["index", "."], ["index", ".", "--rebuild"]] {
      #expect(try await duet.run(arguments).status == 0)
      let log = pictures.directory.path(".duet/catalog.sqlite-wal")
      let size = try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
      #expect(size ?? 0 == 0, "\(arguments)")
    }
    // What a backup or a read-only disk shows.
    let copy = try TemporaryDirectory()
    for name in ["catalog.sqlite", "segments"] {
      try FileManager.default.createDirectory(atPath: copy.path(".duet"), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: pictures.directory.path(".duet/\(name)"), toPath: copy.path(".duet/\(name)"))
    }
    let found = try await DuetProgram(in: copy.path)("search", "lighthouse", "--json")
    #expect(found.status == 0 && found.out.contains("rgb8.png"))
  }

  @Test func `a library that may only be read is read`() async throws {
    let pictures = try PictureFolder.ofFive()
    let owner = try DuetProgram(in: pictures.path)
    #expect(try await owner("index", ".", "--fresh-limit", "1").status == 0)
    try Unprivileged.makeReadOnly(pictures.path)
    defer { Unprivileged.makeWritable(pictures.path) }
    let reader = try Unprivileged.program(in: pictures.path)
    let info = try await reader("info", "--json")
    #expect(info.status == 0)
    #expect(try (info.json["library"] as? [String: Any])?["readOnly"] as? Bool == true)
    let verified = try await reader("verify", "--json")
    #expect(verified.status == 0)
    #expect(try verified.json["vectors"] as? Int == 6)
    let index = try await reader("index")
    #expect(index.status == 2)
    #expect(index.err.hasPrefix("duet: "))
  }

  @Test func `files and folders that may not be read are reported, and what they held is kept`() async throws
  {
    let pictures = try PictureFolder("rgb8.png", "grey8.png")
    try pictures.add("palette8.png", as: "closed/a.png")
    let duet = try Unprivileged.program(in: pictures.path)
    try Unprivileged.giveAway(pictures.path)
    #expect(try await duet("index", ".").err == "indexed 3, unchanged 0, moved 0, removed 0, skipped 0\n")
    for name in ["new.png", "closed"] {
      if name == "new.png" { try pictures.add("rgba8.png", as: name) }
      chmod(pictures.directory.path(name), 0)
    }
    defer { chmod(pictures.directory.path("closed"), 0o755) }
    let run = try await duet("index")
    #expect(run.status == 0)
    #expect(run.err.contains("skipped \(pictures.directory.path("new.png")): "))
    #expect(run.err.contains("skipped \(pictures.directory.path("closed")): "))
    #expect(run.err.contains("removed 0, skipped 2\n"))
  }

  @Test func `captions of a sidecar or a folder that may not be read come back with the right to read`()
    async throws
  {
    let pictures = try PictureFolder("rgb8.png", "grey8.png")
    try pictures.directory.write("lighthouse\n", to: "rgb8.txt")
    try pictures.add("palette8.png", as: "closed/a.png")
    try pictures.directory.write("file,caption\na.png,harbour\n", to: "closed/captions.csv")
    let duet = try Unprivileged.program(in: pictures.path)
    try Unprivileged.giveAway(pictures.path)
    func captions() async throws -> Int? {
      try (await duet("info", "--json").json["library"] as? [String: Any])?["captions"] as? Int
    }
    #expect(try await duet("index", ".").err.contains("indexed 3,"))
    // The sidecar's new text cannot be read: the old one stays, and the file is not taken for read.
    try pictures.directory.write("a lighthouse at dusk\n", to: "rgb8.txt")
    for name in ["rgb8.txt", "closed"] { chmod(pictures.directory.path(name), 0) }
    defer { chmod(pictures.directory.path("closed"), 0o755) }
    for _ in 0..<2 {
      let run = try await duet("index")
      #expect(run.err.contains("skipped \(pictures.directory.path("rgb8.txt")): "))
      #expect(run.err.hasSuffix("removed 0, skipped 2\n"))
      #expect(try await captions() == 2)
    }
    for name in ["rgb8.txt", "closed"] { chmod(pictures.directory.path(name), 0o755) }
    try pictures.remove("closed/captions.csv")
    let back = try await duet("index", "--json")
    #expect(try back.json["recaptioned"] as? Int == 2)
    #expect(try await captions() == 1)
    #expect(try await duet("search", "dusk", "-k", "1", "--paths-only").out == "rgb8.png\n")
  }
}

/// Runs the program without root's rights.
enum Unprivileged {
  private static let nobody: uid_t = 65534
  private static var asNobody: [String] {
    getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : []
  }

  /// Whether `setpriv` is there and the built program can be reached.
  static let isPossible: Bool = {
    guard getuid() == 0 else { return true }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = asNobody + [DuetProgram.path, "--version"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  static func program(in folder: String) throws -> DuetProgram {
    var program = try DuetProgram(in: folder)
    program.prefix = asNobody
    try giveAway(program.home.path)
    return program
  }

  /// Makes a folder and what is in it the unprivileged user's.
  static func giveAway(_ folder: String) throws {
    guard getuid() == 0 else { return }
    for path in [folder] + contents(of: folder) { try #require(chown(path, nobody, nobody) == 0) }
  }

  static func makeReadOnly(_ folder: String) throws {
    for path in contents(of: folder).reversed() + [folder] {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      try #require(chmod(path, isFolder.boolValue ? 0o555 : 0o444) == 0)
    }
  }

  static func makeWritable(_ folder: String) {
    chmod(folder, 0o755)
    for path in contents(of: folder) { chmod(path, 0o755) }
  }

  private static func contents(of folder: String) -> [String] {
    (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).map {
      "\(folder)/\($0)"
    }
  }
}
