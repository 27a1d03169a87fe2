// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Embedders
@testable import Evaluation

@Suite struct `Files for the servers` {
  private func object(_ path: FilePath) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: path.string))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func `CIRR's two, from a split without answers`() async throws {
    let files = try BenchmarkFiles.cirr(split: "test1", hasTargets: false)
    let benchmark = try CIRR.load(files.path, split: "test1", images: files.path.appending("images"))
    #expect(!benchmark.hasAnswers)
    let result = try await BenchmarkRun(embedder: ColourModel(), cache: nil).run(benchmark)
    #expect(result.rows.isEmpty)
    let written = try Submission(result).write(to: files.path.appending("out"))
    #expect(
      written.compactMap { $0.lastComponent?.string } == [
        "cirr-test1-recall.json", "cirr-test1-recall_subset.json",
      ])
    let recall = try object(written[0])
    #expect(recall["version"] as? String == "rc2" && recall["metric"] as? String == "recall")
    #expect(
      recall["7"] as? [String] == [
        "dev-ffff00", "dev-00ff00", "dev-008000", "dev-800000", "dev-ff00ff", "dev-0000ff",
      ])
    #expect(recall.count == 4)
    let subset = try object(written[1])
    #expect(subset["metric"] as? String == "recall_subset")
    // Without magenta, and three of them.
    #expect(subset["9"] as? [String] == ["dev-0000ff", "dev-ff0000", "dev-ffff00"])
  }

  @Test func `CIRCO's, with ids`() async throws {
    let files = try BenchmarkFiles.circo(split: "test", hasTargets: false)
    let benchmark = try CIRCO.load(files.path, split: "test", images: files.path.appending("unlabeled2017"))
    let result = try await BenchmarkRun(embedder: ColourModel(), cache: nil).run(benchmark)
    let written = try Submission(result).write(to: files.path.appending("out/deep"))
    #expect(written.compactMap { $0.lastComponent?.string } == ["circo-test.json"])
    #expect(try object(written[0])["0"] as? [Int] == [40, 20, 10, 50, 60, 30])
  }

  @Test func `none without composed queries, none without a server`() async throws {
    let circo = try BenchmarkFiles.circo()
    let benchmark = try CIRCO.load(circo.path, split: "val", images: circo.path.appending("unlabeled2017"))
    let images = try await BenchmarkRun(embedder: ColourModel(), modes: [.image], cache: nil).run(benchmark)
    #expect(throws: EvaluationError.self) { try Submission(images) }
    let fashion = try BenchmarkFiles.fashionIQ()
    let result = try await BenchmarkRun(embedder: ColourModel(), cache: nil).run(
      try FashionIQ.load(fashion.path, images: fashion.path.appending("images")))
    #expect(throws: EvaluationError.self) { try Submission(result) }
  }
}
