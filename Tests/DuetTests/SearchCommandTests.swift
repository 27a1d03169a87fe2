// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite struct `duet search` {
  /// Five pictures of which one is said to show a lighthouse, and one has a Chinese name; indexed.
  static let indexed = Task {
    let pictures = try PictureFolder.ofFive()
    try pictures.add("palette4.png", as: "灯塔的照片.png")
    try pictures.directory.write("灯塔\n", to: "灯塔的照片.txt")
    let run = try await DuetProgram(in: pictures.path)("index", ".", "--model", "builtin")
    try #require(run.status == 0, "\(run.err)")
    return pictures
  }

  static func search(_ arguments: String..., input: [UInt8] = []) async throws -> DuetProgram.Run {
    try await DuetProgram(in: try await indexed.value.path).run(["search"] + arguments, input: input)
  }

  @Test func `exit status: 0 for hits, 1 for none, 2 for errors`() async throws {
    #expect(try await Self.search("lighthouse").status == 0)
    let none = try await Self.search("xyzzy")
    #expect(none.status == 1 && none.output.isEmpty && none.err.contains("--cut off"))
    #expect(try await Self.search("lighthouse", "-g", "*.gif").status == 1)
    for wrong in [["--not-text", "a"], ["-k", "0", "a"], ["--cut", "b", "a"], ["--image", "none.png"]] {
      let run = try await DuetProgram(in: try await Self.indexed.value.path).run(["search"] + wrong)
      #expect(run.status == 2 && run.output.isEmpty && run.err.hasPrefix("duet: "))
    }
  }

  @Test func `the same picture is the first answer to a picture, from a file and from standard input`()
    async throws
  {
    let bytes = try Fixture.bytes("Images/grey.jpg")
    for arguments in [["--image", "grey.jpg"], ["--image", "-"], ["--image", "2:-"]] {
      let run = try await DuetProgram(in: try await Self.indexed.value.path)
        .run(["search", "-l", "-k", "1"] + arguments, input: bytes)
      #expect(run.status == 0 && run.out == "grey.jpg\n")
    }
  }

  @Test func `--json is one object a line, the summary last`() async throws {
    let run = try await Self.search("lighthouse", "--json", "--explain", "--cut", "off", "-k", "3")
    let lines = try run.jsonLines
    #expect(lines.count == 4)
    let hit = try #require(lines.first)
    #expect(hit["type"] as? String == "hit" && hit["relative"] as? String == "rgb8.png")
    #expect(hit["words"] as? Bool == true && hit["captions"] as? [String] == ["a lighthouse at dusk"])
    #expect(hit["explanation"] is [String: Any])
    let fused = lines.dropLast().compactMap { $0["fused"] as? Double }
    #expect(fused.count == 3 && fused == fused.sorted(by: >))
    let summary = try #require(lines.last)
    #expect(summary["type"] as? String == "summary" && summary["shown"] as? Int == 3)
    #expect(summary["found"] as? Int == 6 && summary["searched"] as? Int == 6)
    #expect(summary["plan"] is [String: Any])
    let none = try await Self.search("xyzzy", "--json")
    #expect(none.status == 1)
    #expect(try none.jsonLines.map { $0["type"] as? String } == ["summary"])
  }

  @Test func `paths end in a line feed or a NUL, and are relative to the working directory`() async throws {
    #expect(try await Self.search("灯塔", "-k", "1", "--paths-only").out == "灯塔的照片.png\n")
    #expect(try await Self.search("灯", "-k", "1", "-0").out == "灯塔的照片.png\0")
    let pictures = try await Self.indexed.value
    let run = try await DuetProgram()("search", "灯塔", "-k", "1", "-l", "--index", pictures.path)
    #expect(run.out == "\(pictures.directory.path("灯塔的照片.png"))\n")
  }

  @Test func `the table's columns stand in line, whatever the script, and its scores descend`() async throws {
    let run = try await Self.search("a lighthouse", "灯塔", "--cut", "off", "--color", "never")
    let lines = run.lines.map(String.init)
    let header = try #require(lines.first)
    #expect(header.hasPrefix(" SCORE  COSINE      Z  FOUND"))
    let scores = lines.dropFirst().compactMap { Double($0.prefix(6).filter { $0 != " " }) }
    #expect(scores.count == 6 && scores == scores.sorted(by: >))
    // Every Chinese sign takes two columns.
    func columns(_ text: Substring) -> Int {
      text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x2E80 ? 1 : 2) }
    }
    let place = try #require(header.firstRange(of: "CAPTION")).lowerBound
    for caption in ["a lighthouse at dusk", "灯塔"] {
      let line = try #require(lines.first { $0.hasSuffix("  \(caption)") })
      #expect(columns(line.dropLast(caption.count)) == columns(header[..<place]))
    }
    #expect(run.err == "duet: the best 6 of 6 pictures\n")
  }

  @Test func `a name cannot break the table`() async throws {
    let pictures = try PictureFolder()
    try pictures.add("rgb8.png", as: "new\nline.png")
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".", "--model", "builtin")
    let table = try await duet("search", "x", "--cut", "off")
    #expect(table.lines.count == 2 && table.out.contains("new\\x0Aline.png"))
    #expect(try await duet("search", "x", "--cut", "off", "-0").out == "new\nline.png\0")
  }

  @Test func `--cut z:N holds for words, too`() async throws {
    #expect(try await Self.search("lighthouse", "--cut", "z:5").status == 0)
    #expect(try await Self.search("lighthouse", "--cut", "z:50").status == 1)
  }

  @Test func `a weight that changes nothing is told, and values may start with a dash`() async throws {
    let ratio = try await Self.search("16:9", "--cut", "off")
    #expect(ratio.status == 0 && ratio.err.contains("write \\: for a plain colon"))
    #expect(!(try await Self.search("16\\:9", "--cut", "off")).err.contains("weight"))
    let negative = try await Self.search("--text", "-1:lighthouse")
    #expect(negative.status == 2 && negative.err.contains("--not-text"))
  }

  @Test func `filters are exact, and say so when nothing passes`() async throws {
    func found(_ arguments: String...) async throws -> Set<String> {
      let run = try await DuetProgram(in: try await Self.indexed.value.path)
        .run(["search", "lighthouse", "--cut", "off", "-l"] + arguments)
      return Set(run.lines.map(String.init))
    }
    #expect(try await found("-e", "JPG") == ["grey.jpg", "rgb-420.jpg"])
    #expect(try await found("-t", "webp") == ["lossy.webp"])
    #expect(try await found("-g", "!*.png", "-t", "jpg", "-g", "rgb*") == ["rgb-420.jpg"])
    #expect(try await found("--caption", "LIGHTHOUSE") == ["rgb8.png"])
    #expect(try await found("--size", "+1G").isEmpty)
    #expect(try await found("--changed-within", "1h").count == 6)
    let none = try await Self.search("lighthouse", "--taken-after", "2024-02-29")
    #expect(none.status == 1 && none.err.contains("no picture passes the filters"))
    #expect(try await Self.search("lighthouse", "--taken-after", "2023-02-29").status == 2)
    #expect(
      try await Self.search("lighthouse", "--cut", "off", "-l", "--sort", "name").lines.first == "grey.jpg")
  }

  @Test func `composed queries answer, and excluding by what is said takes away`() async throws {
    let both = try await Self.search("--image", "grey.jpg", "--text", "0.5:lighthouse", "--json", "--explain")
    let plan = try #require(try both.jsonLines.last?["plan"] as? [String: Any])
    #expect(both.status == 0 && plan["kind"] as? String == "composed")
    let without = try await Self.search("lighthouse", "--exclude-text", "at dusk", "--json")
    #expect(try without.jsonLines.last?["excluded"] as? Int == 1)
    #expect(!without.out.contains("rgb8.png"))
  }
}

@Suite struct `duet embed` {
  @Test func `prints an object per input, texts first, each of length 1`() async throws {
    let folder = try PictureFolder("rgb8.png")
    let run = try await DuetProgram(in: folder.path)(
      "embed", "--model", "builtin", "--image", "rgb8.png", "--text", "a cat", "--text", "-5:x", "--json")
    let lines = try run.jsonLines
    #expect(lines.map { $0["kind"] as? String } == ["text", "text", "image"])
    #expect(lines.map { $0["input"] as? String } == ["a cat", "-5:x", "rgb8.png"])
    for line in lines {
      let vector = try #require(line["embedding"] as? [Double])
      #expect(vector.count == line["dimension"] as? Int)
      #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }
  }

  @Test func `--compose makes one vector of all inputs, by their weights`() async throws {
    let folder = try PictureFolder("rgb8.png")
    let duet = try DuetProgram(in: folder.path)
    func composed(_ inputs: String...) async throws -> [Double] {
      let run = try await duet.run(["embed", "--model", "builtin", "--json", "--compose"] + inputs)
      let lines = try run.jsonLines
      #expect(lines.count == 1 && lines.first?["kind"] as? String == "composed")
      return try #require(lines.first?["embedding"] as? [Double])
    }
    let text = try await composed("--text", "a cat")
    let mostlyText = try await composed("--image", "rgb8.png", "--text", "900:a cat")
    let even = try await composed("--image", "rgb8.png", "--text", "a cat")
    func cosine(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    #expect(cosine(text, mostlyText) > 0.999)
    #expect(cosine(text, even) < 0.99)
  }

  @Test(arguments: ["0", "64k", "800M", "2g"])
  func `--max-memory changes no answer`(_ size: String) async throws {
    let pictures = try PictureFolder.ofFive()
    let duet = try DuetProgram(in: pictures.path)
    _ = try await duet("index", ".", "--fresh-limit", "1")
    let query = ["search", "--image", "rgb8.png", "--paths-only"]
    let plain = try await duet.run(query)
    let limited = try await duet.run(query + ["--max-memory", size])
    #expect(plain.status == 0 && limited.status == 0 && plain.out == limited.out)
    #expect(try await duet.run(query + ["--max-memory", "much"]).status == 2)
  }
}
