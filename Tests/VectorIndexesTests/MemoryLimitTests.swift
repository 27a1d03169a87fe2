// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

@Suite struct MemoryLimitTests {
  /// What the process has in memory of a mapped file, in bytes.
  private func resident(_ segment: Segment) throws -> Int {
    // Its size is not known before it is read.
    let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
    let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
    var (isOurs, sum) = (false, 0)
    for line in maps {
      if line.hasSuffix(segment.path.string) {
        isOurs = true
      } else if line.hasPrefix("VmFlags:") {
        isOurs = false
      }
      if isOurs, line.hasPrefix("Rss:") { sum += (Int(line.filter(\.isNumber)) ?? 0) << 10 }
    }
    return sum
  }

  @Test(
    "A search with a limit has the same answers, and leaves few pages behind",
    arguments: [(RowStorage.float32, SegmentStructure.rows), (.float32, .codes), (.int8, .codes)])
  func limits(storage: RowStorage, structure: SegmentStructure) throws {
    var random = SeededRandom(seed: 101)
    let folder = try TemporaryDirectory()
    let set = VectorSet.gaussian(items: 0..<40_000, dimension: 64, random: &random)
    let path = try set.segment(storage, in: folder, structure: structure).path
    let queries = (0..<(3 * 64)).map { _ in random.normal() }
    var answers: [[[Neighbor]]] = []
    var left: [Int] = []
    for limit in [nil, 1 << 20] {
      let segment = try Segment(path)
      let search = try VectorSearch(dimension: 64, sources: [VectorSource(segment)], memoryLimit: limit)
      answers.append(try search.neighbors(ofEach: queries, count: 3, k: 10))
      left.append(try resident(segment))
    }
    #expect(answers[0] == answers[1])
    #expect(left[0] > 2 << 20 && left[1] < left[0] / 2, "\(left)")
  }
}
