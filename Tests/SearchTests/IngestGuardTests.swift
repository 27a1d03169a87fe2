// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing
import VectorIndexes

@testable import Search

/// Disks that come and go must cost nothing: pictures, their captions, and what is known of the files behind them.
@Suite struct IngestGuardTests {
  private let embedder = ColourEmbedder()
  private let pictures: PictureFolder

  init() throws { pictures = try PictureFolder(embedder: embedder) }

  private func paint(_ names: String...) throws {
    for (index, name) in names.enumerated() { try pictures.paint(name, UInt8(index * 40), 5, 90) }
  }

  private func move(_ name: String, to other: String) throws {
    let target = pictures.folder.url.appending(path: other)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.moveItem(
      atPath: pictures.folder.path(name), toPath: target.path(percentEncoded: false))
  }

  private func remove(_ names: String...) throws {
    for name in names { try FileManager.default.removeItem(atPath: pictures.folder.path(name)) }
  }

  private var store: CatalogStore { get throws { try pictures.snapshot().catalog } }

  private func captions(_ path: FilePath) throws -> [String] {
    let store = try store
    let root = try #require(try store.roots().first)
    let item = try #require(try store.item(at: path, root: root.id))
    return try store.captions(of: [item.id])[item.id, default: []].map(\.text)
  }

  @Test func `more than half of even a few pictures is not believed to be gone`() async throws {
    try paint("a.png", "b.png", "c.png")
    try await pictures.index()
    try remove("a.png", "b.png")
    let kept = try await pictures.index().summary
    #expect(kept.removed == 0)
    #expect(kept.guardedRoots.first?.contains("2 of its 3 pictures") == true)
    #expect(try await pictures.index { $0.prunes = true }.summary.removed == 2)
  }

  @Test func `a part of a root is measured by the whole root`() async throws {
    try paint("a.png", "b.png", "sub/c.png", "sub/d.png", "sub/e.png")
    try await pictures.index()
    try remove("sub/c.png", "sub/d.png")
    #expect(try await pictures.index(["sub"]).summary.removed == 2)
  }

  @Test func `on another device losses are not believed by the next run either`() async throws {
    try paint("a.png", "b.png", "c.png")
    try await pictures.index()
    // As if the disk had been another one: the catalog's number is changed, which is all that a run sees of it.
    let writer = try CatalogStore.open(pictures.location.catalog, access: .readWrite)
    let root = try #require(try writer.roots().first)
    let device = try #require(root.device) + 1
    try writer.write { try $0.updateRoot(Root(id: root.id, path: root.path, device: device, lastSeen: nil)) }
    try writer.close()
    try remove("b.png")
    for _ in 0..<2 {
      let summary = try await pictures.index().summary
      #expect(summary.removed == 0)
      #expect(summary.guardedRoots.count == 1)
    }
    #expect(try await pictures.index { $0.prunes = true }.summary.removed == 1)
    // Now the disk is known, and believed.
    try paint("d.png", "e.png")
    try await pictures.index()
    try remove("e.png")
    #expect(try await pictures.index().summary.removed == 1)
  }

  @Test func `captions of a disk that is away are kept, and followed when it is back`() async throws {
    try paint("in/a.png", "in/b.png", "in/c.png")
    try pictures.folder.write("a sidecar\n", to: "in/a.txt")
    try pictures.folder.write("file,caption\nin/b.png,a line\n", to: "captions.csv")
    try await pictures.index()
    try move("in", to: ".away/in")
    try move("captions.csv", to: ".away/captions.csv")
    try await pictures.index()
    #expect(try store.captionCount() == 2)
    // What is gone when the disk is back was given up by its owner.
    try move(".away/in", to: "in")
    try remove("in/a.txt")
    try await pictures.index()
    #expect(try captions("in/a.png") == [])
    #expect(try captions("in/b.png") == [])
  }

  @Test func `captions stay where some pictures stayed`() async throws {
    try paint("a.png", "b.png", "c.png", "d.png", "e.png")
    try pictures.folder.write("file,caption\na.png,a line\n", to: "captions.csv")
    try await pictures.index()
    let embedded = embedder.texts.load(ordering: .relaxed)
    try remove("c.png", "d.png", "e.png", "captions.csv")
    #expect(try await pictures.index().summary.guardedRoots.count == 1)
    #expect(try captions("a.png") == ["a line"])
    #expect(embedder.texts.load(ordering: .relaxed) == embedded)
    try await pictures.index { $0.prunes = true }
    #expect(try captions("a.png") == [])
  }

  @Test(arguments: [["one", "two"], ["two", "one"]])
  func `a picture that moves from one root to another keeps its vector`(order: [String]) async throws {
    try paint("one/a.png", "one/b.png", "one/c.png", "two/d.png")
    let library = LibraryLocation(directory: pictures.root.appending("library"))
    func index(_ folders: [String]) async throws -> IngestSummary {
      var options = IngestOptions()
      options.folders = folders.map { pictures.root.appending($0) }
      return try await Ingestor(location: library, embedder: embedder, options: options).run().summary
    }
    #expect(try await index(order).indexed == 4)
    try move("one/b.png", to: "two/deep/b.png")
    try move("two/d.png", to: "one/d.png")
    let summary = try await index([])
    #expect(summary.moved == 2)
    #expect(summary.indexed == 0 && summary.removed == 0 && summary.guardedRoots.isEmpty)
    #expect(embedder.pictures.load(ordering: .relaxed) == 4)
    #expect(try await index([]).unchanged == 4)
    #expect(try LibraryReader(library).snapshot(embedder: embedder).image.vectorCount == 4)
  }

  @Test func `what is wrong in a caption file is told by every run until it is mended`() async throws {
    try paint("a.png", "b.png")
    let bad = ["{\"file\": \"a.png\", \"caption\": \"good\"}", "{\"file\": ", "[]"]
    try pictures.folder.write(bad.joined(separator: "\n"), to: "captions.jsonl")
    try pictures.folder.write([0x66, 0xE9, 0x0A], to: "b.txt")
    for run in 1...3 {
      let skipped = try await pictures.index().skipped
      #expect(skipped.map { FilePath($0.path).lastComponent } == ["b.txt", "captions.jsonl"], "run \(run)")
      #expect(
        skipped.last?.reason.contains("line 2") == true && skipped.last?.reason.contains("line 3") == true)
      #expect(try store.skips().map(\.path) == ["b.txt", "captions.jsonl"])
    }
    try pictures.folder.write(bad[0], to: "captions.jsonl")
    try pictures.folder.write("fine\n", to: "b.txt")
    #expect(try await pictures.index().skipped.isEmpty)
    #expect(try store.skips().isEmpty)
  }

  @Test func `folders that overlap are gone through once`() async throws {
    try paint("one/a.png", "one/in/b.png", "two/c.png")
    let library = LibraryLocation(directory: pictures.root.appending("library"))
    for folders in [["one/in", "one", "two", "one"], ["one", "one/in/b.png", "two", "one/in"]] {
      var options = IngestOptions()
      options.folders = folders.map { pictures.root.appending($0) }
      let summary = try await Ingestor(location: library, embedder: embedder, options: options).run().summary
      #expect(summary.indexed + summary.unchanged == 3)
    }
    #expect(try LibraryReader(library).catalog.roots().count == 2)
  }
}
