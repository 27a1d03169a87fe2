// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Foundation
import SystemPackage
import TestSupport

@testable import Search

/// A folder that saw much, and every commit of its library: pictures come, change, move and go, captions too, segments
/// are written and merged, another model takes over.
struct IngestHistory {
  enum SegmentFiles { case asAtTheEnd, allThatEverWere }

  let pictures: PictureFolder
  let log: CommitLog
  /// What a library made from nothing at the end says.
  let fresh: LibraryContents
  /// How many segment files there were.
  let segmentsWritten: Int
  private let known: KnownVectors
  private let scratch: TemporaryDirectory
  private let models = [ColourEmbedder(), ColourEmbedder(id: "other")]

  static let rounds = 11

  init() async throws {
    scratch = try TemporaryDirectory(inMemory: true)
    var story = Story(pictures: try PictureFolder(embedder: models[1]), known: KnownVectors(models[0]))
    pictures = story.pictures
    let (library, every) = (FilePath(scratch.path("end")), FilePath(scratch.path("every")))
    try Folders.create(every)
    let keeper = try LogKeeper(try Self.made(library).catalog)
    for round in 0..<Self.rounds {
      try story.tell(round)
      try await Self.index(
        pictures, LibraryLocation(directory: library), models[round < 8 ? 0 : 1], keepingSegmentsIn: every)
    }
    log = try keeper.finish()
    known = story.known
    segmentsWritten = try Folders.names(in: every).count
    let other = LibraryLocation(directory: FilePath(scratch.path("fresh")))
    try await Self.index(pictures, other, models[1])
    fresh = try LibraryContents(LibraryReader(other).snapshot(embedder: models[1]))
  }

  /// The library as a power loss after `commit` leaves it.
  func library(at commit: CommitLog.Commit, segments: SegmentFiles) throws -> LibraryLocation {
    // A folder of its own: a connection to the last one may still be closing, and its files going, on another thread.
    try? FileManager.default.removeItem(atPath: scratch.path("replay"))
    let directory = FilePath(scratch.path("replay")).appending("\(commit.number)")
    let location = try Self.made(directory)
    try log.write(commit, to: location.catalog)
    let source = scratch.path(segments == .asAtTheEnd ? "end/segments" : "every")
    for name in try Folders.names(in: FilePath(source)) {
      try FileManager.default.linkItem(atPath: "\(source)/\(name)", toPath: location.segment(name).string)
    }
    return location
  }

  /// Runs `duet index` with the model of the end.
  func index(_ location: LibraryLocation) async throws {
    try await Self.index(pictures, location, models[1])
  }

  func snapshot(of location: LibraryLocation) throws -> LibrarySnapshot {
    try LibraryReader(location).snapshot(embedder: models[1])
  }

  /// What a library says that was never so.
  func contradictions(in location: LibraryLocation) throws -> [String] {
    let reader = try LibraryReader(location)
    let model = try reader.modelIdentity()?.model
    let snapshot = try reader.snapshot(embedder: model.flatMap { id in models.first { $0.id == id } })
    return try known.contradictions(in: snapshot)
  }

  private static func made(_ directory: FilePath) throws -> LibraryLocation {
    let location = LibraryLocation(directory: directory)
    try Folders.create(location.segments)
    return location
  }

  private static func index(
    _ pictures: PictureFolder, _ location: LibraryLocation, _ model: ColourEmbedder,
    keepingSegmentsIn store: FilePath? = nil
  ) async throws {
    var options = IngestOptions()
    options.folders = [pictures.root]
    options.freshLimit = 2
    let keep: @Sendable () -> Void = {
      guard let store else { return }
      for name in (try? Folders.names(in: location.segments)) ?? [] {
        // Most are there already.
        try? FileManager.default.linkItem(
          atPath: location.segment(name).string, toPath: store.appending(name).string)
      }
    }
    // What merges retire is unlinked after the last report of progress.
    _ = try await Ingestor(location: location, embedder: model, options: options) { _ in keep() }.run()
    keep()
  }
}

/// What happens to the folder.
private struct Story {
  let pictures: PictureFolder
  var known: KnownVectors
  private var random = SeededRandom(seed: 77)
  private var painted = 0

  init(pictures: PictureFolder, known: KnownVectors) {
    self.pictures = pictures
    self.known = known
  }

  mutating func paint(_ name: String) throws {
    painted += 1
    let colour = (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) }
    let bytes = TinyPNG.encode(colour[0], colour[1], colour[2], side: 8 + painted % 5)
    try known.learn(bytes)
    try pictures.folder.write(bytes, to: name)
  }

  mutating func tell(_ round: Int) throws {
    let folder = pictures.folder
    for index in 0..<3 { try paint("new/\(round)-\(index).png") }
    try folder.write("a red thing of round \(round)\nnumber \(round)", to: "new/\(round)-0.txt")
    guard round > 0 else { return }
    let files = FileManager.default
    switch round % 4 {
    case 0: try files.removeItem(atPath: folder.path("new/\(round - 2)-2.png"))
    case 1: try paint("new/\(round - 1)-1.png")
    case 2:
      try files.createDirectory(atPath: folder.path("old"), withIntermediateDirectories: true)
      try files.moveItem(
        atPath: folder.path("new/\(round - 1)-0.png"), toPath: folder.path("old/\(round)-moved.png"))
    default: try folder.write("a blue thing, said again in round \(round)", to: "new/\(round - 2)-0.txt")
    }
    if round % 3 == 2 {
      let lines = (0..<round).map { "new/\($0)-1.png,\"green thing \($0), tomato \(round)\"" }
      try folder.write((["file,caption"] + lines).joined(separator: "\n"), to: "captions.csv")
    }
    if round == 9 { try files.removeItem(atPath: folder.path("new/4-0.txt")) }
  }
}
