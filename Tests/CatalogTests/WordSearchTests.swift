// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

@Suite struct WordSearchTests {
  /// Captions in many scripts, ten fillers so that a word of one item is rare, and what should find them.
  static let captions = [
    "a red car in the rain", "红色汽车在雨中", "夜の東京タワー", "カメラを持つ猫", "붉은 자동차가 달린다", "แมวดำนอนบนเก้าอี้",
    "Der Ärger über große Straßen", "Кошка ест рыбу", "बिल्ली दूध पीती है", "قِطَّةٌ سَوْدَاء", "Ａｐｐｌｅ ｗａｔｃｈ",
  ]

  static func library() throws -> TestLibrary {
    let library = try TestLibrary()
    for (index, caption) in captions.enumerated() { try library.add("p/x\(index).jpg", captions: [caption]) }
    for index in 0..<20 { try library.add("filler/q\(index).jpg", captions: ["the a in filler"]) }
    return library
  }

  /// One library for the tests that only ask.
  static let shared = Result { try library() }

  @Test(
    arguments: [
      ("car", 0), ("CAR", 0), ("red zebra", 0), ("车", 1), ("汽车", 1), ("红色汽车", 1), ("红汽车", 1), ("雨", 1),
      ("東京", 2), ("夜", 2), ("タワー", 2), ("猫", 3), ("カメラ", 3), ("ｶﾒﾗ", 3), ("자동차", 4), ("차", 4),
      ("붉은 자동차", 4), ("แมว", 5), ("เก้าอี้", 5), ("แมวดำ", 5), ("arger", 6), ("ÄRGER", 6), ("a\u{308}rger", 6),
      ("straßen", 6), ("кошка", 7), ("КОШКА", 7), ("बिल्ली", 8), ("दूध", 8), ("قطة", 9), ("سوداء", 9),
      ("apple", 10), ("watch", 10),
    ])
  func `a word finds its item in any script`(query: String, expected: Int) throws {
    let library = try Self.shared.get()
    let matches = try library.store.wordMatches(query)
    #expect(matches.hits.first?.item == ItemID(expected + 1))
  }

  @Test func `decomposed Hangul, as some disks name files, is found`() throws {
    let library = try TestLibrary()
    let id = try library.add(
      "\("여름".decomposedStringWithCanonicalMapping)/\("바다".decomposedStringWithCanonicalMapping).jpg")
    for index in 0..<10 { try library.add("\(index).jpg") }
    #expect(try library.store.wordMatches("바다").hits.map(\.item) == [id])
    #expect(try library.store.wordMatches("여").hits.map(\.item) == [id])
  }

  @Test func `common words alone find nothing, all of them do`() throws {
    let library = try Self.shared.get()
    #expect(try library.store.wordMatches("the zebra").hits.isEmpty)
    #expect(try library.store.wordMatches("the filler").hits.count == 20)
    #expect(try library.store.wordMatches("the a in filler").hits.count == 20)
    #expect(try library.store.wordMatches("").hits.isEmpty)
    #expect(try library.store.wordMatches(" ,.! 🚗 ").hits.isEmpty)
  }

  @Test func `words that show nothing find nothing, unless nothing else was asked for`() throws {
    let library = try TestLibrary()
    for index in 0..<40 { try library.add("\(index).jpg", captions: ["thing\(index)"]) }
    let bridge = try library.add("x.jpg", captions: ["bridge at night"])
    let pot = try library.add("y.jpg", captions: ["a pot of food"])
    let flag = try library.add("z.jpg", captions: ["flag: France", "红的花"])
    func find(_ text: String) throws -> [ItemID] { try library.store.wordMatches(text).hits.map(\.item) }
    #expect(try find("ships at sea") == [])
    #expect(try find("the flag of France") == [flag])
    #expect(try find("A Bridge AT the sea") == [bridge])
    #expect(try find("of") == [pot])
    #expect(try find("的") == [flag])
    #expect(try library.store.wordMatches("the flag of France").tokens.map(\.text) == ["flag", "France"])
  }

  @Test func `hits agree with the rule, computed by hand`() throws {
    let library = try TestLibrary()
    var random = SeededRandom(seed: 5)
    // Word w<k> stands in about 1/k of the items.
    var words: [[Int]] = []
    for index in 0..<120 {
      let chosen = (1...40).filter { Int.random(in: 0..<$0, using: &random) == 0 }
      words.append(chosen)
      try library.add("\(index).jpg", captions: [chosen.map { "w\($0)" }.joined(separator: " ")])
    }
    let counts = (0...40).map { word in words.filter { $0.contains(word) }.count }
    for _ in 0..<200 {
      let query = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        Int.random(in: 1...40, using: &random)
      }
      let rare = query.filter { counts[$0] < 12 }
      let expected = words.indices.filter { index in
        rare.contains { words[index].contains($0) } || query.allSatisfy { words[index].contains($0) }
      }
      let matches = try library.store.wordMatches(query.map { "w\($0)" }.joined(separator: " "))
      #expect(matches.hits.map { Int($0.item) - 1 }.sorted() == expected, "\(query)")
      #expect(zip(matches.hits, matches.hits.dropFirst()).allSatisfy { $0.score >= $1.score })
      #expect(matches.tokens.allSatisfy { $0.isRare == (counts[Int($0.text.dropFirst()) ?? 0] < 12) })
    }
  }

  @Test func `a hit says how much of the query it holds`() throws {
    let library = try TestLibrary()
    for index in 0..<97 { try library.add("\(index).jpg", captions: [index < 9 ? "flag" : "filler"]) }
    let kenya = try library.add("x.jpg", captions: ["flag: Kenya"])
    let both = try library.add("y.jpg", captions: ["flag Kenya Kenya"])
    func shares(_ text: String) throws -> [ItemID: Double] {
      let hits = try library.store.wordMatches(text).hits
      return Dictionary(uniqueKeysWithValues: hits.map { ($0.item, $0.share) })
    }
    // 99 items: 11 hold "flag", 2 "Kenya", none "nowhere", which counts as if one did.
    let flag = log(1 + 99.0 / 11)
    let name = log(1 + 99.0 / 2)
    let unknown = log(100.0)
    #expect(try shares("Kenya") == [kenya: 1, both: 1])
    let one = try shares("flag of Kenya")
    #expect(one[kenya] == 1 && one[both] == 1 && one.count == 2)
    let two = try shares("Kenya nowhere")
    #expect(two.count == 2 && abs((two[kenya] ?? 0) - name / (name + unknown)) < 1e-12)
    let three = try shares("flag Kenya nowhere")
    #expect(abs((three[both] ?? 0) - (flag + name) / (flag + name + unknown)) < 1e-12)
    #expect(try shares("Kenya filler")[kenya].map { $0 < 1 } == true)
  }

  @Test func `names, folders and tags are found; captions count most`() throws {
    let library = try TestLibrary()
    for index in 0..<20 { try library.add("filler/q\(index).jpg") }
    let folder = try library.add("holiday beach/1.jpg")
    let name = try library.add("x/Beach_2024.jpg")
    let caption = try library.add("y/2.jpg", captions: ["beach"])
    let tag = try library.add("z/3.jpg", tags: ["Beach"])
    let hits = try library.store.wordMatches("beach").hits.map(\.item)
    #expect(Set(hits) == [folder, name, caption, tag])
    #expect(Set(hits.prefix(2)) == [caption, tag])
    #expect(hits.last == folder)
    #expect(try library.store.wordMatches("beach", limit: 1).hits.map(\.item) == [hits[0]])
    #expect(try library.store.wordMatches("jpg").hits.isEmpty)
  }

  @Test(
    arguments: [
      "\"", "\"\"\"", "car\"", "car AND", "car NOT rain", "NEAR(car rain)", "car*", "caption:car",
      "-caption : car",
      "{caption tag} : car", "^car", "(car", "car)", "car + rain", "' OR 1=1 --", "car\0rain", "AND", "NOT",
      "OR",
      "NEAR", "car OR OR rain", "\\", ";", "%", "\u{E000}", "\u{FFFD}\u{0}", "car\u{301}\u{301}",
    ])
  func `no query is FTS5 syntax`(query: String) throws {
    let library = try Self.shared.get()
    let hits = try library.store.wordMatches(query).hits.map(\.item)
    #expect(hits == (Array(query.utf8).firstRange(of: Array("car".utf8)) == nil ? [] : [1]))
    _ = try library.store.items(withPhrase: query)
  }

  @Test func `any scalars at all make a valid query`() throws {
    let library = try Self.library()
    var random = SeededRandom(seed: 3)
    for _ in 0..<300 {
      var text = ""
      for _ in 0..<Int.random(in: 1...30, using: &random) {
        let limit: UInt32 = Bool.random(using: &random) ? 0x80 : 0x11_0000
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)) {
          text.unicodeScalars.append(scalar)
        }
      }
      _ = try library.store.wordMatches(text)
      _ = try library.store.items(withPhrase: text)
      try library.store.write { try $0.replaceCaptions(of: 1, with: [Caption("x" + text, source: .user)]) }
    }
    #expect(try library.store.verify().isEmpty)
  }

  @Test func `a very long query is cut, not refused`() throws {
    let library = try Self.shared.get()
    let text = "car " + (0..<5000).map { "w\($0)" }.joined(separator: " ")
    let matches = try library.store.wordMatches(text)
    #expect(matches.hits.map(\.item) == [1])
    #expect(matches.tokens.count == CatalogStore.maximumQueryTokens)
  }

  @Test func `phrases hold words side by side, in one caption`() throws {
    let library = try TestLibrary()
    let one = try library.add("1.jpg", captions: ["a red car", "in the rain"])
    let two = try library.add("2.jpg", captions: ["car, red: old"])
    let three = try library.add("3.jpg", captions: ["大红色汽车站"], tags: ["new york"])
    func phrase(_ text: String) throws -> [ItemID] { try library.store.items(withPhrase: text) }
    #expect(try phrase("red car") == [one])
    #expect(try phrase("Car RED") == [two])
    #expect(try phrase("car in") == [])
    #expect(try phrase("car") == [one, two])
    #expect(try phrase("红色汽车") == [three])
    #expect(try phrase("红汽车") == [])
    #expect(try phrase("New York") == [three])
    #expect(try phrase("...") == [])
  }

  @Test func `words follow captions, tags, moves and removals`() throws {
    let library = try TestLibrary()
    let id = try library.add("old.jpg", captions: ["first"], tags: ["one"])
    for index in 0..<9 { try library.add("f\(index).jpg") }
    func finds(_ word: String) throws -> Bool { try library.store.wordMatches(word).hits.map(\.item) == [id] }
    #expect(try finds("first") && finds("one") && finds("old"))
    try library.store.write { transaction in
      try transaction.replaceCaptions(of: id, with: [Caption("second", source: .sidecar)])
      try transaction.replaceTags(of: id, with: ["two", "TWO"])
      try transaction.moveItem(id, to: library.file("deep/new.jpg", content: "old.jpg"))
    }
    #expect(try finds("second") && finds("two") && finds("new") && finds("deep"))
    for gone in ["first", "one", "old"] { #expect(try library.store.wordMatches(gone).hits.isEmpty) }
    #expect(try library.store.tags(of: [id])[id]?.count == 1)
    try library.store.write { try $0.removeItems([id]) }
    #expect(try library.store.wordMatches("second").hits.isEmpty)
    #expect(try library.store.verify().isEmpty)
  }

  @Test func `document frequencies are counts of items`() throws {
    let library = try Self.shared.get()
    #expect(
      try library.store.documentFrequencies(["filler", "car", "CAR", "zebra", "汽车", "\""]) == [
        20, 1, 1, 0, 1, 0,
      ])
  }

  @Test func `the plain sqlite3 tool reads and searches the file`() throws {
    let library = try Self.library()
    try library.store.close()
    // A connection without any of our functions.
    let plain = try DatabaseQueue(path: library.path.string)
    let row = try plain.read { db in
      try String.fetchOne(db, sql: "SELECT caption FROM words WHERE words MATCH '汽车'")
    }
    #expect(row == "红 红色 色 色汽 汽 汽车 车 车在 在 在雨 雨 雨中 中")
  }

  @Test(
    arguments: [
      ("Hello, wörld_2", ["Hello", "wörld", "2"]), ("東京", ["東", "東京", "京"]), ("a猫b", ["a", "猫", "b"]),
      ("é", ["é"]), ("e\u{301}", ["é"]), ("\u{301}", []), ("ﬁn①", ["fin1"]), ("co\u{AD}op", ["coop"]),
      ("שָׁלוֹם", ["שלום"]), ("x\u{E000}y", ["x", "y"]),
    ])
  func `texts are cut into tokens`(text: String, tokens: [String]) {
    #expect(WordSegmenter.tokens(text) == tokens)
  }
}
