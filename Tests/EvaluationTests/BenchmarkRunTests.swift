// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Embedders
@testable import Evaluation

/// Benchmarks whose rankings follow from the colours: a picture is (r, g, b, 1/4), a text 2 for each colour it names and
/// 1/10, scores are cosines.
@Suite struct `Benchmarks from files to measures` {
  private func run(
    _ benchmark: Benchmark, _ model: ColourModel = ColourModel(), rule: ComposeRule? = nil,
    modes: [QueryMode] = QueryMode.allCases, cache: ProjectionCache? = nil
  ) async throws -> BenchmarkResult {
    try await BenchmarkRun(embedder: model, composeRule: rule, modes: modes, cache: cache).run(benchmark)
  }

  private func measures(_ result: BenchmarkResult, _ mode: QueryMode, part: String = "") throws -> Measures {
    try #require(result.rows.first { $0.mode == mode && $0.part == part }).measures
  }

  @Test func `CIRR: reference removed, ties by gallery, subsets among themselves`() async throws {
    let files = try BenchmarkFiles.cirr()
    let benchmark = try CIRR.load(files.path, split: "val", images: files.path.appending("images"))
    let result = try await run(benchmark)
    let composed = try measures(result, .composed)
    // Red + green: yellow .95, green .89, dark green .86. Dark red + blue: blue .97, magenta .86.
    #expect(composed.recall.map(\.value) == [1, 1, 1, 1] && composed.subsetRecall.map(\.value) == [1, 1, 1])
    // Red alone, itself removed: dark red .98, then magenta and yellow tie at .72, in the order of names: rank 3, in
    // the set without magenta 2. Dark red alone: red, magenta, yellow, dark green, blue: rank 5, in the set 4.
    let image = try measures(result, .image)
    #expect(image.recall.map(\.value) == [0, 1, 1, 1])
    #expect(image.subsetRecall.map(\.value) == [0, 0.5, 0.5])
    #expect(image.medianRank == 4 && image.cirrAverage == 0.5)
    // Green alone: green, dark green, yellow. Blue alone: blue.
    let text = try measures(result, .text)
    #expect(text.recall.map(\.value) == [0.5, 1, 1, 1] && text.subsetRecall.map(\.value) == [0.5, 0.5, 1])
    let first = try #require(result.parts[0].answers[.composed]?.first)
    #expect(first.best.count == 6 && !first.best.contains("dev-ff0000"))
    #expect(first.subset.count == 5 && !first.subset.contains("dev-ff00ff"))
  }

  @Test func `projections are added as they are, unit vectors when asked`() async throws {
    let files = try BenchmarkFiles.cirr()
    let benchmark = try CIRR.load(files.path, split: "val", images: files.path.appending("images"))
    // Of equal length, dark red + blue is nearer to magenta (.98) than to blue (.76).
    let result = try await run(benchmark, rule: .unitSum)
    #expect(result.parts[0].answers[.composed]?[1].outcome?.firstRank == 2)
    #expect(try await run(benchmark).parts[0].answers[.composed]?[1].outcome?.firstRank == 1)
  }

  @Test func `texts are cut at 75 tokens when composed, and told of`() async throws {
    let files = try BenchmarkFiles.circo()
    var benchmark = try CIRCO.load(
      files.path, split: "val", images: files.path.appending("unlabeled2017"))
    let model = ColourModel()
    #expect(try await run(benchmark, model).cutTexts == 0)
    #expect(model.tokenLimits.withLock { $0 } == [75, nil])
    let part = benchmark.parts[0]
    var query = part.queries[0]
    query.text = String(repeating: "green ", count: 30)
    benchmark = Benchmark(
      name: "long", prompt: .plain,
      parts: [
        Benchmark.Part(name: "", pictures: part.pictures, galleryCount: part.galleryCount, queries: [query])
      ])
    #expect(try await run(benchmark).cutTexts == 2)
  }

  @Test func `CIRCO: reference stays, precision counts all answers, recall the target`() async throws {
    let files = try BenchmarkFiles.circo()
    let benchmark = try CIRCO.load(files.path, split: "val", images: files.path.appending("unlabeled2017"))
    let result = try await run(benchmark)
    // Yellow (40, the target), green (20, an answer too), red (10, the reference).
    let composed = try measures(result, .composed)
    #expect(composed.recall[0].value == 1 && composed.precision.map(\.value) == [1, 1, 1, 1])
    #expect(result.parts[0].answers[.composed]?[0].best == ["40", "20", "10", "50", "60", "30"])
    // Red alone: 10, 40, 50 (a tie with 40), 60, 20, 30. AP@5 = (1/2 + 2/5) / min(2, 5).
    let image = try measures(result, .image)
    #expect(abs(image.precision[0].value - 0.45) < 1e-12)
    #expect(image.recall[0].value == 0 && image.medianRank == 2)
    // Green alone: 20, 40: all precise, yet the target is second.
    let text = try measures(result, .text)
    #expect(text.precision[0].value == 1 && text.recall[0].value == 0)
  }

  @Test func `CIRCO: BGE-VL's prompt tells the shared concept`() throws {
    let files = try BenchmarkFiles.circo()
    let images = files.path.appending("unlabeled2017")
    let plain = try CIRCO.load(files.path, split: "val", images: images)
    #expect(plain.parts[0].queries[0].text == "is green")
    let prompted = try CIRCO.load(files.path, split: "val", images: images, prompt: .bgeVL)
    #expect(prompted.parts[0].queries[0].text == "Find a picture that also shows a colour, but is green.")
  }

  @Test func `FashionIQ: both galleries, categories count alike`() async throws {
    let files = try BenchmarkFiles.fashionIQ()
    let images = files.path.appending("images")
    let split = try FashionIQ.load(files.path, images: images)
    #expect(split.parts.map(\.galleryCount) == [6, 6, 6])
    // ff00ff is a .jpg by name.
    #expect(split.parts[0].pictures.last?.path == images.appending("ff00ff.jpg"))
    #expect(split.parts[0].queries.map(\.text) == ["is green and has more green", "is blue and and blue"])
    let result = try await run(split, modes: [.composed])
    #expect(result.rows.map(\.part) == ["dress", "shirt", "toptee", "mean"])
    // "dress" finds one of two: its black is fifth. (1/2 + 1 + 1) / 3, where pooled queries would give 3/4.
    #expect(result.rows.map(\.measures.recall[0].value) == [0.5, 1, 1, 2.5 / 3])
    #expect(result.parts[0].answers[.composed]?[1].outcome?.ranks == [5])
    let union = try FashionIQ.load(files.path, gallery: .union, images: images, prompt: .bgeVL)
    #expect(union.parts.map(\.galleryCount) == [3, 2, 2])
    #expect(union.parts[0].queries[0].text == "is green., and has more green")
    // Red, yellow, black: now third.
    #expect(
      try await run(union, modes: [.composed]).parts[0].answers[.composed]?[1].outcome?.ranks == [3])
  }

  @Test func `BGE-VL: references outside of the corpus, queries of one kind`() async throws {
    let files = try BenchmarkFiles()
    try files.paint("ff0000", "00ff00", "ffff00", in: "images/")
    try files.write(
      """
      {"content": "G", "image": "./images/00ff00.png"}
      {"content": "Y", "image": "images/ffff00.png"}

      """, to: "corpus.jsonl")
    try files.write(
      """
      {"q_img": "./images/ff0000.png", "q_text": "more green", "positive_key": "Y", "hn_image": []}
      {"q_img": "./images/ffff00.png", "q_text": "", "positive_key": "Y"}
      {"q_img": null, "q_text": "green", "positive_key": "Y"}
      """, to: "query.jsonl")
    let benchmark = try BGEVL.load(
      queries: files.path.appending("query.jsonl"), corpus: files.path.appending("corpus.jsonl"),
      images: files.path)
    #expect(benchmark.parts[0].galleryCount == 2 && benchmark.parts[0].pictures.count == 3)
    #expect(benchmark.parts[0].queries.map(\.reference) == [2, 1, nil])
    let result = try await run(benchmark)
    let ranks = QueryMode.allCases.map { mode in
      (result.parts[0].answers[mode] ?? []).map { $0.outcome?.firstRank }
    }
    // Composed: the first alone. Image: red is nearer to yellow, yellow is itself. Text: green is nearer to green.
    #expect(ranks == [[1], [1, 1], [2, 2]])
  }

  @Test func `pictures are embedded once, and damaged caches not believed`() async throws {
    let files = try BenchmarkFiles.circo()
    let benchmark = try CIRCO.load(files.path, split: "val", images: files.path.appending("unlabeled2017"))
    let model = ColourModel()
    let cache = ProjectionCache(in: files.path.appending("cache"), model: model.identity(view: .parity))
    let first = try await run(benchmark, model, cache: cache)
    #expect(model.pictures.load(ordering: .relaxed) == 6)
    let second = try await run(benchmark, model, cache: cache)
    #expect(model.pictures.load(ordering: .relaxed) == 6)
    #expect(first.rows.map(\.measures) == second.rows.map(\.measures))
    // A picture of known content under another name costs nothing; another picture does.
    try files.paint("ff0000", in: "unlabeled2017/copy-")
    try files.paint("123456", in: "unlabeled2017/")
    let folder = files.folder.url.appending(path: "unlabeled2017")
    try FileManager.default.removeItem(at: folder.appending(path: "000000.png"))
    try FileManager.default.moveItem(
      at: folder.appending(path: "123456.png"), to: folder.appending(path: "000000.png"))
    _ = try await run(benchmark, model, cache: cache)
    #expect(model.pictures.load(ordering: .relaxed) == 7)
    // Another view is another model.
    let other = ProjectionCache(in: files.path.appending("cache"), model: model.identity(view: .library))
    _ = try await run(benchmark, model, cache: other)
    #expect(model.pictures.load(ordering: .relaxed) == 13)
    try damageCaches(below: files.folder.url.appending(path: "cache"))
    _ = try await run(benchmark, model, cache: cache)
    #expect(model.pictures.load(ordering: .relaxed) == 19)
  }

  /// Changes one bit of every piece.
  private func damageCaches(below folder: URL) throws {
    let pieces = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
      .compactMap { $0 as? URL }.filter { $0.pathExtension == "projections" }
    #expect(pieces.count == 3)
    for piece in pieces {
      var bytes = [UInt8](try Data(contentsOf: piece))
      bytes[bytes.count - 1] ^= 1
      try Data(bytes).write(to: piece)
    }
  }

  @Test func `a cancelled run keeps what it embedded`() async throws {
    let files = try BenchmarkFiles()
    let names = (0..<100).map { String(format: "%06x", $0 * 1_000) }
    for name in names { try files.paint(name, in: "unlabeled2017/") }
    let pictures = names.enumerated().map {
      Benchmark.Picture(name: "\($0)", path: files.path.appending("unlabeled2017").appending("\($1).png"))
    }
    let benchmark = Benchmark(
      name: "many", prompt: .plain,
      parts: [
        Benchmark.Part(
          name: "", pictures: pictures, galleryCount: 100,
          queries: [Benchmark.Query(id: "0", reference: 0, relevant: [1])])
      ])
    let model = ColourModel()
    let cache = ProjectionCache(in: files.path.appending("cache"), model: model.identity(view: .parity))
    let task = Task {
      try await BenchmarkRun(embedder: model, modes: [.image], cache: cache) { progress in
        if case .embedding(64, _) = progress { withUnsafeCurrentTask { $0?.cancel() } }
      }.run(benchmark)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    let done = model.pictures.load(ordering: .relaxed)
    #expect(done == 96)
    _ = try await run(benchmark, model, modes: [.image], cache: cache)
    #expect(model.pictures.load(ordering: .relaxed) == 100)
  }
}
