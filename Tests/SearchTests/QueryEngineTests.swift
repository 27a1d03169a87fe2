// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import SystemPackage
import TestSupport
import Testing
import VectorIndexes

@testable import Search

@Suite("Queries on a small library")
struct QueryEngineTests {
  let library: QueryLibrary
  /// The cats' ids; the first one is on a beach.
  let cats: [ItemID] = Array(395...400)

  init() throws { library = try QueryLibrary.shared.get() }

  @Test("A text finds what shows it, and stops there")
  func text() throws {
    let result = try library.search([try .text("cat")])
    #expect(Set(result.hits.map(\.item.id)) == Set(cats))
    #expect(result.summary.found == 6 && result.summary.cut == .auto)
    #expect(result.summary.searched == 400)
    #expect(result.hits[0].path.string.hasPrefix("/pictures/cats/"))
    #expect((result.hits[0].z ?? 0) > 3)
  }

  @Test("What a fifth of the library shows is found too, and what none shows is not")
  func shares() throws {
    let common = try library.search([try .text("grass")]) { $0.limit = 400 }
    let right = common.hits.count { library.pictures[Int($0.item.id) - 1].shows.contains("grass") }
    #expect(right >= 60 && Double(common.hits.count - right) <= 0.25 * Double(common.hits.count))
    #expect(try library.search([try .text("submarine")]).hits.isEmpty)
  }

  @Test("An unrelated text shows its best all the same when the cut is off")
  func noCut() throws {
    let result = try library.search([try .text("submarine")]) { $0.cut = .off }
    #expect(result.hits.count == 10 && result.summary.found == 400)
    #expect(try library.search([try .text("cat")]) { $0.cut = .z(100) }.hits.isEmpty)
  }

  @Test("Text and item together find what has both, first")
  func composed() throws {
    // Cat 3 (in thing2's place) with "beach": the cat on the beach.
    let result = try library.search([try .item("397"), try .text("beach")])
    #expect(result.hits.first?.item.id == 395)
    #expect(result.summary.cut == .off)
    // The item itself is not an answer.
    #expect(!result.hits.contains { $0.item.id == 397 })
  }

  @Test("Avoiding moves away")
  func avoid() throws {
    let result = try library.search([try .text("cat"), try .text("0.3:beach", role: .avoid)]) { $0.limit = 6 }
    #expect(Set(result.hits.map(\.item.id)) == Set(cats))
    #expect(result.hits.last?.item.id == 395)
  }

  @Test("Excluding takes away what shows the thing, or is said to")
  func exclude() throws {
    let shown = try library.search([try .text("cat"), try .text("beach", role: .exclude)])
    #expect(Set(shown.hits.map(\.item.id)) == Set(cats.dropFirst()))
    #expect(shown.summary.excluded == 1)
    let said = try library.search([try .text("cat"), try .text("am See", role: .exclude)])
    #expect(!said.hits.contains { $0.item.id == 396 } && said.hits.count == 5)
  }

  @Test("Names that the model does not know are found as words")
  func words() throws {
    let result = try library.search([try .text("rex")])
    #expect(result.hits.map(\.item.id) == [396])
    #expect(result.hits[0].captions == ["Rex am See"])
    // A composed query ranks by picture; words alone bring nothing in.
    let composed = try library.search([try .item("20"), try .text("pet")]) { $0.limit = 3 }
    #expect(composed.summary.found == 399)
  }

  @Test("The same picture comes first, whatever the captions of others say")
  func samePicture() throws {
    // The first shows exactly what the query shows, the second only half of it; its caption names all.
    var pictures = (0..<40).map {
      QueryLibrary.Picture(path: "\($0).png", shows: ["thing\($0)", "place\($0)"])
    }
    pictures[0].captions = ["nothing"]
    pictures.append(.init(path: "half.png", shows: ["thing0", "thing1"], captions: ["thing0 place0"]))
    let library = try QueryLibrary(pictures)
    try library.calibrate()
    let vector = try #require(try library.snapshot().image.vectors(ofItem: 1).first?.vector)
    let result = try library.search([try Term(.vector(vector))]) { $0.explains = true }
    #expect(result.hits.first?.item.id == 1)
    #expect(result.hits.allSatisfy { $0.source == .image })
    let scores = result.hits.compactMap(\.score)
    #expect(scores == scores.sorted(by: >))
  }

  @Test("Beside a picture the captions' vectors are not asked unless named")
  func composedSources() throws {
    func sources(_ sources: Set<HitSource>?) throws -> [HitSource] {
      var request = SearchRequest(terms: [try .item("397"), try .text("Rex")], explains: true)
      request.sources = sources
      let result = try QueryEngine(library: try library.snapshot()).search(request)
      return result.plan?.lists.map(\.source) ?? []
    }
    #expect(try sources(nil) == [.image, .words])
    #expect(try sources([.image]) == [.image])
    #expect(try sources(Set(HitSource.allCases)) == [.image, .caption, .words])
    let text = try library.search([try .text("Rex")]) { $0.explains = true }
    #expect(text.plan?.lists.map(\.source) == [.image, .caption, .words])
  }

  @Test("One common word of several does not make a hit, and the words' weight is the share that is held")
  func sharedWord() throws {
    let countries = (0..<80).map {
      QueryLibrary.Picture(path: "\($0).png", shows: ["thing\($0)"], captions: ["flag country\($0)"])
    }
    let others = (80..<900).map { QueryLibrary.Picture(path: "\($0).png", shows: ["thing\($0)"]) }
    let library = try QueryLibrary(countries + others)
    func found(_ text: String, _ cut: Cut = .auto) throws -> [Int64] {
      try library.search([try .text(text)]) {
        $0.sources = [.words]
        $0.cut = cut
        $0.limit = 100
      }.hits.map(\.item.id)
    }
    #expect(try found("flag of country7") == [8])
    #expect(try found("flag of nowhere") == [])
    #expect(try found("flag of nowhere", .off).count == 80)
    #expect(try found("flag").count == 80)
    #expect(try found("country7 nowhere") == [8])
    #expect(try found("flag of nowhere", .z(4)) == [])
    #expect(try found("flag", .z(4)).count == 80)
  }

  @Test("A z that is asked for holds for words, too")
  func wordsCut() throws {
    #expect(try library.search([try .text("rex")]) { $0.cut = .z(5) }.hits.map(\.item.id) == [396])
    let none = try library.search([try .text("rex")]) {
      $0.cut = .z(QueryLists.wordsZ + 0.1)
      $0.explains = true
    }
    #expect(none.hits.isEmpty)
    #expect(none.plan?.lists.last?.source == .words && none.plan?.lists.last?.passing == 0)
  }

  @Test("A weight that changes nothing is told")
  func idleWeight() throws {
    #expect(try library.search([try .text("16:9")]).summary.notes.contains { $0.contains("plain colon") })
    for terms in [["cat"], ["2:cat", "beach"], ["16\\:9"]] {
      let request = try terms.map { try Term.text($0) }
      #expect(try library.search(request).summary.notes.isEmpty)
    }
  }

  @Test("Filters are exact, one and several")
  func filters() throws {
    var glob = CatalogFilter()
    glob.globs = ["cats/[0-2].png"]
    var tag = CatalogFilter()
    tag.tags = ["pet"]
    let one = try library.search([try .text("cat")]) { $0.filters = [glob] }
    #expect(Set(one.hits.map(\.item.id)) == [395, 396, 397] && one.summary.searched == 3)
    let both = try library.search([try .text("cat")]) { $0.filters = [glob, tag] }
    #expect(Set(both.hits.map(\.item.id)) == [395, 396])
    var none = CatalogFilter()
    none.tags = ["nobody"]
    let empty = try library.search([try .text("cat")]) {
      $0.filters = [none]
      $0.cut = .off
    }
    #expect(empty.hits.isEmpty && empty.summary.searched == 0)
  }

  @Test("Sorting orders everything above the cut")
  func sorted() throws {
    let newest = try library.search([try .text("cat")]) {
      $0.sort = .date
      $0.limit = 3
    }
    #expect(newest.hits.map(\.item.id) == [395, 396, 397])
    let byName = try library.search([try .text("cat")]) {
      $0.sort = .name
      $0.isReversed = true
    }
    #expect(byName.hits.map(\.item.id) == cats.reversed())
  }

  @Test("A longer answer starts with the shorter one, and both come again")
  func stable() throws {
    let terms = [try Term.text("thing3"), try Term.item("7")]
    let long = try library.search(terms) { $0.limit = 15 }
    let short = try library.search(terms) { $0.limit = 5 }
    #expect(long.hits.prefix(5).map(\.item.id) == short.hits.map(\.item.id))
    #expect(long.hits.map(\.fused) == (try library.search(terms) { $0.limit = 15 }).hits.map(\.fused))
  }

  @Test(
    "Pages laid end to end are the whole answer, in every order of all hits",
    arguments: [SortOrder.relevance, .date, .size, .name])
  func pages(_ sort: SortOrder) throws {
    // A sort without a cut orders no set of its own; the next test is of that.
    let cut: Cut = sort == .relevance ? .off : .z(1)
    func search(_ offset: Int, _ limit: Int) throws -> SearchResult {
      try library.search([try .text("grass")]) {
        ($0.cut, $0.sort, $0.offset, $0.limit) = (cut, sort, offset, limit)
      }
    }
    let whole = try search(0, 1_000)
    #expect(whole.hits.count == whole.summary.found && whole.hits.count > 20 && !whole.summary.isFollowed)
    var pages: [Hit] = []
    while true {
      let page = try search(pages.count, 7)
      pages += page.hits
      #expect(page.summary.found == whole.summary.found)
      #expect(page.summary.isFollowed == (pages.count < whole.hits.count))
      if !page.summary.isFollowed { break }
    }
    #expect(pages.map(\.item.id) == whole.hits.map(\.item.id))
    #expect(try search(whole.hits.count, 7).hits.isEmpty)
  }

  @Test("Where the best are put in another order there is one page of them")
  func onePage() throws {
    let best = try library.search([try .text("grass")]) { ($0.cut, $0.limit) = (.off, 7) }
    let ids = best.hits.map(\.item.id)
    #expect(best.summary.isFollowed)
    let reversed = try library.search([try .text("grass")]) {
      ($0.cut, $0.limit, $0.isReversed) = (.off, 7, true)
    }
    #expect(reversed.hits.map(\.item.id) == ids.reversed() && !reversed.summary.isFollowed)
    let sorted = try library.search([try .text("grass")]) { ($0.cut, $0.limit, $0.sort) = (.off, 7, .name) }
    #expect(Set(sorted.hits.map(\.item.id)) == Set(ids) && !sorted.summary.isFollowed)
  }

  @Test("An explanation adds up")
  func explained() throws {
    let result = try library.search([
      try .item("397"), try .text("0.7:beach"), try .text("thing2", role: .avoid),
    ]) {
      $0.explains = true
    }
    let hit = try #require(result.hits.first)
    let explanation = try #require(hit.explanation)
    let image = try #require(explanation.lists.first { $0.source == .image })
    let total = explanation.terms.compactMap(\.share).reduce(0, +)
    #expect(explanation.terms.count == 3)
    #expect(abs(total - image.score) < 1e-4)
    #expect(abs(explanation.lists.reduce(0) { $0 + $1.value } - hit.fused) < 1e-8)
    let plan = try #require(result.plan)
    #expect(plan.kind == .composed && plan.lists.first?.null != nil)
    #expect(plan.terms.map(\.weight) == [1, 0.7, 0.5])
    #expect(plan.words.map(\.word) == ["beach"])
  }

  @Test("A text that the model cuts is told")
  func cutText() throws {
    let result = try library.search([try .text("cat and so on and so on for ever more")])
    #expect(result.summary.notes.contains { $0.contains("tokens") })
  }

  @Test("Without the model words, items and vectors still work; pictures are refused with advice")
  func noModel() throws {
    let engine = QueryEngine(library: try library.snapshot(hasModel: false))
    let words = try engine.search(SearchRequest(terms: [try .text("rex")]))
    #expect(words.hits.map(\.item.id) == [396])
    #expect(words.hits[0].score == nil && words.hits[0].source == .words)
    #expect(words.summary.notes.contains { $0.contains("get it") })
    let like = try engine.search(SearchRequest(terms: [try .item("395")], limit: 5))
    #expect(Set(like.hits.map(\.item.id)) == Set(cats.dropFirst()))
    let vector = try #require(try library.snapshot().image.vectors(ofItem: 395).first?.vector)
    #expect(try engine.search(SearchRequest(terms: [try Term(.vector(vector))])).hits[0].item.id == 395)
    let error = #expect(throws: SearchError.self) {
      try engine.search(SearchRequest(terms: [try Term(.imageBytes([1]))]))
    }
    #expect(error?.code == .modelMismatch && error?.message.contains("get it") == true)
  }

  @Test("Pictures come from files and from bytes; what cannot be read is named")
  func pictures() throws {
    let bytes = try Fixture.bytes("Images/rgb8.png")
    let path = try library.folder.write(bytes, to: "query.png")
    let fromBytes = try library.search([try Term(.imageBytes(bytes))])
    let fromFile = try library.search([try .imageFile(path)])
    #expect(fromFile.hits.map(\.item.id) == fromBytes.hits.map(\.item.id) && fromFile.hits.count == 10)
    for bad in [library.folder.path("missing.png"), try library.folder.write("text", to: "text.png")] {
      let error = #expect(throws: SearchError.self) {
        try library.search([try .imageFile(bad, option: "--image")])
      }
      #expect(error?.code == .unreadableInput && error?.message.hasPrefix("--image") == true)
    }
  }

  @Test(
    "Only the sources named are asked",
    arguments: [[HitSource.image], [.caption], [.words], [.image, .words], [.caption, .words]])
  func sources(_ sources: [HitSource]) throws {
    let result = try library.search([try .text("Rex")]) {
      $0.sources = Set(sources)
      $0.explains = true
      $0.cut = .off
    }
    #expect(Set(result.plan?.lists.map(\.source) ?? []) == Set(sources))
    let found = result.hits.flatMap { $0.explanation?.lists.map(\.source) ?? [] }
    #expect(!found.isEmpty && Set(found).isSubset(of: sources))
    // The one picture whose caption says Rex; its pixels do not.
    if sources.contains(.words) { #expect(result.hits.map(\.item.id).contains(396)) }
    // With a picture in the query only its own list decides, unless that one is not asked.
    let composed = try library.search([try .item("397"), try .text("Rex")]) { $0.sources = Set(sources) }
    #expect(!composed.hits.isEmpty)
    #expect(throws: SearchError.self) { try library.search([try .text("Rex")]) { $0.sources = [] } }
  }

  @Test("Terms are added as the request says", arguments: [ComposeRule.rawSum, .unitSum])
  func composeRule(_ rule: ComposeRule) throws {
    let image = try library.snapshot().image
    let vectors = try [ItemID(395), 100].map { try #require(image.vectors(ofItem: $0).first).vector }
    let long = vectors[0].map { $0 * 5 }
    let result = try library.search([try Term(.vector(long)), try Term(.vector(vectors[1]))]) {
      $0.composeRule = rule
      $0.explains = true
    }
    // Five to one as they are, one to one as unit vectors.
    let sum = zip(vectors[0], vectors[1]).map { (rule == .rawSum ? 5 : 1) * $0 + $1 }
    let expected = try #require(sum.normalized).dot(vectors[0])
    let hit = try #require(result.hits.first { $0.item.id == 395 })
    #expect(abs((hit.score ?? 0) - expected) < 1e-4)
    #expect(result.plan?.composeRule == rule.rawValue)
  }

  @Test("Requests that make no sense are refused")
  func refused() throws {
    #expect(throws: SearchError.self) { try library.search([]) }
    #expect(throws: SearchError.self) { try library.search([try .text("cat", role: .avoid)]) }
    #expect(throws: SearchError.self) { try library.search([try .item("4711")]) }
    #expect(throws: SearchError.self) { try library.search([try Term(.vector([1, 2]))]) }
    #expect(throws: SearchError.self) { try library.search([try .text("cat")]) { $0.limit = 0 } }
    for (offset, limit) in [(-1, 1), (10_000, 1), (1, 10_000), (Int.max, 1)] {
      #expect(throws: SearchError.self) {
        try library.search([try .text("cat")]) { ($0.offset, $0.limit) = (offset, limit) }
      }
    }
    let many = try (0...Term.Limits.terms).map { try Term.text("word\($0)") }
    #expect(throws: SearchError.self) { try library.search(many) }
    #expect(throws: SearchError.self) {
      try library.search([try .text("cat"), try .text("1:cat", role: .avoid)])
    }
  }

  @Test("A kept calibration gives the same answer, and is renewed when the library has grown")
  func calibration() throws {
    let library = try QueryLibrary(
      (0..<40).map { .init(path: "\($0).png", shows: ["thing\($0)"], captions: ["x y"]) })
    let before = try library.search([try .text("thing7")])
    let fresh = try library.snapshot()
    #expect(Calibrator(library: fresh).isStale)
    #expect(try Calibrator(library: fresh).calibrationsToStore().count == 6)
    try library.calibrate()
    let calibrated = try library.snapshot()
    #expect(!Calibrator(library: calibrated).isStale)
    #expect(try Calibrator(library: calibrated).calibrationsToStore().isEmpty)
    let after = try library.search([try .text("thing7")])
    #expect(after.hits.first?.item.id == 8)
    #expect(after.hits.map(\.item.id) == before.hits.map(\.item.id))
    #expect(zip(after.hits, before.hits).allSatisfy { abs(($0.z ?? 0) - ($1.z ?? 0)) < 1e-4 })
    // A third of the items gone.
    try library.catalog.write { transaction in try transaction.removeItems(1...14) }
    #expect(Calibrator(library: try library.snapshot()).isStale)
  }

  @Test("Libraries of none, one and five pictures answer", arguments: [0, 1, 5])
  func tiny(count: Int) throws {
    let tiny = try QueryLibrary(
      (0..<count).map { .init(path: "\($0).png", shows: [$0 == 0 ? "cat" : "thing\($0)"]) })
    let result = try tiny.search([try .text("cat")])
    #expect(result.hits.map(\.item.id) == (count == 0 ? [] : [1]))
  }
}
