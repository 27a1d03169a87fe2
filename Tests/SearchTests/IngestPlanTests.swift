// SPDX-License-Identifier: Apache-2.0
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Catalog
@testable import Search

@Suite struct IngestPlanTests {
  private func walk(_ folder: TemporaryDirectory) throws -> [WalkedFile] {
    try DirectoryWalker(root: FilePath(folder.path)).compactMap { event in
      if case .file(let file) = event { file } else { nil }
    }
  }

  private func known(_ files: [WalkedFile]) -> [KnownFile] {
    files.enumerated().map { index, file in
      item(Int64(index + 1), file.path, size: file.status.size, modified: file.status.modified)
    }
  }

  private func item(
    _ id: Int64, _ path: FilePath, size: Int = 1, modified: Int64 = 0, hash: UInt8 = 0
  ) -> KnownFile {
    let record = FileRecord(
      root: 1, path: path, size: Int64(size), modified: modified, inode: 0,
      hash: [UInt8](repeating: hash, count: 16))
    return Item(
      id: id, file: record, picture: PictureRecord(format: "png", width: 1, height: 1), added: 1, changed: 1
    ).known
  }

  @Test func `files of the known size and time are unchanged, others are read`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("a", to: "a.png")
    try folder.write("b", to: "sub/b.png")
    let before = known(try walk(folder))
    try folder.write("longer", to: "sub/b.png")
    try folder.write("c", to: "c.png")
    let plan = IngestPlan(found: try walk(folder), known: before)
    #expect(plan.unchanged.map(\.file.path) == ["a.png"])
    #expect(plan.candidates.map(\.path) == ["c.png", "sub/b.png"])
    #expect(plan.candidates.map { $0.known?.id } == [nil, 2])
    #expect(plan.missing.isEmpty)
  }

  @Test func `rebuilding reads everything`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("a", to: "a.png")
    let files = try walk(folder)
    let plan = IngestPlan(found: files, known: known(files), rereadsAll: true)
    #expect(plan.unchanged.isEmpty)
    #expect(plan.candidates.map { $0.known?.id } == [1])
  }

  @Test func `names that differ only in Unicode normalisation are two files`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("composed", to: "caf\u{E9}.png")
    try folder.write("decomposed!", to: "cafe\u{301}.png")
    let files = try walk(folder)
    #expect(files.count == 2)
    let plan = IngestPlan(found: files, known: known(files))
    #expect(plan.unchanged.count == 2)
    #expect(plan.missing.isEmpty)
  }

  @Test func `what lies in a folder that could not be read is not missing`() throws {
    let items = [item(1, "gone.png"), item(2, "locked/kept.png"), item(3, "locked-not/gone.png")]
    let plan = IngestPlan(found: [], known: items, unread: ["locked"])
    #expect(plan.missing.map(\.id) == [1, 3])
  }

  @Test func `a moved file is claimed once, by content`() {
    var moves = MoveDetection(missing: [
      item(1, "a.png", hash: 7), item(2, "b.png", hash: 7), item(3, "c.png", hash: 9),
    ])
    let seven = [UInt8](repeating: 7, count: 16)
    #expect(moves.claim(hash: seven)?.id == 1)
    #expect(moves.claim(hash: seven)?.id == 2)
    #expect(moves.claim(hash: seven) == nil)
    #expect(moves.unclaimed.map(\.id) == [3])
  }
}

@Suite struct RootGuardTests {
  private func reason(device: Int64? = 5, now: UInt64 = 5, known: Int, missing: Int, found: Int) -> String? {
    RootGuard.reasonToKeep(
      root: Root(id: 1, path: "/photos", device: device, lastSeen: nil), device: now, known: known,
      missing: missing, found: found)
  }

  @Test func `few losses are believed`() {
    #expect(reason(known: 1000, missing: 400, found: 600) == nil)
    #expect(reason(known: 4, missing: 2, found: 2) == nil)
    #expect(reason(known: 3, missing: 0, found: 0) == nil)
  }

  @Test func `an unmounted disk is not believed`() {
    #expect(reason(known: 1000, missing: 501, found: 499) != nil)
    #expect(reason(known: 3, missing: 2, found: 1) != nil)
    #expect(reason(known: 3, missing: 3, found: 0) != nil)
    #expect(reason(device: 4, known: 1000, missing: 1, found: 999) != nil)
  }
}

@Suite struct WallClockTests {
  @Test(arguments: [
    ("1970:01:01 00:00:00", 0), ("2000:02:29 12:00:00", 951_825_600), ("2024:07:31 18:05:09", 1_722_449_109),
    ("1969:12:31 23:59:59", -1),
  ])
  func `reads EXIF times`(text: String, seconds: Int64) {
    #expect(WallClock.seconds(exif: text) == seconds)
  }

  @Test(arguments: [
    "", "0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 00:00:00", "2024:07", "noon",
  ])
  func `refuses what is no time`(text: String) {
    #expect(WallClock.seconds(exif: text) == nil)
  }
}

@Suite struct SegmentTierTests {
  private func segment(_ id: Int64, _ count: Int) -> SegmentRecord {
    SegmentRecord(
      id: id, space: 1, field: .image, file: "\(id).duetvec", count: count, bytes: 1, items: 1...1,
      retired: nil)
  }

  @Test func `tiers are powers of the fan-out`() {
    #expect([1, 7, 8, 63, 64, 4096, 4097, 32_768].map(SegmentMaintenance.tier) == [0, 0, 1, 1, 2, 4, 4, 5])
  }

  @Test func `a full tier merges, the smallest first, the oldest of it`() {
    let large = (1...8).map { segment($0, 40_000) }
    let small = (11...19).map { segment($0, 5_000) }
    #expect(SegmentMaintenance.nextMerge(Array(small.prefix(7)) + large.prefix(7), dead: [:]) == nil)
    #expect(SegmentMaintenance.nextMerge(large + small, dead: [:])?.map(\.id) == Array(11...18))
    #expect(SegmentMaintenance.nextMerge(large, dead: [:])?.count == 8)
  }

  @Test func `a mostly dead segment is written anew`() {
    let segments = [segment(1, 100), segment(2, 100)]
    #expect(SegmentMaintenance.nextMerge(segments, dead: [1: Array(1...25)]) == nil)
    #expect(SegmentMaintenance.nextMerge(segments, dead: [2: Array(1...26)])?.map(\.id) == [2])
  }

  @Test func `a million items in portions of 4,096 stay below two dozen segments`() {
    var segments: [SegmentRecord] = []
    var (next, most) = (Int64(0), 0)
    for _ in 0..<(1_000_000 / 4096) {
      next += 1
      segments.append(segment(next, 4096))
      while let group = SegmentMaintenance.nextMerge(segments, dead: [:]) {
        let ids = Set(group.map(\.id))
        segments.removeAll { ids.contains($0.id) }
        next += 1
        segments.append(segment(next, group.reduce(0) { $0 + $1.count }))
      }
      most = max(most, segments.count)
    }
    #expect(most <= 24)
  }
}
