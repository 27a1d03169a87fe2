// SPDX-License-Identifier: Apache-2.0
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Embedders
@testable import Evaluation

/// Every message names file, entry and key, and says what to do.
@Suite struct `Annotations that are not as they should be` {
  private func message(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func loadCIRR(_ files: BenchmarkFiles) throws -> Benchmark {
    try CIRR.load(files.path, split: "val", images: files.path.appending("images"))
  }

  @Test func `a missing file`() async throws {
    let files = try BenchmarkFiles()
    let text = await message { _ = try loadCIRR(files) }
    #expect(text.contains("captions/cap.rc2.val.json: cannot open"))
    #expect(text.contains("(expected: CIRR's captions cap.rc2.val.json)"))
  }

  @Test(arguments: [
    ("[]x", "cap.rc2.val.json: "), ("{}", "cap.rc2.val.json: must be a list"), ("", "cap.rc2.val.json: "),
    (
      "[{\"pairid\": \"a\", \"reference\": \"b\"}]",
      "cap.rc2.val.json: [0].pairid: must be a whole number"
    ),
    (
      "[{\"pairid\": 1, \"reference\": \"dev-ff0000\", \"caption\": \"x\", \"img_set\": {}}]",
      "cap.rc2.val.json: [0].img_set.members: is missing"
    ),
    (
      "[{\"pairid\": 1, \"reference\": \"nobody\", \"caption\": \"x\", \"img_set\": {\"members\": []}}]",
      "[0] (pairid 1): no picture nobody in "
    ),
    (
      """
      [{"pairid": 1, "reference": "dev-ff0000", "caption": "x", "img_set": {"members": []}},
       {"pairid": 2, "reference": "dev-ff0000", "target_hard": "dev-00ff00", "caption": "x",
        "img_set": {"members": []}}]
      """, "[0] (pairid 1): target_hard: is missing"
    ),
    (String(repeating: "[", count: 100_000), "cap.rc2.val.json: "),
  ])
  func `CIRR entries`(_ content: String, _ expected: String) async throws {
    let files = try BenchmarkFiles.cirr()
    try files.write(content, to: "captions/cap.rc2.val.json")
    let text = await message { _ = try loadCIRR(files) }
    #expect(text.contains(expected), "\(text)")
  }

  @Test func `CIRCO: an answer that is no picture, a concept that is missing`() async throws {
    let files = try BenchmarkFiles.circo()
    let images = files.path.appending("unlabeled2017")
    try files.write(
      """
      [{"id": 3, "reference_img_id": 10, "relative_caption": "x", "target_img_id": 20, "gt_img_ids": [20, 77]}]
      """, to: "annotations/val.json")
    let unknown = await message { _ = try CIRCO.load(files.path, split: "val", images: images) }
    #expect(unknown.contains("annotations/val.json: [0] (id 3): no picture 77 in "))
    try files.write(
      "[{\"id\": 3, \"reference_img_id\": 10, \"relative_caption\": \"x\"}]", to: "annotations/test.json")
    let silent = await message {
      _ = try CIRCO.load(files.path, split: "test", images: images, prompt: .bgeVL)
    }
    #expect(silent.contains("[0] (id 3): shared_concept: is missing; use --prompt plain"))
  }

  @Test func `FashionIQ: a target outside of the gallery`() async throws {
    let files = try BenchmarkFiles.fashionIQ()
    try files.write("[\"ff0000\"]", to: "image_splits/split.shirt.val.json")
    let text = await message { _ = try FashionIQ.load(files.path, images: files.path.appending("images")) }
    #expect(text.contains("cap.shirt.val.json: [0]: the target ffff00 is not in split.shirt.val.json"))
  }

  @Test func `BGE-VL: a key that is not in the corpus, a line that is no JSON`() async throws {
    let files = try BenchmarkFiles()
    func load() throws -> Benchmark {
      try BGEVL.load(
        queries: files.path.appending("q.jsonl"), corpus: files.path.appending("c.jsonl"),
        images: files.path)
    }
    try files.write("{\"content\": \"A\", \"image\": \"a.png\"}\n", to: "c.jsonl")
    try files.write("\n{\"q_text\": \"x\", \"positive_key\": \"B\"}\n", to: "q.jsonl")
    #expect(await message { _ = try load() }.contains("q.jsonl: line 2: positive_key: B is not in "))
    try files.write("{\"q_text\": \" \", \"positive_key\": \"A\"}", to: "q.jsonl")
    #expect(await message { _ = try load() }.contains("line 1: neither q_img nor q_text"))
    try files.write("{\"q_text\": \"x\"", to: "q.jsonl")
    #expect(await message { _ = try load() }.contains("q.jsonl: line 1: "))
    try files.write(
      "{\"content\": \"A\", \"image\": \"a\"}\n{\"content\": \"A\", \"image\": \"b\"}", to: "c.jsonl")
    #expect(await message { _ = try load() }.contains("c.jsonl: line 2: content: A comes twice"))
  }

  @Test func `pictures that are missing are all named before anything is embedded`() async throws {
    let files = try BenchmarkFiles.circo()
    let benchmark = try CIRCO.load(files.path, split: "val", images: files.path.appending("elsewhere"))
    let model = ColourModel()
    let text = await message { _ = try await BenchmarkRun(embedder: model, cache: nil).run(benchmark) }
    #expect(text.hasPrefix("6 of 6 pictures cannot be read: complete the folder of pictures (--images)"))
    #expect(text.contains("elsewhere/ff0000.png") && text.contains("elsewhere/000000.png"))
    #expect(model.pictures.load(ordering: .relaxed) == 0)
  }

  @Test func `a picture that is none is named`() async throws {
    let files = try BenchmarkFiles.circo()
    try files.write("no picture at all", to: "unlabeled2017/0000ff.png")
    let benchmark = try CIRCO.load(files.path, split: "val", images: files.path.appending("unlabeled2017"))
    let text = await message {
      _ = try await BenchmarkRun(embedder: ColourModel(), cache: nil).run(benchmark)
    }
    #expect(text.contains("1 of 6 pictures cannot be decoded") && text.contains("unlabeled2017/0000ff.png: "))
  }
}
