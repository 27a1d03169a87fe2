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

/// Files of the library that are damaged, foreign or from the future.
@Suite struct IngestDamageTests {
  private let embedder = ColourEmbedder()
  private let pictures: PictureFolder

  init() throws {
    pictures = try PictureFolder(embedder: embedder, inMemory: true)
    for index in 0..<14 { try pictures.paint("\(index).png", UInt8(index * 17), UInt8(200 - index), 9) }
    for index in 0..<5 { try pictures.folder.write("a red thing, number \(index)", to: "\(index).txt") }
  }

  private func contents() throws -> LibraryContents { try LibraryContents(pictures.snapshot()) }

  private func url(_ path: FilePath) -> URL { URL(filePath: path.string) }

  /// Searching says what is wrong, indexing puts it right.
  private func expectRepair(_ right: LibraryContents, of file: FilePath, _ what: String) async throws {
    let error = #expect(throws: SearchError.self, "\(what)") { try pictures.snapshot() }
    #expect(error?.code == .libraryUnusable, "\(what)")
    #expect(error?.message.contains(file.string) == true, "\(what): \(error?.message ?? "")")
    #expect(error?.message.contains("duet index") == true, "\(what): \(error?.message ?? "")")
    let report = try await pictures.index { $0.freshLimit = 1 }
    #expect(report.skipped.contains { $0.path == file.string && $0.kind == "lost" }, "\(what)")
    #expect(try contents().differences(from: right) == [], "\(what)")
    #expect(try faults(of: pictures.location) == [], "\(what)")
  }

  @Test func `a segment with any byte of its header changed is named, and made anew`() async throws {
    try await pictures.index { $0.freshLimit = 4 }
    let right = try contents()
    for offset in 0..<256 {
      // A repaired library has other segments: take the one that there is.
      let segment = try #require(try pictures.snapshot().state.segments.last)
      let file = pictures.location.segment(segment.file)
      var bytes = try [UInt8](Data(contentsOf: url(file)))
      bytes[offset] ^= offset % 2 == 0 ? 0xFF : 1
      try Data(bytes).write(to: url(file))
      try await expectRepair(right, of: file, "byte \(offset)")
    }
  }

  @Test func `a segment cut anywhere is named, and made anew`() async throws {
    try await pictures.index { $0.freshLimit = 4 }
    let right = try contents()
    for share in [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999] {
      let segment = try #require(try pictures.snapshot().state.segments.first)
      let file = pictures.location.segment(segment.file)
      let bytes = try Data(contentsOf: url(file))
      try bytes.prefix(Int(Double(bytes.count) * share)).write(to: url(file))
      try await expectRepair(right, of: file, "\(share) of \(bytes.count) bytes")
    }
  }

  @Test func `damage inside a segment is found when it is merged, not carried on`() async throws {
    for round in 0..<7 {
      try pictures.paint("more-\(round).png", UInt8(round), 100, 100)
      try await pictures.index { $0.freshLimit = 1 }
    }
    let right = try contents()
    let segment = try #require(try pictures.snapshot().state.segments(of: .image).last)
    let file = pictures.location.segment(segment.file)
    var bytes = try [UInt8](Data(contentsOf: url(file)))
    for offset in 256..<bytes.count { bytes[offset] ^= 0x55 }
    try Data(bytes).write(to: url(file))
    // Each of these runs adds a small segment, so that soon there are enough to merge.
    for round in 0..<10 {
      try pictures.paint("after.png", UInt8(round), 9, 9)
      try await pictures.index { $0.freshLimit = 1 }
    }
    try FileManager.default.removeItem(atPath: pictures.folder.path("after.png"))
    try await pictures.index()
    #expect(try contents().differences(from: right) == [])
    #expect(try faults(of: pictures.location) == [])
  }

  @Test func `a segment of another library is not taken for one's own`() async throws {
    try await pictures.index { $0.freshLimit = 4 }
    let right = try contents()
    let other = try PictureFolder(embedder: ColourEmbedder(id: "other"))
    for index in 0..<14 { try other.paint("\(index).png", 1, UInt8(index), 9) }
    try await other.index { $0.freshLimit = 4 }
    let mine = try #require(try pictures.snapshot().state.segments(of: .image).first)
    let theirs = try #require(
      try other.snapshot().state.segments(of: .image).first { $0.count == mine.count })
    let file = pictures.location.segment(mine.file)
    try Data(contentsOf: url(other.location.segment(theirs.file))).write(to: url(file))
    try await expectRepair(right, of: file, "another library's")
  }

  @Test func `a rebuild embeds everything again`() async throws {
    try await pictures.index()
    let before = embedder.pictures.load(ordering: .relaxed)
    let report = try await pictures.index { $0.rebuilds = true }
    #expect(report.summary.indexed == 14)
    #expect(embedder.pictures.load(ordering: .relaxed) == before + 14)
    #expect(try faults(of: pictures.location) == [])
  }

  @Test(arguments: [
    "", "S", "SQLite format 3", "SQLite format 3\0", "no catalog at all, but text that goes on for a while",
    "\u{7F}ELF" + String(repeating: "\0", count: 8192),
    "SQLite format 3\0" + String(repeating: "garbage ", count: 1024),
  ])
  func `a catalog that is none is named and left alone`(content: String) async throws {
    try pictures.folder.write(content, to: ".duet/catalog.sqlite")
    let error = #expect(throws: SearchError.self) { try LibraryReader(pictures.location) }
    #expect(error?.code == (content.isEmpty ? .libraryNotFound : .libraryUnusable))
    #expect(error?.message.contains("catalog.sqlite") == true)
    guard !content.isEmpty else {
      // What a first run that was killed at once leaves behind.
      try await pictures.index()
      return
    }
    let other = await #expect(throws: SearchError.self) { try await pictures.index() }
    #expect(other?.code == .libraryUnusable, "\(other?.message ?? "")")
    let after = try Data(contentsOf: url(pictures.location.catalog))
    #expect(after == Data(content.utf8))
  }

  @Test func `a catalog with pages of garbage never crashes, and what it answers it says`() async throws {
    try await pictures.index { $0.freshLimit = 4 }
    let whole = try [UInt8](Data(contentsOf: url(pictures.location.catalog)))
    var random = SeededRandom(seed: Soak.seed(5))
    var refused = 0
    for round in 0..<Soak.count(60) {
      var bytes = whole
      let start = Int.random(in: 0..<bytes.count, using: &random)
      let length = [1, 16, 512, 4096, 40_000][round % 5]
      for offset in start..<min(start + length, bytes.count) {
        bytes[offset] = UInt8.random(in: 0...255, using: &random)
      }
      if round % 7 == 6 { bytes = Array(bytes.prefix(start)) }
      for suffix in ["-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: pictures.location.catalog.string + suffix)
      }
      try Data(bytes).write(to: url(pictures.location.catalog))
      do {
        let snapshot = try pictures.snapshot()
        _ = try QueryEngine(library: snapshot).search(
          SearchRequest(terms: [try Term(.text("red"))], cut: .off))
      } catch is SearchError { refused += 1 } catch is CatalogError { refused += 1 }
      do { try await pictures.index() } catch is SearchError {}
    }
    #expect(refused > 5)
  }

  @Test func `a catalog from a newer version is named and left alone`() async throws {
    try await pictures.index()
    var bytes = try [UInt8](Data(contentsOf: url(pictures.location.catalog)))
    // PRAGMA user_version: four bytes at 60, see https://www.sqlite.org/fileformat2.html#user_version_number
    bytes[63] = 99
    try Data(bytes).write(to: url(pictures.location.catalog))
    for _ in 0..<2 {
      let error = #expect(throws: SearchError.self) { try LibraryReader(pictures.location) }
      #expect(error?.code == .libraryUnusable && error?.message.contains("newer") == true)
      let other = await #expect(throws: SearchError.self) { try await pictures.index() }
      #expect(other?.code == .libraryUnusable && other?.message.contains("newer") == true)
    }
    #expect(try [UInt8](Data(contentsOf: url(pictures.location.catalog))) == bytes)
  }
}
