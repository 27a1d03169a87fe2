// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Embedders

@Suite("Finding models")
struct ModelLocatorTests {
  private let home: TemporaryDirectory

  init() throws { home = try TemporaryDirectory() }

  private func locator(_ variables: [String: String] = [:]) -> ModelLocator {
    let home = home.path
    return ModelLocator { variables[$0] ?? ($0 == "HOME" ? home : nil) }
  }

  /// Puts a checkpoint into the cache under this name; `golden` names a folder of the fixtures.
  private func install(_ repository: String, revision: String = "abc", isMain: Bool = true) throws -> FilePath
  {
    let folder = "models--" + repository.replacing("/", with: "--")
    let base = home.url.appending(path: ".cache/huggingface/hub/\(folder)")
    let snapshot = base.appending(path: "snapshots/\(revision)")
    try FileManager.default.createDirectory(
      at: snapshot.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: Fixture.url("Models/sharded"), to: snapshot)
    if isMain {
      try home.write("\(revision)\n", to: ".cache/huggingface/hub/\(folder)/refs/main")
    }
    return FilePath(snapshot.path(percentEncoded: false)).lexicallyNormalized()
  }

  @Test("with nothing anywhere, the built-in model is meant")
  func builtin() throws {
    #expect(try locator().defaultModel() == .builtin)
    #expect(try locator().locate("builtin") == .builtin)
    #expect(locator().list().map(\.name) == ["builtin"])
  }

  @Test("a folder is meant by its path, and has its name")
  func folder() throws {
    let path = Fixture.url("Models/legacy").path()
    let source = try locator().locate(path)
    #expect(source == .directory(FilePath(path).lexicallyNormalized()))
    #expect(source.id == "legacy")
    #expect(try locator(["DUET_MODEL": path]).defaultModel() == source)
  }

  @Test("a repository is found in the cache, at the revision that main points to")
  func repository() throws {
    _ = try install("some/clip", revision: "new", isMain: false)
    let main = try install("some/clip", revision: "old")
    let source = try locator().locate("some/clip")
    #expect(source == .directory(main))
    #expect(source.id == "some/clip")
  }

  @Test("without refs, the newest snapshot counts")
  func noReference() throws {
    let only = try install("some/clip-vit-base", isMain: false)
    #expect(try locator().locate("some/clip-vit-base") == .directory(only))
  }

  @Test("BGE-VL is preferred to other checkpoints")
  func preference() throws {
    _ = try install("AAAI/clip")
    let large = try install("BAAI/BGE-VL-large")
    #expect(try locator().defaultModel() == .directory(large))
    let base = try install("BAAI/BGE-VL-base")
    #expect(try locator().defaultModel() == .directory(base))
  }

  @Test("the cache is where the environment says")
  func environment() throws {
    let model = try install("some/clip")
    let hub = home.path(".cache/huggingface/hub")
    for variables in [
      ["HF_HUB_CACHE": hub], ["HF_HOME": home.path(".cache/huggingface")],
      ["XDG_CACHE_HOME": home.path(".cache")],
    ] {
      let elsewhere = variables.merging(["HOME": "/nowhere"]) { a, _ in a }
      let found = try locator(elsewhere).locate("some/clip")
      #expect(found.id == "some/clip" && FilePath(found.description).lexicallyNormalized() == model)
    }
    #expect(try locator(["HF_HOME": "/nowhere"]).defaultModel() == .builtin)
  }

  @Test("what is not there is an error that says where it was looked for, and how to get it")
  func missing() throws {
    let words = try #require(message { _ = try locator().locate("some/clip") })
    #expect(words.contains("huggingface/hub") && words.contains("hf download some/clip"))
    let file = try home.write("x", to: "model.safetensors")
    #expect(message { _ = try locator().locate(file) }?.contains("is a file") == true)
    #expect(message { _ = try locator().locate("../..") } == nil)
    #expect(message { _ = try locator(["DUET_MODEL": "no/such"]).defaultModel() } != nil)
  }

  @Test("the list says what can be used, and why the rest cannot")
  func list() throws {
    _ = try install("some/clip")
    let broken = try install("some/siglip")
    try home.write(
      "{\"model_type\": \"siglip\"}",
      to: ".cache/huggingface/hub/models--some--siglip/snapshots/abc/config.json")
    _ = try install("some/words")
    try home.write(
      "{\"model_type\": \"bert\"}", to: ".cache/huggingface/hub/models--some--words/snapshots/abc/config.json"
    )
    let list = locator().list()
    #expect(list.map(\.name) == ["builtin", "some/clip", "some/siglip"])
    #expect(
      list[1].dimension == 20 && list[1].kind == "clip" && list[1].size > 100_000 && list[1].problem == nil)
    #expect(list[2].dimension == nil && list[2].problem?.contains("siglip") == true)
    #expect(list[2].source == .directory(broken))
    #expect(list[0].dimension == 128)
  }

  @Test("identity: weights, tokenizer and preprocessing decide, the name does not")
  func identity() throws {
    let a = try Checkpoint()
    let b = try Checkpoint()
    let identity = try a.open().identity(view: .library)
    #expect(identity.isInterchangeable(with: try b.open().identity(view: .library)))
    #expect(identity.id != (try b.open().identity(view: .library)).id)
    #expect(!identity.isInterchangeable(with: try b.open().identity(view: .parity)))
    try b.edit("preprocessor_config.json") { $0["resample"] = 2 }
    #expect(!identity.isInterchangeable(with: try b.open().identity(view: .library)))
    let c = try Checkpoint()
    try c.editTensors { $0["logit_scale"]?.bytes[0] ^= 1 }
    #expect(!identity.isInterchangeable(with: try c.open().identity(view: .library)))
  }

  @Test("a hash comes from the cache while the file is the same, and anew when it is not")
  func hashCache() throws {
    let cache = WeightsHashCache(folder: FilePath(home.path("cache/weights")))
    let file = FilePath(try home.write("one", to: "file"))
    let first = try cache.hash(of: file)
    let entry = try #require(FileManager.default.contentsOfDirectory(atPath: cache.folder.string).first)
    let fake = String(repeating: "a", count: 32)
    try home.write(fake, to: "cache/weights/\(entry)")
    #expect(try cache.hash(of: file) == fake)
    try home.write("rubbish", to: "cache/weights/\(entry)")
    #expect(try cache.hash(of: file) == first)
    try home.write("two!", to: "file")
    #expect(try cache.hash(of: file) != first)
  }
}
