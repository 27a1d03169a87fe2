// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

@Suite struct CatalogFilterTests {
  /// An item as the naive oracle sees it.
  struct Known {
    var item: Item
    var captions: [String]
    var tags: [String]
  }

  private func randomLibrary(_ random: inout SeededRandom, count: Int) throws -> (TestLibrary, [Known]) {
    let library = try TestLibrary()
    let other = try library.store.write { try $0.addRoot("/other", device: nil) }
    let words = ["Red", "CAR", "straße", "Ünder", "猫"]
    var known: [Known] = []
    for index in 0..<count {
      let picture = PictureRecord(
        format: ["jpeg", "png", "webp"].randomElement(using: &random) ?? "png",
        width: Int.random(in: 1...50, using: &random), height: Int.random(in: 1...50, using: &random),
        orientation: Int.random(in: 1...8, using: &random),
        taken: Bool.random(using: &random) ? Int64.random(in: -100...100, using: &random) : nil,
        cameraMake: Bool.random(using: &random) ? "Canon" : nil,
        cameraModel: Bool.random(using: &random) ? "X1" : nil)
      let folder = ["", "a/", "a/b/", "Ä/"].randomElement(using: &random) ?? ""
      var file = library.file(
        "\(folder)\(index).\(picture.format)", size: Int64.random(in: 0...50, using: &random),
        modified: Int64.random(in: -50...50, using: &random))
      if Bool.random(using: &random) { file.root = other }
      let captions = (0..<Int.random(in: 0...2, using: &random)).map { _ in
        "\(words.randomElement(using: &random) ?? "") \(words.randomElement(using: &random) ?? "")"
      }
      let tags = Set(
        (0..<Int.random(in: 0...2, using: &random)).map { _ in words.randomElement(using: &random) ?? "" })
      let id = try library.store.write { transaction in
        let id = try transaction.insertItem(file, picture)
        try transaction.replaceCaptions(of: id, with: captions.map { Caption($0, source: .user) })
        try transaction.replaceTags(of: id, with: tags.sorted())
        return id
      }
      let item = try #require(try library.store.items([id]).first)
      known.append(Known(item: item, captions: captions, tags: Array(tags)))
    }
    return (library, known)
  }

  private func passes(_ known: Known, _ filter: CatalogFilter) throws -> Bool {
    func isIn(_ value: Int64?, _ bounds: CatalogFilter.Bounds) -> Bool {
      guard let value else { return bounds.isOpen }
      return value >= bounds.lower ?? .min && value <= bounds.upper ?? .max
    }
    let (file, picture) = (known.item.file, known.item.picture)
    let isTurned = [5, 6, 7, 8].contains(picture.orientation)
    let wanted = filter.globs.filter { !$0.hasPrefix("!") }
    let unwanted = filter.globs.filter { $0.hasPrefix("!") }.map { String($0.dropFirst()) }
    func hasGlob(_ glob: String) throws -> Bool { try PathGlob(glob).matches(file.path.string) }
    return try (wanted.isEmpty || wanted.contains(where: hasGlob)) && !unwanted.contains(where: hasGlob)
      && (filter.formats.isEmpty || filter.formats.contains(picture.format)) && isIn(file.size, filter.size)
      && isIn(Int64(isTurned ? picture.height : picture.width), filter.width)
      && isIn(Int64(isTurned ? picture.width : picture.height), filter.height)
      && isIn(picture.taken, filter.taken) && isIn(file.modified, filter.modified)
      && filter.captionContains.allSatisfy { part in
        known.captions.contains { $0.lowercased().contains(part.lowercased()) }
      }
      && filter.cameraContains.map {
        "\(picture.cameraMake ?? "") \(picture.cameraModel ?? "")".lowercased().contains($0.lowercased())
      } ?? true
      && filter.tags.allSatisfy { tag in known.tags.contains { $0.lowercased() == tag.lowercased() } }
      && filter.hasCaption.map { $0 == !known.captions.isEmpty } ?? true
      && filter.items.map { $0.contains(known.item.id) } ?? true
      && filter.roots.map { $0.contains(file.root) } ?? true
  }

  private func randomFilter(_ random: inout SeededRandom, _ ids: [ItemID]) -> CatalogFilter {
    var filter = CatalogFilter()
    func sometimes(_ change: () -> Void) { if Int.random(in: 0..<5, using: &random) == 0 { change() } }
    func bounds(_ range: ClosedRange<Int64>) -> CatalogFilter.Bounds {
      .init(
        from: Bool.random(using: &random) ? .random(in: range, using: &random) : nil,
        through: Bool.random(using: &random) ? .random(in: range, using: &random) : nil)
    }
    let globs = ["*.png", "a/**", "!a/b/", "/*", "!*.jpeg", "[1-4]*", "Ä/"]
    let texts = ["red", "CAR", "STRASSE", "straße", "ünd", "猫", "d c", "zebra"]
    sometimes { filter.globs = (0..<2).map { _ in globs.randomElement(using: &random) ?? "*" } }
    sometimes { filter.formats = ["png", "webp"] }
    sometimes { filter.size = bounds(0...50) }
    sometimes { filter.width = bounds(1...50) }
    sometimes { filter.height = bounds(1...50) }
    sometimes { filter.taken = bounds(-100...100) }
    sometimes { filter.modified = bounds(-50...50) }
    sometimes { filter.captionContains = [texts.randomElement(using: &random) ?? ""] }
    sometimes { filter.tags = [texts.randomElement(using: &random) ?? ""] }
    sometimes { filter.cameraContains = ["canon", "x1", "N X"].randomElement(using: &random) }
    sometimes { filter.hasCaption = Bool.random(using: &random) }
    sometimes { filter.items = ids.filter { _ in Bool.random(using: &random) } }
    sometimes { filter.roots = [1] }
    return filter
  }

  @Test func `filters let exactly those pass that a plain loop does`() throws {
    var random = SeededRandom(seed: 21)
    let (library, known) = try randomLibrary(&random, count: 150)
    var nonTrivial = 0
    for _ in 0..<400 {
      let filter = randomFilter(&random, known.map(\.item.id))
      let expected = try known.filter { try passes($0, filter) }.map(\.item.id)
      let found = try library.store.items(matching: filter)
      #expect(found == expected, "\(filter)")
      if !expected.isEmpty && expected.count < known.count { nonTrivial += 1 }
    }
    #expect(nonTrivial > 150)
    #expect(try library.store.items(matching: CatalogFilter()).count == known.count)
    #expect(CatalogFilter().isEmpty)
  }

  @Test func `texts in a filter are values, not SQL`() throws {
    let library = try TestLibrary()
    try library.add("a'); DROP TABLE item; --.jpg", captions: ["it's 100% \"done\""])
    for text in ["it's", "100%", "\"done\"", "'"] {
      var filter = CatalogFilter()
      filter.captionContains = [text]
      #expect(try library.store.items(matching: filter) == [1])
    }
    var filter = CatalogFilter()
    filter.formats = ["x') OR 1=1 --"]
    filter.tags = ["' OR 1=1"]
    #expect(try library.store.items(matching: filter).isEmpty)
  }

  @Test func `a hundred thousand ids are one argument`() throws {
    let library = try TestLibrary()
    let ids = try (0..<20).map { try library.add("\($0).jpg") }
    var filter = CatalogFilter()
    filter.items = Array(10...100_000)
    #expect(try library.store.items(matching: filter) == Array(ids[9...]))
    #expect(try library.store.items(Array((1...100_000).reversed())).count == 20)
  }

  @Test(arguments: ItemOrder.allCases, [false, true])
  func `orders agree with a plain sort`(order: ItemOrder, descending: Bool) throws {
    var random = SeededRandom(seed: 4)
    let (library, known) = try randomLibrary(&random, count: 80)
    func precedes(_ a: Item, _ b: Item) -> Bool {
      switch order {
      case .date:
        let (x, y) = (
          a.picture.taken ?? a.file.modified / 1_000_000_000,
          b.picture.taken ?? b.file.modified / 1_000_000_000
        )
        return x == y ? a.id < b.id : (x < y) != descending
      case .name:
        let (x, y) = (Array(a.file.path.string.utf8), Array(b.file.path.string.utf8))
        return x == y ? a.id < b.id : x.lexicographicallyPrecedes(y) != descending
      case .size:
        return a.file.size == b.file.size ? a.id < b.id : (a.file.size < b.file.size) != descending
      }
    }
    let expected = known.map(\.item).sorted(by: precedes).map(\.id)
    #expect(
      try library.store.sorted(
        known.map(\.item.id).shuffled(using: &random) + [9999], by: order, descending: descending) == expected
    )
  }
}
