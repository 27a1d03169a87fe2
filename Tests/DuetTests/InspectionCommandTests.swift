// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct `duet info, verify, roots and model` {
  @Test func `info shows library, roots and program`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    let info = try await duet("info")
    #expect(info.status == 0)
    #expect(info.out.contains("pictures         5\n"))
    #expect(info.out.contains("builtin, "))
    #expect(info.out.contains(pictures.directory.path(".duet")))
    let json = try await duet("info", "--json").json
    let library = try #require(json["library"] as? [String: Any])
    #expect(library["items"] as? Int == 5)
    #expect(library["captions"] as? Int == 1)
    let roots = try #require(library["roots"] as? [[String: Any]])
    #expect(roots.map { $0["items"] as? Int } == [5])
    let program = try #require(json["program"] as? [String: Any])
    #expect((program["blas"] as? String)?.isEmpty == false)
    #expect(program["indexFormat"] as? Int == 3)
  }

  @Test func `info works from below, by --index and by $DUET_INDEX`() async throws {
    let pictures = try PictureFolder("rgb8.png")
    try pictures.add("grey8.png", as: "deep/er/1.png")
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    var below = duet
    below.folder = pictures.directory.path("deep/er")
    #expect(try await below("info").status == 0)
    var elsewhere = duet
    elsewhere.folder = duet.home.path
    let missing = try await elsewhere("info")
    #expect(missing.status == 2)
    #expect(missing.err.hasPrefix("duet: no library in "))
    #expect(missing.out.contains("BLAS"))
    #expect(try await elsewhere("info", "--index", pictures.path).status == 0)
    elsewhere.environment["DUET_INDEX"] = pictures.directory.path(".duet")
    #expect(try await elsewhere("info").status == 0)
  }

  @Test func `verify finds a damaged segment, and index mends it`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".", "--fresh-limit", "1")
    let segment = try #require(try pictures.segments.last)
    let sound = try await duet("verify", "--json")
    #expect(sound.status == 0)
    #expect(try sound.json["segments"] as? Int == 2)
    #expect(try sound.json["vectors"] as? Int == 6)
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: segment)))
    // In the vectors, which begin behind the 4 KiB or less of header.
    bytes[bytes.count / 2] ^= 0x10
    try Data(bytes).write(to: URL(filePath: segment))
    let damaged = try await duet("verify")
    #expect(damaged.status == 2)
    #expect(damaged.out.contains("damaged: "))
    #expect(damaged.out.contains("damaged segment"))
    try Data(bytes.prefix(40)).write(to: URL(filePath: segment))
    #expect(try await duet("verify").status == 2)
    try FileManager.default.removeItem(atPath: segment)
    let lost = try await duet("verify", "--json")
    #expect(lost.status == 2)
    #expect(try lost.json["sound"] as? Bool == false)
    #expect(try await duet("index").status == 0)
    let mended = try await duet("verify", "--json")
    #expect(mended.status == 0)
    #expect(try mended.json["vectors"] as? Int == 6)
  }

  @Test func `verify --recall compares searches with exact ones`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    let run = try await duet("verify", "--recall")
    #expect(run.status == 0 && run.err.isEmpty)
    #expect(run.out.contains("pictures → pictures  0.98"))
    #expect(run.out.contains("captions → pictures  exact"))
    #expect(run.out.contains("every search here reads all vectors"))
    let json = try await duet("verify", "--recall", "--json").json
    #expect(json["sound"] as? Bool == true)
    let recall = try #require(json["recall"] as? [[String: Any]])
    #expect(recall.count == 21)
    #expect(recall.allSatisfy { $0["recall"] as? Double == 1 && $0["medianMilliseconds"] is Double })
    #expect(recall[2]["wanted"] as? String == "0.98")
    #expect(try await duet("verify", "--json").json["recall"] == nil)
  }

  @Test func `verify lists orphans, gone and changed pictures as no damage`() async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".")
    try pictures.directory.write(
      "left by a killed run", to: ".duet/segments/00112233445566778899aabbccddeeff.duetvec")
    try pictures.remove("grey.jpg")
    try pictures.add("rgba8.png", as: "rgb8.png")
    let findings = try await duet("verify", "--json")
    #expect(findings.status == 0)
    #expect(try findings.json["orphans"] as? [String] == ["00112233445566778899aabbccddeeff.duetvec"])
    #expect(try findings.json["missingFiles"] as? Int == 1)
    #expect(try findings.json["changedFiles"] as? Int == 1)
    _ = try await duet("index")
    #expect(try pictures.segments.isEmpty)
  }

  @Test func `roots are listed and removed`() async throws {
    let pictures = try PictureFolder()
    for name in ["one/a.png", "one/b.png", "two/c.png"] { try pictures.add("rgb8.png", as: name) }
    let duet = try DuetProgram(in: pictures.path)
    #expect(try await duet("index", "one", "two", "--index", "library").status == 0)
    let listed = try await duet("roots", "list", "--json", "--index", "library")
    #expect(try listed.jsonLines.map { $0["items"] as? Int } == [2, 1])
    let removed = try await duet("roots", "remove", "one", "--index", "library")
    #expect(removed.status == 0)
    #expect(removed.err == "removed \(pictures.directory.path("one")): 2 pictures left the library\n")
    #expect(try await duet("roots", "list", "--index", "library").lines.count == 1)
    #expect(try await duet("verify", "--index", "library").status == 0)
    let unknown = try await duet("roots", "remove", "three", "--index", "library")
    #expect(unknown.status == 2)
    #expect(unknown.err.contains(pictures.directory.path("two")))
    #expect(FileManager.default.fileExists(atPath: pictures.directory.path("one/a.png")))
  }

  @Test func `model list shows the built-in model, and broken ones with the reason`() async throws {
    var duet = try DuetProgram()
    let snapshot = "hub/models--acme--broken-clip/snapshots/1"
    try duet.home.write(#"{"model_type": "clip"}"#, to: "\(snapshot)/config.json")
    duet.environment["HF_HOME"] = duet.home.path
    let models = try await duet("model", "list", "--json").jsonLines
    #expect(models.map { $0["name"] as? String } == ["builtin", "acme/broken-clip"])
    #expect(models.map { $0["usable"] as? Bool } == [true, false])
    #expect((models[1]["problem"] as? String)?.isEmpty == false)
    let table = try await duet("model", "list")
    #expect(table.lines.count == 3)
    #expect(table.out.contains("pictograms only"))
  }
}
