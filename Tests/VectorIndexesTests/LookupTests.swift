// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import SystemPackage
import TestSupport
import Testing

@testable import VectorIndexes

@Suite struct LookupTests {
  let set: VectorSet
  let library: VectorSearchTests.Library

  init() throws {
    var random = SeededRandom(seed: 11)
    set = VectorSet.lattice(items: 10..<2010, dimension: 40, ordinalsUpTo: 4, random: &random)
    library = try VectorSearchTests.Library(set, .float16, random: &random)
  }

  @Test("Scores of given items are those of the search, in the order asked for")
  func scores() throws {
    var random = SeededRandom(seed: 12)
    let query = (0..<40).map { _ in random.normal() }
    let all = try library.search.neighbors(of: query, k: 5000)
    #expect(all.count == 2000)
    let byItem = Dictionary(uniqueKeysWithValues: all.map { ($0.item, $0) })
    let items: [Int64] = [2009, 10, 9, 500, 500, 2010, .min, .max, 77]
    #expect(try library.search.scores(of: query, items: items) == items.map { byItem[$0] })
    let rising = Array(Int64(0)..<3000)
    #expect(try library.search.scores(of: query, items: rising) == rising.map { byItem[$0] })
    #expect(try library.search.scores(of: query, items: []) == [])
  }

  @Test("The vectors of an item are the live ones")
  func vectors() throws {
    for item: Int64 in [10, 11, 12, 13, 14, 15, 2009] {
      let found = library.search.vectors(ofItem: item)
      let expected = set.keys.indices.filter { set.keys[$0].item == item }
      #expect(found.map(\.key) == expected.map { set.keys[$0] })
      #expect(found.map(\.vector) == expected.map { set.row($0) })
    }
    #expect(library.search.vectors(ofItem: 9).isEmpty)
  }

  @Test("Going over all vectors visits the live ones in order of their keys")
  func iterates() throws {
    var keys: [VectorKey] = []
    var rows: [Float] = []
    library.search.forEachVector { (key, vector) throws(Never) in
      keys.append(key)
      for index in vector.indices { rows.append(vector[index]) }
    }
    #expect(keys == set.keys)
    #expect(rows == set.rows)
  }

  @Test("A merged segment answers as its sources did", arguments: RowStorage.floats)
  func merges(storage: RowStorage) throws {
    let folder = try TemporaryDirectory()
    let path = FilePath(folder.path("merged.duetvec"))
    let size = try library.search.write(
      to: path, id: 9, fingerprint: [UInt8](repeating: 1, count: 32), storage: storage)
    let merged = try Segment(path, size: size)
    try merged.verify()
    #expect(merged.count == set.keys.count && merged.storage == storage && merged.id == 9)
    let search = try VectorSearch(dimension: 40, sources: [VectorSource(merged)])
    var random = SeededRandom(seed: 13)
    let query = (0..<40).map { _ in random.normal() }
    #expect(try search.neighbors(of: query, k: 50) == library.search.neighbors(of: query, k: 50))
  }

  @Test("A sample does not depend on how the library is cut")
  func samples() throws {
    let sample = library.search.sample(atMost: 100)
    #expect(sample.items.count == 100 && Set(sample.items).count == 100)
    #expect(sample.items == sample.items.sorted())
    let whole = try VectorSearch(dimension: 40, sources: [VectorSource(try set.fresh(.float16))])
    let same = whole.sample(atMost: 100)
    #expect(same.items == sample.items && same.rows == sample.rows)
    #expect(library.search.sample(atMost: 5000).items == Array(10..<2010))
    // The first vector of each item, and the scores of the search.
    let query = [Float](repeating: 0.5, count: 40)
    let scores = sample.scores(of: query)
    for (index, item) in sample.items.enumerated() {
      let first = library.search.vectors(ofItem: item)[0].vector
      #expect(sample.vector(index) == first)
      #expect(scores[index] == zip(first, query).reduce(0) { $0 + $1.0 * $1.1 })
    }
  }

  @Test("100,000 ids of a million items become the right slots")
  func preparesMany() throws {
    var set = VectorSet(dimension: 1)
    for item in 0..<1_000_000 { set.keys.append(VectorKey(item: Int64(item) * 3)) }
    set.rows = [Float](repeating: 1, count: set.keys.count)
    let search = try VectorSearch(dimension: 1, sources: [VectorSource(try set.fresh())])
    var random = SeededRandom(seed: 14)
    let items = Set((0..<100_000).map { _ in Int64.random(in: 0..<3_000_000, using: &random) })
    #expect(search.prepare(IDFilter(items: Array(items))).vectorCount == items.count { $0 % 3 == 0 })
  }
}
