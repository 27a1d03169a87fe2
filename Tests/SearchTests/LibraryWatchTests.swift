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

@Suite struct `A watched library` {
  private let pictures: PictureFolder

  init() throws {
    pictures = try PictureFolder(embedder: ColourEmbedder())
    try pictures.paint("red.png", 250, 5, 5)
    try pictures.paint("grey/grey.png", 128, 128, 128)
    try pictures.paint("grey/dark.png", 40, 40, 40)
    try pictures.paint("grey/pale.png", 200, 200, 200)
  }

  private func captions(_ path: FilePath) throws -> [String] {
    let store = try LibraryReader(pictures.location).catalog
    guard let root = try store.roots().first, let item = try store.item(at: path, root: root.id) else {
      return []
    }
    return try store.captions(of: [item.id])[item.id, default: []].map(\.text)
  }

  private func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: pictures.folder.path(name))
  }

  @Test func `finds what is added, changed and moved, and no more what is removed`() async throws {
    try await pictures.index()
    let watch = RunningWatch(pictures)
    try await watch.until { try pictures.nearest("blue", k: 1) != ["new/blue.png"] }
    try pictures.paint("new/blue.png", 5, 5, 250)
    try await watch.until { try pictures.nearest("blue", k: 1) == ["new/blue.png"] }
    try pictures.paint("new/blue.png", 5, 250, 5, side: 9)
    try await watch.until { try pictures.nearest("green", k: 1) == ["new/blue.png"] }
    try FileManager.default.moveItem(
      atPath: pictures.folder.path("new"), toPath: pictures.folder.path("green"))
    try await watch.until { try pictures.nearest("green", k: 1) == ["green/blue.png"] }
    // The only picture of its folder: the folder is believed to be empty.
    try remove("green/blue.png")
    try await watch.until { try pictures.snapshot().image.vectorCount == 4 }
    #expect(try pictures.nearest("green", k: 4).allSatisfy { !$0.contains("blue") })
    try await watch.stop()
    #expect(watch.failures.isEmpty)
  }

  @Test func `follows sidecars and caption files`() async throws {
    try await pictures.index()
    let watch = RunningWatch(pictures)
    try pictures.folder.write("a ripe tomato\n", to: "red.txt")
    try await watch.until { try captions("red.png") == ["a ripe tomato"] }
    try pictures.folder.write("a fire engine\n", to: "red.txt")
    try await watch.until { try captions("red.png") == ["a fire engine"] }
    try pictures.folder.write("file,caption\ngrey/dark.png,night\n", to: "captions.csv")
    try await watch.until { try captions("grey/dark.png") == ["night"] }
    try remove("red.txt")
    try await watch.until { try captions("red.png").isEmpty }
    try await watch.stop()
    #expect(try pictures.snapshot().caption.vectorCount == 1)
  }

  @Test func `misses nothing that changed before it began`() async throws {
    try await pictures.index()
    try pictures.paint("early/green.png", 5, 250, 5)
    let watch = RunningWatch(pictures)
    try await watch.until { try pictures.nearest("green", k: 1) == ["early/green.png"] }
    try await watch.stop()
  }

  @Test func `lets others index, and waits while they do`() async throws {
    try await pictures.index()
    let watch = RunningWatch(pictures)
    try await watch.until { watch.updates > 0 }
    let other = try FileLock(pictures.location.ingestLock, timeout: .seconds(20))
    try pictures.paint("green.png", 5, 250, 5)
    try await Task.sleep(for: .milliseconds(300))
    #expect(try pictures.snapshot().image.vectorCount == 4)
    other.unlock()
    try await watch.until { try pictures.nearest("green", k: 1) == ["green.png"] }
    #expect(watch.failures.isEmpty)
    try await watch.stop()
  }

  @Test func `follows roots that others add, and leaves those that they remove`() async throws {
    let library = LibraryLocation(directory: pictures.root.appending("library"))
    func index(_ name: String) async throws {
      var options = IngestOptions()
      options.folders = [pictures.root.appending(name)]
      let ingestor = try Ingestor(location: library, embedder: pictures.embedder, options: options)
      _ = try await ingestor.run()
      try ingestor.close()
    }
    func paths() throws -> Set<String> {
      let catalog = try LibraryReader(library).catalog
      let known = try catalog.roots().map { root in
        var paths: [String] = []
        try catalog.forEachKnownFile(root: root.id, under: "") { paths.append($0.file.path.string) }
        return paths
      }
      return Set(known.joined())
    }
    try await index("grey")
    // The library lies in no root, but would be followed if it did.
    let watch = RunningWatch(pictures, location: library)
    try await watch.until { watch.updates > 0 }
    try pictures.paint("one/a.png", 1, 2, 3)
    try await index("one")
    try pictures.paint("one/b.png", 4, 5, 6)
    try await watch.until { try paths().contains("b.png") }
    // Refused while an update goes on.
    try await watch.until { (try? RootRemoval(library).remove(pictures.root.appending("one"))) != nil }
    try pictures.paint("one/c.png", 7, 8, 9)
    try pictures.paint("grey/d.png", 10, 11, 12)
    try await watch.until { try paths().contains("d.png") }
    #expect(try paths() == ["grey.png", "dark.png", "pale.png", "d.png"])
    try await watch.stop()
  }

  @Test func `follows only the folders that were named`() async throws {
    try await pictures.index()
    let watch = RunningWatch(pictures, folders: ["grey"])
    try await watch.until { watch.updates > 0 }
    try pictures.paint("other/green.png", 5, 250, 5)
    try pictures.paint("grey/blue.png", 5, 5, 250)
    try await watch.until { try pictures.nearest("blue", k: 1) == ["grey/blue.png"] }
    #expect(try pictures.snapshot().image.vectorCount == 5)
    try await watch.stop()
  }

  @Test func `a folder that is gone costs nothing, and goes on when it is back`() async throws {
    let library = LibraryLocation(directory: pictures.root.appending("library"))
    var options = IngestOptions()
    options.folders = [pictures.root.appending("grey")]
    _ = try await Ingestor(location: library, embedder: pictures.embedder, options: options).run()
    let watch = RunningWatch(pictures, location: library)
    try await watch.until { watch.updates > 0 }
    let (here, away) = (pictures.folder.path("grey"), pictures.folder.path("away"))
    try FileManager.default.moveItem(atPath: here, toPath: away)
    try await watch.until { watch.guarded.contains { $0.contains("kept") } }
    try FileManager.default.moveItem(atPath: away, toPath: here)
    try pictures.paint("grey/new.png", 1, 2, 3)
    try await watch.until {
      try LibraryReader(library).snapshot(embedder: pictures.embedder).image.vectorCount == 4
    }
    try await watch.stop()
  }

  @Test func `a library that is gone, or was given another model, ends it`() async throws {
    try await pictures.index()
    let first = RunningWatch(pictures)
    try await first.until { first.updates > 0 }
    _ = try await Ingestor(
      location: pictures.location, embedder: ColourEmbedder(id: "other"), options: IngestOptions()
    ).run()
    try pictures.paint("new.png", 1, 2, 3)
    #expect(await first.ended()?.code == .modelMismatch)
    #expect(try LibraryReader(pictures.location).modelIdentity()?.model == "other")

    let second = RunningWatch(pictures, embedder: ColourEmbedder(id: "other"))
    try await second.until { second.updates > 0 }
    // In one step: a reader may be about to make a file in it.
    try FileManager.default.moveItem(
      atPath: pictures.location.directory.string, toPath: pictures.folder.path(".gone"))
    try pictures.paint("newer.png", 3, 2, 1)
    #expect(await second.ended()?.code == .libraryNotFound)
    #expect(!pictures.location.exists)
  }

  @Test func `a disk that fills up is told once, and does not end it`() async throws {
    try await pictures.index()
    let watch = RunningWatch(pictures)
    try await watch.until { watch.updates > 0 }
    // In the place of the folder for segments, of which there are none yet, lies a file.
    try remove(".duet/segments")
    try pictures.folder.write("in the way", to: ".duet/segments")
    try pictures.paint("green.png", 5, 250, 5)
    try await watch.until { !watch.failures.isEmpty }
    try await Task.sleep(for: .milliseconds(200))
    try remove(".duet/segments")
    try await watch.until { try pictures.nearest("green", k: 1) == ["green.png"] }
    #expect(watch.failures.count == 1)
    try await watch.stop()
  }

  @Test func `changed folders become folders that are there`() throws {
    let root = pictures.root
    try pictures.paint("a/b/x.png", 1, 2, 3)
    try FileManager.default.createSymbolicLink(
      atPath: pictures.folder.path("link"), withDestinationPath: "a")
    let parts = [
      FolderWatcher.Part(root: root, start: "a"), FolderWatcher.Part(root: root.appending("grey")),
    ]
    func folders(_ names: String...) -> [FilePath] {
      LibraryWatch.folders(Set(names.map { root.appending($0) }), in: parts)
    }
    #expect(folders("a/b", "a/b/gone/deep", "a/none") == [root.appending("a"), root.appending("a/b")])
    #expect(folders("grey", "red", "link/b", "") == [root.appending("grey")])
    #expect(LibraryWatch.folders(["/etc"], in: parts).isEmpty)
    let linked = [FolderWatcher.Part(root: root)]
    #expect(LibraryWatch.folders([root.appending("link/b")], in: linked) == [root])
    try remove("a")
    #expect(folders("a/b").isEmpty)
    #expect(
      FollowedRoots.parts(of: ["/p/in/x", "/p", "/q"], roots: ["/p/in", "/p"]) == [
        FolderWatcher.Part(root: "/p/in", start: "x"), FolderWatcher.Part(root: "/p"),
      ])
  }
}

/// A watch that goes on while a test changes its folders.
private final class RunningWatch: Sendable {
  private struct State {
    var updates = 0
    var guarded: [String] = []
    var failures: [String] = []
  }

  private let state: Mutex<State>
  private let task: Task<Void, any Error>

  init(
    _ pictures: PictureFolder, location: LibraryLocation? = nil, embedder: ColourEmbedder? = nil,
    folders: [String] = []
  ) {
    var options = IngestOptions()
    options.folders = folders.map { pictures.root.appending($0) }
    var timing = LibraryWatch.Timing()
    (timing.folders.quiet, timing.folders.longest) = (.milliseconds(40), .seconds(2))
    timing.folders.tops = .milliseconds(100)
    (timing.firstRetry, timing.lastRetry) = (.milliseconds(50), .milliseconds(100))
    let watch = LibraryWatch(
      location: location ?? pictures.location, embedder: embedder ?? pictures.embedder, options: options,
      timing: timing)
    let box = Box()
    state = Mutex(State())
    task = Task {
      try await watch.run { box.watch?.take($0) }
    }
    box.watch = self
  }

  /// The task begins before there is the object that it tells.
  private final class Box: Sendable {
    private let reference = Mutex<Weak>(Weak())
    private struct Weak { weak var watch: RunningWatch? }
    var watch: RunningWatch? {
      get { reference.withLock { $0.watch } }
      set { reference.withLock { $0.watch = newValue } }
    }
  }

  deinit { task.cancel() }

  var updates: Int { state.withLock { $0.updates } }
  var guarded: [String] { state.withLock { $0.guarded } }
  var failures: [String] { state.withLock { $0.failures } }

  private func take(_ event: LibraryWatch.Event) {
    state.withLock { state in
      switch event {
      case .progress, .note: break
      case .updated(let report, _):
        state.updates += 1
        state.guarded += report.summary.guardedRoots
      case .failed(let error): state.failures.append("\(error)")
      }
    }
  }

  /// Waits until something is so; it must come by itself.
  func until(_ isSo: () throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !isSo() {
      try #require(
        ContinuousClock.now < deadline, "it never came: \(failures)", sourceLocation: sourceLocation)
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Cancels it; that is no error.
  func stop() async throws {
    task.cancel()
    try await task.value
  }

  /// The error that ended it, where one did.
  func ended() async -> SearchError? {
    switch await task.result {
    case .success: nil
    case .failure(let error): error as? SearchError
    }
  }
}
