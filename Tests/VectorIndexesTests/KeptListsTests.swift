// SPDX-License-Identifier: Apache-2.0
import Compute
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

/// Merges that go on with the lists of the larger segment.
@Suite struct KeptListsTests {
  static let dimension = 48

  /// A segment with lists, and a smaller one: some vectors like the others, more of them all alike.
  struct Scene {
    let folder: TemporaryDirectory
    let large: Segment
    let small: Segment

    init(added: Int, _ storage: RowStorage) throws {
      var random = SeededRandom(seed: 91)
      folder = try TemporaryDirectory()
      let set = ListsTests.clustered(8_000, dimension: KeptListsTests.dimension, random: &random)
      large = try set.segment(storage, in: folder, id: 1, structure: .lists)
      var others = VectorSet(dimension: KeptListsTests.dimension)
      for index in 0..<added {
        others.keys.append(VectorKey(item: Int64(8_000 + index)))
        others.rows += VectorSet.unit(
          set.row(index % 4 == 0 ? index * 7 % 8_000 : 5).map { $0 + 0.05 * random.normal() })
      }
      small = try others.segment(storage, in: folder, id: 2, structure: .rows)
    }

    /// Merges both, without the rows that `isDead` names in the larger one.
    func merged(pool: ComputePool = .shared, keeping: Bool = true, isDead: (Int) -> Bool) throws -> Segment {
      let rows = (0..<large.count).filter { !isDead($0) }
      let path = FilePath(folder.path("\(UUID().uuidString).duetvec"))
      let writer = try SegmentWriter(
        to: path, id: 3, fingerprint: [UInt8](0..<32), dimension: KeptListsTests.dimension,
        count: rows.count + small.count, storage: large.storage, structure: .lists, pool: pool)
      if keeping { writer.keepLists(of: large) }
      for slot in rows { try writer.append(slot: slot, of: large) }
      for slot in 0..<small.count { try writer.append(slot: slot, of: small) }
      try writer.finish()
      return try Segment(path)
    }
  }

  /// The codes of a segment's centroids.
  private func centroids(_ segment: Segment) throws -> Set<[Int8]> {
    let lists = try #require(segment.table.lists)
    return Set(
      (0..<lists.count).map { list in
        (0..<lists.codeDimension).map { lists.centroids[list * lists.codeDimension + $0] }
      })
  }

  private func recall(_ segment: Segment) throws -> Double {
    let search = try VectorSearch(dimension: Self.dimension, sources: [VectorSource(segment)])
    var random = SeededRandom(seed: 92)
    var found = 0
    for index in 0..<100 {
      let query = segment.vector(index * segment.count / 100).map { $0 + 0.05 * random.normal() }
      let truth = try search.neighbors(of: query, k: 10)
      found += Set(try search.neighbors(of: query, k: 10, recall: .standard)).intersection(truth).count
    }
    return Double(found) / 1_000
  }

  @Test(
    "A merge keeps most centroids, splits what grew, and finds as much as lists made anew",
    arguments: RowStorage.allCases)
  func keeps(storage: RowStorage) throws {
    let scene = try Scene(added: 1_600, storage)
    let merged = try scene.merged { $0 % 9 == 0 }
    try merged.verify()
    let (before, after) = (try centroids(scene.large), try centroids(merged))
    #expect(before.intersection(after).count >= before.count * 9 / 10)
    // Three quarters of what was added lies in one place.
    #expect(after.count > before.count)
    #expect(try recall(merged) >= 0.97)
  }

  @Test("Lists that lose nearly all of their rows are given up")
  func givesUp() throws {
    let scene = try Scene(added: 40, .float32)
    let lists = try #require(scene.large.table.lists)
    let emptied = Set((0..<lists.count / 4).flatMap { lists.blocks(of: $0).flatMap(lists.entries) })
    let merged = try scene.merged { emptied.contains(UInt32($0)) }
    try merged.verify()
    #expect(try centroids(merged).count < lists.count - lists.count / 8)
    #expect(try recall(merged) >= 0.97)
  }

  @Test("Where much is added the lists are made anew, as if there had been none")
  func makesAnew() throws {
    let scene = try Scene(added: 4_000, .float32)
    let (kept, anew) = (try scene.merged { _ in false }, try scene.merged(keeping: false) { _ in false })
    let bytes = try [kept, anew].map { try Data(contentsOf: URL(filePath: $0.path.string)) }
    #expect(bytes[0] == bytes[1])
  }

  @Test("The merged file is the same on any number of threads")
  func deterministic() throws {
    let scene = try Scene(added: 1_600, .float32)
    let files = try [1, 2, 5].map { threads in
      try Data(
        contentsOf: URL(
          filePath: scene.merged(pool: ComputePool(threadCount: threads)) { $0 % 9 == 0 }.path.string))
    }
    #expect(files[0] == files[1] && files[0] == files[2])
  }
}
