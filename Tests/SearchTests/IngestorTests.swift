// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing
import VectorIndexes

@testable import Search

@Suite struct IngestorTests {
  private let embedder = ColourEmbedder()
  private let pictures: PictureFolder

  init() throws { pictures = try PictureFolder(embedder: embedder) }

  private func paintThree() throws {
    try pictures.paint("red.png", 250, 5, 5)
    try pictures.paint("sub/green.png", 5, 250, 5)
    try pictures.paint("sub/blue.png", 5, 5, 250)
  }

  private func captions(_ path: FilePath) throws -> [String] {
    let store = try pictures.snapshot().catalog
    let root = try #require(try store.roots().first)
    let item = try #require(try store.item(at: path, root: root.id))
    return try store.captions(of: [item.id])[item.id, default: []].map(\.text)
  }

  @Test func `a folder becomes a library that answers`() async throws {
    try paintThree()
    let report = try await pictures.index()
    #expect(report.summary.indexed == 3)
    #expect(report.skipped.isEmpty)
    #expect(try pictures.nearest("green", k: 1) == ["sub/green.png"])
    #expect(try pictures.nearest("blue").first == "sub/blue.png")
    #expect(try pictures.snapshot().catalog.roots().map(\.path) == [".."])
  }

  @Test func `the second run has nothing to do`() async throws {
    try paintThree()
    try await pictures.index()
    let report = try await pictures.index()
    #expect(report.summary.unchanged == 3)
    #expect(report.summary.indexed == 0)
    #expect(embedder.pictures.load(ordering: .relaxed) == 3)
  }

  @Test func `changed, moved and removed pictures`() async throws {
    try paintThree()
    for index in 0..<5 { try pictures.paint("more/\(index).png", 100, UInt8(index), 100) }
    try await pictures.index()
    let store = try pictures.snapshot().catalog
    let root = try #require(try store.roots().first)
    let green = try #require(try store.item(at: "sub/green.png", root: root.id))
    try pictures.paint("red.png", 5, 5, 200, side: 9)
    try FileManager.default.moveItem(
      atPath: pictures.folder.path("sub/green.png"), toPath: pictures.folder.path("leaf.png"))
    try FileManager.default.removeItem(atPath: pictures.folder.path("more/3.png"))
    let summary = try await pictures.index().summary
    #expect(summary.indexed == 1)
    #expect(summary.moved == 1)
    #expect(summary.removed == 1)
    #expect(summary.unchanged == 5)
    #expect(embedder.pictures.load(ordering: .relaxed) == 9)
    #expect(try pictures.nearest("green", k: 1) == ["leaf.png"])
    #expect(try pictures.snapshot().catalog.item(at: "leaf.png", root: root.id)?.id == green.id)
    #expect(try pictures.snapshot().image.vectorCount == 7)
  }

  @Test func `a touched file is not embedded again`() async throws {
    try paintThree()
    try await pictures.index()
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: pictures.folder.path("red.png"))
    let summary = try await pictures.index().summary
    #expect(summary.unchanged == 3)
    #expect(embedder.pictures.load(ordering: .relaxed) == 3)
  }

  @Test func `an emptied root keeps its pictures unless told to prune`() async throws {
    try paintThree()
    try await pictures.index()
    for name in ["red.png", "sub"] { try FileManager.default.removeItem(atPath: pictures.folder.path(name)) }
    let kept = try await pictures.index().summary
    #expect(kept.removed == 0)
    #expect(kept.guardedRoots.count == 1)
    #expect(try pictures.snapshot().image.vectorCount == 3)
    let pruned = try await pictures.index { $0.prunes = true }.summary
    #expect(pruned.removed == 3)
    #expect(try pictures.snapshot().image.vectorCount == 0)
  }

  @Test func `what cannot be read is reported, the rest goes on`() async throws {
    try paintThree()
    try pictures.folder.write("no picture at all", to: "fake.jpg")
    try pictures.folder.write([], to: "empty.png")
    try pictures.folder.write(Array("GIF89a".utf8) + [UInt8](repeating: 0, count: 60), to: "old.gif")
    try pictures.folder.write("notes", to: "notes.md")
    let whole = TinyPNG.encode(1, 2, 3, side: 20)
    try pictures.folder.write(Array(whole.prefix(whole.count / 2)), to: "cut.png")
    try pictures.folder.write(TinyPNG.encode(250, 250, 5, side: 8), to: "png-inside.jpg")
    try pictures.folder.write(TinyPNG.encode(5, 250, 250, side: 8), to: "no-extension")
    let report = try await pictures.index()
    #expect(report.summary.indexed == 5)
    #expect(report.summary.skipped == 3)
    #expect(report.summary.unsupported == ["GIF": 1])
    #expect(report.summary.otherFiles == 1)
    #expect(
      Set(report.skipped.map { ($0.path as NSString).lastPathComponent }) == [
        "fake.jpg", "empty.png", "cut.png",
      ])
    #expect(try pictures.snapshot().catalog.skips().count == 3)
  }

  @Test func `captions come from sidecars and caption files, and follow their changes`() async throws {
    try paintThree()
    try pictures.folder.write("a ripe tomato\nred things\n", to: "red.txt")
    try pictures.folder.write(
      "file,caption\ngreen.png,\"leaf, green\"\nblue.png,sky\n", to: "sub/captions.csv")
    try await pictures.index()
    #expect(try captions("red.png") == ["a ripe tomato", "red things"])
    #expect(try captions("sub/green.png") == ["leaf, green"])
    #expect(try pictures.snapshot().caption.vectorCount == 4)
    try pictures.folder.write("a fire engine", to: "red.txt")
    try pictures.folder.write("file,caption\ngreen.png,grass\n", to: "sub/captions.csv")
    let summary = try await pictures.index().summary
    #expect(summary.recaptioned == 3)
    #expect(try captions("red.png") == ["a fire engine"])
    #expect(try captions("sub/green.png") == ["grass"])
    #expect(try captions("sub/blue.png") == [])
    #expect(embedder.pictures.load(ordering: .relaxed) == 3)
    #expect(try pictures.snapshot().caption.vectorCount == 2)
    try FileManager.default.removeItem(atPath: pictures.folder.path("red.txt"))
    try await pictures.index()
    #expect(try captions("red.png") == [])
    #expect(try pictures.snapshot().caption.vectorCount == 1)
  }

  @Test func `a bare name means the picture beside the caption file, else those below`() async throws {
    for name in ["red.png", "sub/red.png", "sub/far.png"] {
      try pictures.paint(name, 9, 9, UInt8(name.utf8.count))
    }
    try pictures.folder.write("file,caption\nred.png,beside\nfar.png,below\n", to: "captions.csv")
    try await pictures.index()
    #expect(try captions("red.png") == ["beside"])
    #expect(try captions("sub/red.png") == [])
    #expect(try captions("sub/far.png") == ["below"])
  }

  @Test func `a bad line in a caption file is named, the others count`() async throws {
    try pictures.paint("a.png", 1, 2, 3)
    let lines =
      (1...6).map { "{\"file\": \"a.png\", \"caption\": \"line \($0)\"}" } + ["{\"file\": \"a.png\", "]
    try pictures.folder.write(lines.joined(separator: "\n"), to: "captions.jsonl")
    let report = try await pictures.index()
    #expect(try captions("a.png").count == 6)
    #expect(report.skipped.contains { $0.reason.contains("line 7") && $0.path.hasSuffix("captions.jsonl") })
  }

  @Test func `equal captions are embedded once, and one that many share not at all`() async throws {
    for index in 0..<30 {
      try pictures.paint("\(index).png", UInt8(index * 8), 5, 5)
      try pictures.folder.write(index < 25 ? "holiday\n" : "a red roof\n", to: "\(index).txt")
    }
    try await pictures.index()
    #expect(try pictures.snapshot().caption.vectorCount == 5)
    #expect(embedder.texts.load(ordering: .relaxed) <= 2 + embedder.backgroundTexts.count * 2)
    #expect(try pictures.snapshot().catalog.pendingCount(space: 1, field: .caption) == 0)
  }

  @Test func `equal captions are embedded once, however far apart their pictures are`() async throws {
    for index in 0..<300 {
      try pictures.paint("\(index).png", UInt8(index % 250), 5, UInt8(index / 2))
      try pictures.folder.write(index % 30 == 0 ? "a ripe tomato\n" : "number \(index)\n", to: "\(index).txt")
    }
    try await pictures.index()
    #expect(try pictures.snapshot().caption.vectorCount == 300)
    #expect(embedder.texts.load(ordering: .relaxed) == 291 + embedder.backgroundTexts.count)
  }

  @Test func `many fresh vectors become segments, and segments merge`() async throws {
    for index in 0..<60 { try pictures.paint("\(index).png", UInt8(index * 4), UInt8(255 - index), 7) }
    try await pictures.index { $0.freshLimit = 4 }
    let snapshot = try pictures.snapshot()
    #expect(snapshot.image.vectorCount == 60)
    #expect(!snapshot.state.segments.isEmpty)
    #expect(snapshot.state.segments.count < 10)
    for record in snapshot.state.segments {
      #expect(try FileStatus(of: pictures.location.segment(record.file)).size == Int(record.bytes))
    }
    let files = try Folders.names(in: pictures.location.segments)
    #expect(Set(files) == Set(snapshot.state.segments.map(\.file)))
  }

  @Test func `Ctrl-C before a merge leaves the segments as they are, for the next run to merge`() async throws
  {
    // Each of these runs makes a segment, and is told to stop when it begins to merge.
    for run in 0..<9 {
      try pictures.paint("\(run).png", UInt8(run * 20), UInt8(255 - run), 7)
      var options = IngestOptions()
      options.freshLimit = 1
      options.folders = [pictures.root]
      let task = Task { [pictures, embedder, options] in
        try await Ingestor(location: pictures.location, embedder: embedder, options: options) {
          if case .merging = $0 { withUnsafeCurrentTask { $0?.cancel() } }
        }.run()
      }
      #expect(try await task.value.summary.wasInterrupted)
    }
    #expect(try pictures.snapshot().state.segments.count == 9)
    try await pictures.index { $0.freshLimit = 1 }
    #expect(try pictures.snapshot().state.segments.count == 2)
    #expect(try pictures.snapshot().image.vectorCount == 9)
  }

  @Test func `another model takes over in one step, and a half-done change is resumed`() async throws {
    try paintThree()
    try await pictures.index()
    let other = try Ingestor(
      location: pictures.location, embedder: ColourEmbedder(id: "other"), options: IngestOptions())
    #expect(other.space.state == .building)
    _ = try await other.run()
    let reader = try LibraryReader(pictures.location)
    #expect(try reader.modelIdentity()?.model == "other")
    let error = #expect(throws: SearchError.self) { try reader.snapshot(embedder: embedder) }
    #expect(error?.code == .modelMismatch)
    #expect(try reader.snapshot(embedder: ColourEmbedder(id: "other")).image.vectorCount == 3)
  }

  @Test func `two writers at once: the second is told who is at work`() async throws {
    try paintThree()
    let first = try Ingestor(location: pictures.location, embedder: embedder, options: IngestOptions())
    let error = #expect(throws: SearchError.self) {
      try Ingestor(location: pictures.location, embedder: embedder, options: IngestOptions())
    }
    #expect(error?.code == .libraryBusy)
    #expect(error?.message.contains("\(getpid())") == true)
    withExtendedLifetime(first) {}
  }

  @Test func `a part of a root is brought up to date alone`() async throws {
    try paintThree()
    try await pictures.index()
    try pictures.paint("new.png", 9, 9, 9)
    try pictures.paint("sub/new.png", 99, 99, 99)
    let summary = try await pictures.index(["sub"]).summary
    #expect(summary.indexed == 1)
    #expect(summary.unchanged == 2)
    #expect(summary.removed == 0)
  }

  @Test func `a cancelled run keeps what it has done`() async throws {
    for index in 0..<40 { try pictures.paint("\(index).png", UInt8(index), 0, 0) }
    let pictures = pictures
    let task = Task { try await pictures.index() }
    task.cancel()
    let report = try await task.value
    #expect(report.summary.wasInterrupted)
    let done = try pictures.snapshot().image.vectorCount
    #expect(done < 40)
    let rest = try await pictures.index().summary
    #expect(rest.indexed + done == 40)
  }

  @Test func `a segment that is lost is made again`() async throws {
    for index in 0..<12 { try pictures.paint("\(index).png", UInt8(index * 20), 0, 9) }
    try await pictures.index { $0.freshLimit = 4 }
    let segment = try #require(try pictures.snapshot().state.segments.first)
    try Folders.removeFile(pictures.location.segment(segment.file))
    #expect(throws: SearchError.self) { try pictures.snapshot() }
    try await pictures.index()
    #expect(try pictures.snapshot().image.vectorCount == 12)
  }
}
