// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct `duet index --watch` {
  /// Starts a watch that ends at some time, also when a test gives up.
  private func start(_ duet: DuetProgram, _ options: String...) throws -> RunningProgram {
    var duet = duet
    duet.prefix = ["timeout", "--foreground", "--signal=KILL", "300"]
    return try duet.start(["index", ".", "--watch"] + options)
  }

  /// Lines of JSON that a run has written.
  private func updates(_ run: RunningProgram) -> [[String: Any]] {
    run.outputSoFar.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  private func hasUpdate(_ run: RunningProgram, _ kind: String, _ count: Int) async -> Bool {
    await run.waited { self.updates(run).dropFirst().contains { $0[kind] as? Int == count } }
  }

  @Test func `follows what changes, tells each update on a line, and ends well with Ctrl-C`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    let run = try start(duet, "--json")
    #expect(await run.waited { run.diagnosticsSoFar.contains("watching for changes") })
    try pictures.add("rgba8.png", as: "new/other.png")
    #expect(await hasUpdate(run, "indexed", 1))
    // Others search and index meanwhile.
    #expect(
      try await duet("search", "--image", "new/other.png", "-k", "1", "--paths-only").lines == [
        "new/other.png"
      ])
    #expect(try await duet("index").err == "indexed 0, unchanged 6, moved 0, removed 0, skipped 0\n")
    try pictures.directory.write("a harbour at night\n", to: "grey.txt")
    #expect(await hasUpdate(run, "recaptioned", 1))
    #expect(try await duet("search", "harbour", "-k", "1", "--paths-only").lines == ["grey.jpg"])
    try pictures.remove("new/other.png")
    #expect(await hasUpdate(run, "removed", 1))
    kill(run.process, SIGINT)
    let ended = try await run.finished()
    #expect(ended.status == 0)
    #expect(try ended.jsonLines.count == 4)
    let lines = ended.err.split(separator: "\n")
    #expect(
      lines.prefix(2) == [
        "indexed 5, unchanged 0, moved 0, removed 0, skipped 0", "watching for changes; Ctrl-C ends it",
      ])
    #expect(lines.count { $0.hasPrefix("indexed ") } == 4)
    #expect(lines.contains { $0.hasSuffix("skipped 0, recaptioned 1") })
    #expect(lines.last?.hasPrefix("stopping") == true)
    #expect(try await duet("verify").status == 0)
  }

  @Test func `is quiet when asked, ends with SIGTERM, and tells a broken file once`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let duet = try DuetProgram(in: pictures.path)
    let run = try start(duet)
    #expect(await run.waited { run.diagnosticsSoFar.contains("watching for changes") })
    try pictures.directory.write("no picture at all", to: "broken.png")
    #expect(
      await run.waited { run.diagnosticsSoFar.contains("skipped \(pictures.directory.path("broken.png"))") })
    try pictures.add("grey8.png", as: "good.png")
    #expect(
      await run.waited {
        run.diagnosticsSoFar.contains("indexed 1, unchanged 1, moved 0, removed 0, skipped 1")
      })
    kill(run.process, SIGTERM)
    let ended = try await run.finished()
    #expect(ended.status == 0)
    #expect(ended.err.split(separator: "\n").count { $0.hasPrefix("skipped ") } == 1)

    let quiet = try start(duet, "--quiet", "--json")
    #expect(await quiet.waited { quiet.outputSoFar.contains("\n") })
    try pictures.add("rgba8.png", as: "later.png")
    #expect(await hasUpdate(quiet, "indexed", 1))
    kill(quiet.process, SIGTERM)
    let silent = try await quiet.finished()
    #expect(silent.status == 0)
    #expect(silent.err.split(separator: "\n").map { $0.prefix(8) } == ["stopping"])
  }

  @Test func `refuses what makes no sense`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    let duet = try DuetProgram(in: pictures.path)
    #expect(try await duet("index", ".", "--watch", "--strict").status == 2)
    let file = try await duet("index", "rgb8.png", "--watch")
    #expect(file.status == 2 && file.err.contains("name its folder"))
  }
}
