// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Foundation
import Images
import Synchronization
import SystemPackage
import TestSupport
import Testing
import VectorIndexes

@testable import Search

/// Disks that are full, read-only, or gone.
@Suite struct IngestDiskTests {
  private let embedder = WideEmbedder()
  private let pictures: PictureFolder
  private var known: KnownVectors

  init() throws {
    pictures = try PictureFolder(embedder: embedder)
    known = KnownVectors(embedder)
    for index in 0..<72 {
      let bytes = TinyPNG.encode(UInt8(index * 3), UInt8(255 - index), UInt8(index % 7 * 30), side: 8)
      try known.learn(bytes)
      try pictures.folder.write(bytes, to: "\(index / 10)/\(index).png")
      if index % 3 == 0 {
        try pictures.folder.write("a red thing, number \(index)", to: "\(index / 10)/\(index).txt")
      }
    }
  }

  private func index(_ location: LibraryLocation) async throws {
    var options = IngestOptions()
    options.folders = [pictures.root]
    options.freshLimit = 12
    _ = try await Ingestor(location: location, embedder: embedder, options: options).run()
  }

  /// What the library answers must be true; where there is no library yet, that is what it says.
  ///
  /// - Returns: whether there is one.
  private func opens(_ location: LibraryLocation, _ size: Int) throws -> Bool {
    do {
      let snapshot = try LibraryReader(location).snapshot(embedder: embedder)
      #expect(try known.contradictions(in: snapshot) == [], "\(size) KiB")
      _ = try QueryEngine(library: snapshot).search(SearchRequest(terms: [try Term(.text("red"))]))
      return true
    } catch let error as SearchError {
      #expect(
        error.message.contains("duet index") || error.message.contains("free some space"),
        "\(size) KiB: \(error)")
      return false
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.need)))
  func `a full disk is named, the library stays as it was, and goes on when there is space`() async throws {
    let whole = LibraryLocation(directory: pictures.root.appending(".duet"))
    try await index(whole)
    let right = try LibraryContents(LibraryReader(whole).snapshot(embedder: embedder))
    var (failed, answered, finished) = (0, 0, 0)
    for size in Array(stride(from: 16, through: 1600, by: 72)) + [2400, 4800] {
      let disk = try SmallDisk(kilobytes: size)
      let location = LibraryLocation(directory: disk.path.appending("library"))
      do {
        try await index(location)
        finished += 1
      } catch let error as SearchError {
        #expect(error.code == .storage, "\(size) KiB: \(error)")
        #expect(error.message.contains(disk.path.string), "\(size) KiB: \(error)")
        #expect(error.message.contains("free"), "\(size) KiB: \(error)")
        failed += 1
      }
      if try opens(location, size) { answered += 1 }
      try disk.resize(kilobytes: 8192)
      try await index(location)
      let contents = try LibraryContents(LibraryReader(location).snapshot(embedder: embedder))
      #expect(contents.differences(from: right) == [], "\(size) KiB")
      #expect(try faults(of: location) == [], "\(size) KiB")
    }
    #expect(failed > 10 && answered > 10 && finished > 0, "\(failed) \(answered) \(finished)")
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.need)))
  func `a disk that fills up again and again gets there in the end`() async throws {
    let disk = try SmallDisk(kilobytes: 200)
    let location = LibraryLocation(directory: disk.path.appending("library"))
    var size = 200
    while size < 8192 {
      do {
        try await index(location)
        break
      } catch let error as SearchError {
        #expect(error.code == .storage, "\(size) KiB: \(error)")
        _ = try opens(location, size)
      }
      size += 24
      try disk.resize(kilobytes: size)
    }
    let contents = try LibraryContents(LibraryReader(location).snapshot(embedder: embedder))
    #expect(contents.pictures.count == 72)
    #expect(try faults(of: location) == [])
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.need)))
  func `a read-only disk is named, and its library answers`() async throws {
    let disk = try SmallDisk(kilobytes: 8192)
    let location = LibraryLocation(directory: disk.path.appending("library"))
    try await index(location)
    try disk.makeReadOnly(true)
    let error = await #expect(throws: SearchError.self) { try await index(location) }
    #expect(error?.code == .storage)
    #expect(error?.message.contains(disk.path.string) == true)
    #expect(try opens(location, 8192))
    let elsewhere = LibraryLocation(directory: disk.path.appending("new"))
    let other = await #expect(throws: SearchError.self) { try await index(elsewhere) }
    #expect(other?.code == .storage)
    try disk.makeReadOnly(false)
    try await index(location)
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.need)))
  func `a disk that is not mounted takes no pictures with it`() async throws {
    let (disk, place) = (try SmallDisk(kilobytes: 1024), try TemporaryDirectory())
    for index in 0..<3 {
      let bytes = TinyPNG.encode(UInt8(index), 9, 200, side: 8)
      try Data(bytes).write(to: URL(filePath: disk.path.appending("\(index).png").string))
    }
    func index(_ model: any Embedder, _ folders: [FilePath] = []) async throws -> Ingestor.Report {
      var options = IngestOptions()
      options.folders = folders
      return try await Ingestor(location: pictures.location, embedder: model, options: options).run()
    }
    func count(_ model: any Embedder) throws -> Int {
      try LibraryReader(pictures.location).snapshot(embedder: model).image.vectorCount
    }
    #expect(try SmallDisk.bind(disk.path.string, to: place.path))
    #expect(try await index(embedder, [pictures.root, FilePath(place.path)]).summary.indexed == 75)
    SmallDisk.unmount(place.path)
    let summary = try await index(embedder).summary
    #expect(summary.removed == 0 && summary.guardedRoots.count == 1)
    #expect(try count(embedder) == 75)
    // Another model must see every picture: those out of reach wait, and until they are there the old one answers.
    let other = ColourEmbedder()
    let report = try await index(other)
    #expect(report.skipped.count == 4)
    #expect(try count(embedder) == 75)
    #expect(try SmallDisk.bind(disk.path.string, to: place.path))
    defer { SmallDisk.unmount(place.path) }
    let again = try await index(other)
    #expect(again.skipped == [])
    #expect(try count(other) == 75)
    #expect(other.pictures.load(ordering: .relaxed) == 75)
  }
}

/// ``ColourEmbedder`` with vectors as long as a real model's.
final class WideEmbedder: Embedder {
  private let narrow = ColourEmbedder()
  private static let copies = 96
  let id = "wide colours"
  let composeRule = ComposeRule.rawSum
  let dimension = 4 * WideEmbedder.copies
  let embedsTexts = true
  var imageInput: ImageInput? { narrow.imageInput }
  var backgroundTexts: [String] { narrow.backgroundTexts }

  func identity(view: ImageView) -> ModelIdentity {
    ModelIdentity(
      id: id, weightsHash: id, dimension: dimension, preprocessing: "8x8", composeRule: composeRule)
  }
  func warmUp(texts: Bool, images: Bool) {}
  func prepare(_ image: Image) -> PreparedImage { narrow.prepare(image) }
  func projectImages(_ images: [PreparedImage]) -> Projections { widened(narrow.projectImages(images)) }
  func projectTexts(_ texts: [String], inBulk: Bool) -> TextProjections {
    let projected = narrow.projectTexts(texts, inBulk: inBulk)
    return TextProjections(
      projections: widened(projected.projections), droppedTokens: projected.droppedTokens)
  }

  private func widened(_ projections: Projections) -> Projections {
    Projections(
      dimension: dimension,
      values: (0..<projections.count).flatMap { row in (0..<Self.copies).flatMap { _ in projections[row] } })
  }
}
