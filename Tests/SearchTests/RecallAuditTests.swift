// SPDX-License-Identifier: Apache-2.0
import Catalog
import LinearAlgebra
import Synchronization
import SystemPackage
import TestSupport
import Testing
import VectorIndexes

@testable import Search

@Suite struct RecallAuditTests {
  @Test("In a small library every setting finds everything, in every direction that has queries")
  func small() async throws {
    let library = try QueryLibrary(
      (0..<30).map { index in
        QueryLibrary.Picture(
          path: "\(index).png", shows: ["thing\(index % 7)"],
          captions: index < 12 ? ["thing\(index % 7)"] : [])
      })
    let audit = try await RecallAudit.run(on: try library.snapshot())
    #expect(audit.measurements.count == 3 * RecallAudit.settings.count)
    #expect(audit.measurements.allSatisfy { $0.recall == 1 && $0.plan == (0, 1) })
    let directions = Set(audit.measurements.map { [$0.direction.from, $0.direction.target] })
    #expect(directions == [[.image, .image], [.caption, .image], [.caption, .caption]])
  }

  @Test("Where there are no vectors there is nothing to measure")
  func empty() async throws {
    #expect(try await RecallAudit.run(on: QueryLibrary([]).snapshot()).measurements.isEmpty)
  }

  @Test("Lists find what each setting promises, and exact search finds all")
  func lists() async throws {
    let folder = try TemporaryDirectory()
    let audit = try await RecallAudit.run(on: try Self.librarySnapshot(in: folder))
    #expect(audit.measurements.map(\.wanted) == RecallAudit.settings)
    for measurement in audit.measurements {
      switch measurement.wanted {
      case .exact: #expect(measurement.recall == 1 && measurement.plan == (0, 1))
      case .atLeast(let share):
        #expect(measurement.recall >= share - 0.02, "\(share)")
      }
    }
    #expect(audit.measurements[0].plan == (1, 0))
    #expect(audit.measurements[0].paths[0].contains("lists read"))
  }

  @Test("An audit that is cancelled ends at the next batch")
  func cancels() async throws {
    let folder = try TemporaryDirectory()
    let snapshot = try Self.librarySnapshot(in: folder)
    let calls = Mutex(0)
    let task = Task {
      try await RecallAudit.run(on: snapshot) { _, _ in
        calls.withLock { $0 += 1 }
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(calls.withLock { $0 } == 1)
  }

  /// A library whose pictures' vectors lie in one segment with lists.
  private static func librarySnapshot(in folder: TemporaryDirectory) throws -> LibrarySnapshot {
    let (count, dimension) = (24_000, 64)
    let path = FilePath(folder.path("1.duetvec"))
    var random = SeededRandom(seed: 61)
    let centers = (0..<200).map { _ in (0..<dimension).map { _ in random.normal() } }
    let writer = try SegmentWriter(
      to: path, id: 1, fingerprint: [UInt8](repeating: 0, count: 32), dimension: dimension, count: count,
      storage: .float32)
    for item in 0..<count {
      let center = centers[Int.random(in: 0..<centers.count, using: &random)]
      let vector = center.map { $0 + random.normal() }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      try writer.append(VectorKey(item: Int64(item)), vector.map { $0 / length })
    }
    try writer.finish()
    let library = try QueryLibrary([])
    return LibrarySnapshot(
      catalog: library.catalog, state: try library.catalog.snapshot(), embedder: nil,
      image: try VectorSearch(dimension: dimension, sources: [VectorSource(try Segment(path))]),
      caption: try VectorSearch(dimension: dimension, sources: []), rootPaths: [:])
  }
}
