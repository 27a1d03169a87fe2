// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct `duet index` {
  @Test func `tells what it did, and does nothing twice`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    let first = try await duet("index", ".")
    #expect(first.status == 0)
    #expect(first.err == "indexed 5, unchanged 0, moved 0, removed 0, skipped 0\n")
    #expect(first.out.isEmpty)
    let again = try await duet("index")
    #expect(again.err == "indexed 0, unchanged 5, moved 0, removed 0, skipped 0\n")
  }

  @Test func `follows changes, moves and removals`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    try pictures.add("rgba8.png", as: "grey.jpg")  // another content, and not what its name says
    try pictures.move("lossy.webp", to: "deeper/renamed.webp")
    try pictures.remove("palette8.png")
    try pictures.add("grey8.png", as: "new.png")
    let second = try await duet("index")
    #expect(second.err == "indexed 2, unchanged 2, moved 1, removed 1, skipped 0\n")
    let verified = try await duet("verify", "--json")
    #expect(verified.status == 0)
    #expect(try verified.json["items"] as? Int == 5)
    #expect(try verified.json["missingFiles"] as? Int == 0)
  }

  @Test func `gives other captions to pictures whose sidecars changed`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    try pictures.directory.write("a lighthouse at dawn\nwaves\n", to: "rgb8.txt")
    let second = try await duet("index", "--json")
    #expect(try second.json["recaptioned"] as? Int == 1)
    #expect(try second.json["indexed"] as? Int == 0)
    let info = try await duet("info", "--json")
    #expect(try (info.json["library"] as? [String: Any])?["captions"] as? Int == 2)
  }

  @Test func `prints a summary for programs`() async throws {
    let pictures = try PictureFolder("rgb8.png", "hostile-dimensions.png")
    try pictures.directory.write("GIF89a and so on", to: "clip.gif")
    let run = try await DuetProgram(in: pictures.path)("index", ".", "--json")
    let summary = try run.json
    #expect(run.lines.count == 1)
    #expect(summary["type"] as? String == "summary")
    #expect(summary["model"] as? String == "builtin")
    #expect(summary["indexed"] as? Int == 1)
    #expect(summary["skipped"] as? Int == 1)
    #expect(summary["unsupported"] as? [String: Int] == ["GIF": 1])
    let stages = try #require(summary["stages"] as? [String: [String: Double]])
    #expect(stages.mapValues { $0["pictures"] } == ["read": 1, "embed": 1, "save": 1])
    #expect(stages.values.allSatisfy { $0["seconds"] ?? -1 >= 0 })
    #expect(summary["interrupted"] as? Bool == false)
    let skips = try #require(summary["skippedFiles"] as? [[String: String]])
    #expect(skips.map { $0["path"] } == [pictures.directory.path("hostile-dimensions.png")])
    #expect(run.err.contains("1 GIF picture: not supported yet\n"))
  }

  @Test func `skips what it cannot read, and says why`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let whole = try Fixture.bytes("Images/rgb-420.jpg")
    try pictures.directory.write(Array(whole.prefix(whole.count / 2)), to: "cut.jpg")
    try pictures.directory.write([], to: "empty.png")
    try pictures.directory.write("no picture at all", to: "text.webp")
    let duet = try DuetProgram(in: pictures.path)
    let run = try await duet("index", ".")
    #expect(run.status == 0)
    for name in ["cut.jpg", "empty.png", "text.webp"] {
      #expect(run.err.contains("skipped \(pictures.directory.path(name)): "))
    }
    #expect(run.err.hasSuffix("indexed 1, unchanged 0, moved 0, removed 0, skipped 3\n"))
    let strict = try await duet("index", "--strict", "--quiet")
    #expect(strict.status == 2)
    #expect(strict.err.isEmpty)
    let listed = try await duet("info", "--skipped", "--json")
    #expect(try listed.jsonLines.count == 3)
  }

  @Test func `names twenty skipped files at most, unless asked`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    for index in 0..<23 { try pictures.directory.write([], to: "empty\(index).png") }
    let duet = try DuetProgram(in: pictures.path)
    let run = try await duet("index", ".")
    #expect(run.err.split(separator: "\n").count { $0.hasPrefix("skipped ") } == 20)
    #expect(run.err.contains("… and 3 more: see 'duet info --skipped'\n"))
    let verbose = try await duet("index", "-v")
    #expect(verbose.err.split(separator: "\n").count { $0.hasPrefix("skipped ") } == 23)
    #expect(try await duet("info", "--skipped").lines.count == 23)
  }

  @Test func `says what the built-in model cannot do before it meets photographs`() async throws {
    let pictures = try PictureFolder("metadata.jpg")
    let duet = try DuetProgram(in: pictures.path)
    let run = try await duet("index", ".")
    #expect(run.status == 0)
    #expect(run.err.contains("photographs"))
    #expect(run.err.contains("hf download BAAI/BGE-VL-base"))
    #expect(run.err.contains("duet index --model BAAI/BGE-VL-base"))
    #expect(try await duet("index", "--quiet").err.isEmpty)
    let pictograms = try PictureFolder("rgb8.png", "grey.jpg")
    #expect(try await DuetProgram(in: pictograms.path)("index", ".").err.contains("photographs") == false)
  }

  @Test func `keeps the pictures of a folder that looks like an unmounted disk`() async throws {
    let pictures = try PictureFolder()
    try pictures.add("rgb8.png", as: "photos/a.png")
    try pictures.add("grey8.png", as: "photos/b.png")
    let duet = try DuetProgram(in: pictures.path)
    #expect(try await duet("index", "photos", "--index", "library").status == 0)
    try pictures.move("photos", to: "elsewhere")
    let gone = try await duet("index", "--index", "library")
    #expect(gone.status == 0)
    #expect(gone.err.contains("kept"))
    #expect(gone.err.hasSuffix("unchanged 2, moved 0, removed 0, skipped 0\n"))
    #expect(try await duet("index", "--index", "library", "--strict").status == 2)
    let verified = try await duet("verify", "--index", "library", "--json")
    #expect(try verified.json["absentRoots"] as? [String] == [pictures.directory.path("photos")])
    try FileManager.default.createDirectory(
      atPath: pictures.directory.path("photos"), withIntermediateDirectories: true)
    #expect(try await duet("index", "--index", "library").err.contains("removed 0,"))
    #expect(try await duet("index", "--index", "library", "--prune").err.contains("removed 2,"))
  }

  @Test func `a part of a library can be brought up to date by itself`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.add("grey8.png", as: "a/1.png")
    try pictures.add("palette8.png", as: "b/1.png")
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    try pictures.remove("a/1.png")
    try pictures.remove("b/1.png")
    #expect(try await duet("index", "b/../rgb8.png").status == 0)
    try pictures.add("rgba8.png", as: "b/2.png")
    #expect(try await duet("index", "b").err == "indexed 1, unchanged 0, moved 0, removed 1, skipped 0\n")
    #expect(try await duet("index").err == "indexed 0, unchanged 2, moved 0, removed 1, skipped 0\n")
    #expect(
      try await duet("index", "--new", "b").err == "indexed 1, unchanged 0, moved 0, removed 0, skipped 0\n")
    #expect(FileManager.default.fileExists(atPath: pictures.directory.path("b/.duet/catalog.sqlite")))
  }

  @Test func `Ctrl-C saves what is done, and the next run goes on from there`() async throws {
    let pictures = try PictureFolder(count: 2000)
    var duet = try DuetProgram(in: pictures.path)
    duet.environment["DUET_THREADS"] = "1"
    let run = try duet.start(["index", ".", "--json"])
    // The write-ahead log grows with the commits: the tables take some 300 KB of it, the first pictures the rest.
    let log = pictures.directory.path(".duet/catalog.sqlite-wal")
    // On a thread of its own: the cooperative pool may be full of other tests while the program runs to its end.
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
          let size = (try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int) ?? 0
          if size > 400_000 { break }
          usleep(1000)
        }
        kill(run.process, SIGINT)
        continuation.resume()
      }
    }
    let stopped = try await run.finished()
    #expect(stopped.status == 130)
    let done = try #require(try stopped.json["indexed"] as? Int)
    #expect(try stopped.json["interrupted"] as? Bool == true)
    #expect(done > 0 && done < 2000)
    #expect(stopped.err.contains("the next 'duet index' goes on from there"))
    #expect(try await duet("verify").status == 0)
    let info = try await duet("info", "--json")
    #expect(try (info.json["library"] as? [String: Any])?["items"] as? Int == done)
  }

  @Test func `--storage is kept by the library, and by segments from then on`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    func storage() async throws -> String? {
      (try await duet("info", "--json").json["library"] as? [String: Any])?["storage"] as? String
    }
    #expect(try await duet("index", ".", "--fresh-limit", "1").status == 0)
    #expect(try await storage() == "f32")
    #expect(try await duet("index", "--storage", "int8", "--rebuild", "--fresh-limit", "1").status == 0)
    #expect(try await storage() == "int8")
    let formats = try pictures.segments.map { try Data(contentsOf: URL(filePath: $0))[8] }
    #expect(formats.contains(3))
    try pictures.add("rgba8.png", as: "later.png")
    #expect(try await duet("index", "--fresh-limit", "1").status == 0)
    #expect(try await storage() == "int8")
    #expect(try await duet("info").out.contains("vectors kept as  int8"))
    #expect(try await duet("verify").status == 0)
    #expect(
      try await duet("search", "--image", "later.png", "-k", "1", "--paths-only").lines == ["later.png"])
    #expect(try await duet("index", "--storage", "int4").status == 2)
  }
}
