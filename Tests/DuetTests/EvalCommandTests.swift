// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// The program and its own model on a handful of painted pictures.
@Suite struct `duet eval` {
  /// Pictures of one colour each, with captions, and a library of them.
  private static func library() async throws -> (duet: DuetProgram, folder: TemporaryDirectory) {
    let folder = try TemporaryDirectory()
    let colours: [(name: String, rgb: [UInt8])] = [
      ("red", [230, 20, 20]), ("green", [20, 160, 40]), ("blue", [30, 60, 220]), ("white", [250, 250, 250]),
      ("black", [5, 5, 5]), ("yellow", [250, 220, 30]),
    ]
    for (name, rgb) in colours {
      try folder.write(TinyPNG.encode(rgb[0], rgb[1], rgb[2], side: 32), to: "pictures/\(name).png")
      try folder.write("a picture painted \(name)", to: "pictures/\(name).txt")
    }
    let duet = try DuetProgram(in: folder.path("pictures"))
    #expect(try await duet("index", ".", "--model", "builtin").status == 0)
    return (duet, folder)
  }

  private func rows(_ run: DuetProgram.Run) throws -> [String: [String: Any]] {
    let rows = try #require(try run.json["rows"] as? [[String: Any]])
    return Dictionary(uniqueKeysWithValues: rows.map { ($0["query"] as? String ?? "", $0) })
  }

  @Test func `a library, by kinds, as a table and as JSON`() async throws {
    let (duet, folder) = try await Self.library()
    try folder.write(
      """
      {"text": "yellow", "relevant": ["yellow.png"]}
      {"text": "blue", "relevant": ["blue.png"], "kind": "colour"}
      {"image": "pictures/red.png", "relevant": ["red.png"]}
      {"terms": [{"item": "red.png", "weight": 2}, {"text": "red"}], "relevant": ["\(folder.path("pictures/red.png"))"]}
      {"image": "pictures/green.png", "text": "green", "relevant": ["green.png"], "exclude": ["red.png"]}
      {"text": "asdfgh", "relevant": [], "kind": "nonsense"}
      """, to: "queries.jsonl")
    let file = folder.path("queries.jsonl")
    let json = try rows(try await duet("eval", "library", file, "--cut", "off", "--json"))
    #expect(Set(json.keys) == ["text", "image", "composed", "colour", "nonsense", "all"])
    // The words "yellow" and "blue" stand in one caption each; a picture is its own nearest neighbour.
    for kind in ["text", "colour", "image"] {
      #expect((json[kind]?["recall"] as? [String: Double])?["1"] == 1)
    }
    // An item of the query is no answer, so that the first composed query cannot be answered.
    #expect((json["composed"]?["recall"] as? [String: Double])?["10"] == 0.5)
    #expect(json["composed"]?["median_rank"] is NSNull)
    #expect(json["all"]?["queries"] as? Int == 6 && json["all"]?["answerable"] as? Int == 5)
    #expect(json["nonsense"]?["recall"] == nil)
    // Six pictures were returned, one of them right; of what nothing answers, nothing is right.
    #expect((json["image"]?["right"] as? Double).map { abs($0 - 1.0 / 6) < 1e-9 } == true)
    #expect(json["nonsense"]?["right"] is NSNull)
    #expect((json["text"]?["median_ms"] as? Double).map { $0 > 0 } == true)
    let table = try await duet("eval", "library", file)
    #expect(table.status == 0 && table.err.isEmpty)
    #expect(table.lines[1].hasPrefix("| query    | queries |") && table.lines[1].contains("| nothing | "))
    #expect(table.lines[2].hasPrefix("| -------- | ------: |"))
  }

  @Test func `fields and cut decide what is found`() async throws {
    let (duet, folder) = try await Self.library()
    try folder.write(
      """
      {"text": "yellow", "relevant": ["yellow.png"]}
      {"text": "zzzz", "relevant": [], "kind": "nonsense"}
      """, to: "queries.jsonl")
    let file = folder.path("queries.jsonl")
    let words = try rows(try await duet("eval", "library", file, "--fields", "words", "--json"))
    #expect((words["text"]?["recall"] as? [String: Double])?["1"] == 1)
    #expect(words["text"]?["nothing"] as? Double == 0 && words["nonsense"]?["nothing"] as? Double == 1)
    for (cut, nothing) in [("off", 0.0), ("z:1000", 1.0)] {
      let run = try await duet("eval", "library", file, "--fields", "image,caption", "--cut", cut, "--json")
      #expect(try rows(run)["nonsense"]?["nothing"] as? Double == nothing)
    }
    let wrong = try await duet("eval", "library", file, "--fields", "colour")
    #expect(wrong.status == 2 && wrong.err.contains("--fields"))
  }

  @Test(arguments: [
    (
      "{\"text\": \"a\", \"relevant\": [\"nobody.png\"]}",
      "line 1: relevant: nobody.png: the library has no such item"
    ),
    ("\n{\"text\": \"a\"}", "line 2: relevant: is missing"),
    ("{\"text\": \"a\", \"relevent\": []}", "relevent: no such key; the keys are text, image"),
    ("{\"relevant\": []}", "line 1: no wanted term"),
    ("{\"terms\": [{\"text\": \"a\", \"image\": \"b\"}], \"relevant\": []}", "a term has one of"),
    ("{\"terms\": [{\"text\": \"a\", \"role\": \"maybe\"}], \"relevant\": []}", "role: maybe: the roles are"),
    ("{\"terms\": [{\"text\": \"a\", \"weight\": -1}], \"relevant\": []}", "line 1: \"a\": the weight -1.0"),
    ("{\"terms\": [{\"item\": \"no.png\"}], \"relevant\": []}", "item: no.png: the library has no such item"),
    ("{\"image\": \"no.png\", \"relevant\": []}", "line 1: image "), ("[1]", "line 1: must be an object"),
    ("", "the file is empty"), ("{", "line 1: "),
  ])
  func `bad queries are errors with file and line`(_ content: String, _ expected: String) async throws {
    let (duet, folder) = try await Self.library()
    try folder.write(content, to: "queries.jsonl")
    let run = try await duet("eval", "library", folder.path("queries.jsonl"))
    #expect(run.status == 2 && run.out.isEmpty)
    #expect(run.err.hasPrefix("duet: ") && run.err.contains(expected), "\(run.err)")
  }

  @Test func `a benchmark, its cache, and its submission`() async throws {
    let (duet, folder) = try await Self.library()
    try folder.write(
      """
      {"images": [{"id": 1, "file_name": "red.png"}, {"id": 2, "file_name": "green.png"},
                  {"id": 3, "file_name": "blue.png"}, {"id": 4, "file_name": "white.png"}]}
      """, to: "gallery.json")
    try folder.write(
      """
      [{"id": 0, "reference_img_id": 1, "relative_caption": "is green", "shared_concept": "is a square",
        "target_img_id": 1, "gt_img_ids": [1, 2]}]
      """, to: "annotations/val.json")
    let arguments = [
      "eval", "circo", folder.path, "--images", folder.path("pictures"), "--gallery",
      folder.path("gallery.json"),
      "--model", "builtin",
    ]
    let first = try await duet.run(arguments + ["--json", "--submission", folder.path("out")])
    #expect(first.status == 0)
    #expect(first.err == "duet: wrote \(folder.path("out/circo-val.json"))\n")
    let json = try first.json
    #expect(json["benchmark"] as? String == "CIRCO val" && json["model"] as? String == "builtin")
    #expect(json["gallery"] as? [Int] == [4])
    // The reference, which stays in the ranking, is nearest to itself.
    #expect((try rows(first)["image"]?["recall"] as? [String: Double])?["1"] == 1)
    let submitted = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(filePath: folder.path("out/circo-val.json"))))
    #expect(Set((submitted as? [String: [Int]])?["0"] ?? []) == [1, 2, 3, 4])
    // The second run takes its pictures from the cache and says the same, and so does one without.
    let cache = duet.home.path("cache/duet/evaluation")
    #expect(try FileManager.default.subpathsOfDirectory(atPath: cache).count == 2)
    let second = try await duet.run(arguments + ["--json"])
    let third = try await duet.run(arguments + ["--json", "--no-cache"])
    #expect(second.out == first.out && third.out == first.out)
    let table = try await duet.run(arguments + ["--mode", "composed", "--prompt", "bge-vl"])
    #expect(table.out.hasPrefix("CIRCO val: builtin, "))
    #expect(table.lines.count == 4)
  }

  @Test func `a split without answers wants a submission`() async throws {
    let (duet, folder) = try await Self.library()
    try folder.write("{\"images\": [{\"id\": 1, \"file_name\": \"red.png\"}]}", to: "gallery.json")
    try folder.write(
      "[{\"id\": 0, \"reference_img_id\": 1, \"relative_caption\": \"x\"}]", to: "annotations/test.json")
    let arguments = [
      "eval", "circo", folder.path, "--images", folder.path("pictures"), "--gallery",
      folder.path("gallery.json"),
      "--split", "test",
    ]
    let refused = try await duet.run(arguments)
    #expect(refused.status == 2 && refused.err.contains("--submission FOLDER"))
    let written = try await duet.run(arguments + ["--submission", folder.path("out")])
    #expect(written.status == 0 && written.out.isEmpty)
  }

  @Test func `Ctrl-C ends it with status 130`() async throws {
    let (duet, folder) = try await Self.library()
    let line = "{\"text\": \"a red square beside a blue circle\", \"relevant\": [\"red.png\"]}\n"
    try folder.write(String(repeating: line, count: 100_000), to: "queries.jsonl")
    let running = try duet.start(["eval", "library", folder.path("queries.jsonl")])
    try await Task.sleep(for: .seconds(2))
    kill(running.process, SIGINT)
    #expect(try await running.finished().status == 130)
  }
}
