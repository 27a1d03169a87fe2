// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("Searching over HTTP")
struct SearchRoutesTests {
  let daemon: TestDaemon

  init() async throws { daemon = try await TestDaemon.shared.value }

  /// What the engine answers, as the text of the answer's hits.
  private func engine(_ terms: [Term], _ change: @escaping @Sendable (inout SearchRequest) -> Void = { _ in })
    async throws -> String
  {
    try await daemon.onSnapshot { snapshot in
      var request = SearchRequest(terms: terms, limit: 20)
      change(&request)
      let hits = try QueryEngine(library: snapshot).search(request).hits
      return "\"hits\":" + JSONText.array(hits.enumerated().map { JSONText(hit: $1, rank: $0 + 1) }).text
        + ","
    }
  }

  @Test("Every kind of term is answered as the engine answers it")
  func kinds() async throws {
    let picture = TinyPNG.encode(200, 30, 30)
    let base64 = Data(picture).base64EncodedString()
    let item = try await daemon.id(of: "blue.png")
    let vector = (0..<128).map { Float($0 % 7) - 3 }
    let cases: [([String: Any], Term)] = [
      (["text": "lighthouse"], try Term(.text("lighthouse"))),
      (["image": base64], try Term(.imageBytes(picture), label: "image")),
      (["image": "data:image/png;base64,\(base64)"], try Term(.imageBytes(picture), label: "image")),
      (["item": item], try Term(.item(item))), (["vector": vector], try Term(.vector(vector))),
    ]
    for (json, term) in cases {
      let answer = try await daemon.search(["terms": [json], "cut": "off", "explain": true])
      let expected = try await engine([term]) {
        $0.cut = .off; $0.explains = true
      }
      #expect(answer.status == 200 && answer.text.contains(expected), "\(json.keys): \(answer.text)")
      #expect(expected.contains("\"rank\":1"), "an empty answer proves nothing")
    }
  }

  @Test("Weights and roles are the engine's")
  func roles() async throws {
    let answer = try await daemon.search([
      "terms": [
        ["text": "red", "weight": 2], ["text": "night", "role": "avoid"],
        ["text": "lighthouse", "role": "exclude"],
      ], "cut": "off",
    ])
    let expected = try await engine([
      try Term(.text("red"), weight: 2), try Term(.text("night"), role: .avoid),
      try Term(.text("lighthouse"), role: .exclude),
    ]) { $0.cut = .off }
    #expect(answer.text.contains(expected))
    #expect(!(try answer.names).contains("red.png"))
    let plain = try await daemon.search(["terms": [["text": "red"]], "cut": "off"])
    #expect(!plain.text.contains(expected))
  }

  @Test("A text in the URL is the same query; + and %20 are spaces, %2B is a plus")
  func byURL() async throws {
    let expected = try await engine([try Term(.text("quiet lighthouse"))])
    for query in ["quiet%20lighthouse", "quiet+lighthouse"] {
      let answer = try await daemon.get("/v1/search?q=\(query)&library=pictures")
      #expect(answer.status == 200 && answer.text.contains(expected), "\(answer.text)")
    }
    #expect(try await daemon.get("/v1/search?q=lighthouse&limit=1").hits.count == 1)
    let plus = try await daemon.search(["terms": [["text": "a+b"]], "explain": true])
    let inURL = try await daemon.get("/v1/search?q=a%2Bb")
    #expect(try inURL.names == plus.names && inURL.status == 200)
    #expect(try await daemon.get("/v1/search").problem == "422 q")
    #expect(try await daemon.get("/v1/search?q=a&q=b").problem == "422 q")
    #expect(try await daemon.get("/v1/search?q=a&k=3").problem == "422 k")
    #expect(try await daemon.get("/v1/search?q=a&limit=many").problem == "422 limit")
    #expect(try await daemon.get("/v1/search?q=a&library=none").problem == "404 library")
  }

  @Test("What is similar to a picture does not hold the picture; an unknown one is not found")
  func similar() async throws {
    let id = try await daemon.id(of: "holiday/sea.png")
    let answer = try await daemon.get("/v1/similar/\(id)?limit=5")
    #expect(try answer.names.count == 5 && !answer.names.contains("holiday/sea.png"))
    #expect(answer.text.contains(try await engine([try Term(.item(id))]) { $0.limit = 5 }))
    for unknown in ["999999", "0", "-1", "cat", "99999999999999999999"] {
      #expect(try await daemon.get("/v1/similar/\(unknown)").status == 404)
    }
  }

  @Test("Pages laid end to end are one long answer")
  func pages() async throws {
    var query: [String: Any] = ["terms": [["text": "sea"]], "cut": "off", "limit": 5]
    var pages: [[String: Any]] = []
    var cursors: [String] = []
    while true {
      let page = try await daemon.search(query)
      pages += try page.hits
      guard let cursor = try page.cursor else { break }
      cursors.append(cursor)
      query["cursor"] = cursor
    }
    let whole = try await daemon.search(["terms": [["text": "sea"]], "cut": "off", "limit": 100])
    #expect(try pages as NSArray == whole.hits as NSArray)
    #expect(pages.count == 12 && cursors.count == 2)
    #expect(try whole.cursor == nil)
    // Another query, another library state, and what never was a cursor.
    query["terms"] = [["text": "sand"]]
    #expect(try await daemon.search(query).problem == "422 cursor")
    query["terms"] = [["text": "sea"]]
    let parts = try #require(cursors.first).split(separator: ".")
    query["cursor"] = "\(Int(parts[0])! + 1).\(parts[1]).\(parts[2])"
    #expect(try await daemon.search(query).status == 410)
    for hostile in [
      "", "a", "1.2", "1.-5.\(parts[2])", "\(parts[0]).9223372036854775807.\(parts[2])",
      "\(parts[0]).10001.\(parts[2])", "\(parts[0]).0.\(parts[2])", "-1.5.\(parts[2])", "1.2.3.4",
    ] {
      query["cursor"] = hostile
      let status = try await daemon.search(query).status
      #expect(status == 422 || (hostile.hasPrefix("-1") && status == 410), "\(hostile): \(status)")
    }
  }

  @Test("Fields with weights are the engine's sources")
  func fields() async throws {
    let answer = try await daemon.search([
      "terms": [["text": "lighthouse"]], "fields": ["caption": 2, "words": 0.5], "cut": "off",
      "explain": true,
    ])
    let expected = try await engine([try Term(.text("lighthouse"))]) {
      $0.sources = [.caption, .words]
      $0.sourceWeights = [.caption: 2, .words: 0.5]
      $0.cut = .off
      $0.explains = true
    }
    #expect(answer.text.contains(expected), "\(answer.text)")
    let plan = try #require((answer.json["summary"] as? [String: Any])?["plan"] as? [String: Any])
    let lists = try #require(plan["lists"] as? [[String: Any]])
    #expect(Set(lists.compactMap { $0["source"] as? String }) == ["caption", "words"])
    func problem(_ fields: [String: Any]) async throws -> String {
      try await daemon.search(["terms": [["text": "a"]], "fields": fields]).problem
    }
    #expect(try await problem(["sound": 1]) == "422 fields.sound")
    #expect(try await problem(["image": -1]) == "422 fields.image")
    #expect(try await problem(["image": 1e9]) == "422 fields.image")
    #expect(try await problem(["image": "much"]) == "422 fields.image")
    #expect(try await problem(["image": 0]).hasPrefix("422"))
  }

  @Test("Filters let pass what they say, pattern characters in a folder's name included")
  func filters() async throws {
    func names(_ filter: [String: Any]) async throws -> Set<String> {
      let answer = try await daemon.search([
        "terms": [["vector": [Float](repeating: 1, count: 128)]], "filter": filter, "limit": 100,
      ])
      return Set(try answer.names)
    }
    let all = Set(TestDaemon.pictures.keys)
    #expect(try await names([:]) == all)
    let holiday = all.filter { $0.hasPrefix("holiday/") }
    for folder in ["holiday", "holiday/", "/holiday"] {
      #expect(try await names(["folder": folder]) == holiday, "\(folder)")
    }
    #expect(try await names(["folder": "holiday/deep"]) == ["holiday/deep/night.png"])
    #expect(try await names(["folder": "a[1]*{x,y}!?"]) == ["a[1]*{x,y}!?/odd.png"])
    for everything in ["", "/", "//"] { #expect(try await names(["folder": everything]) == all) }
    #expect(try await names(["folder": "../pictures"]).isEmpty)
    #expect(try await names(["folder": "holi"]).isEmpty)
    #expect(
      try await names(["globs": ["holiday/**", "!**/night.png"]]) == holiday.filter { !$0.contains("night") })
    #expect(
      try await names(["folder": "holiday", "globs": ["*.png", "!sea*"]])
        == holiday.filter { !$0.contains("sea") })
    #expect(try await names(["min_width": 12, "max_width": 12]) == ["holiday/sea.png", "holiday/sand.png"])
    #expect(try await names(["min_height": 40]) == ["grey.png"])
    #expect(try await names(["formats": ["jpeg"]]).isEmpty)
    #expect(try await names(["has_caption": true]) == ["red.png", "holiday/sea.png"])
    #expect(try await names(["captions": ["Quiet"]]) == ["holiday/sea.png"])
    #expect(try await names(["min_bytes": Int64.max]).isEmpty)
    #expect(try await names(["tags": ["none"]]).isEmpty)
  }

  @Test("Bounds at the ends of 64 bits bound everything or nothing")
  func extremeBounds() async throws {
    func count(_ filter: [String: Any]) async throws -> Int {
      try await daemon.search([
        "terms": [["vector": [Float](repeating: 1, count: 128)]], "filter": filter, "limit": 100,
      ]).hits.count
    }
    let (lowest, highest) = (Int64.min, Int64.max)
    #expect(try await count(["modified_from": lowest, "modified_before": highest]) == 12)
    #expect(try await count(["modified_from": highest]) == 0)
    #expect(try await count(["modified_before": lowest]) == 0)
    #expect(try await count(["modified_from": 0, "modified_before": 9_223_372_036]) == 12)
    #expect(try await count(["taken_from": lowest, "taken_before": lowest]) == 0)
    #expect(try await count(["taken_from": highest, "taken_before": highest]) == 0)
    #expect(try await count(["min_bytes": lowest, "max_bytes": highest, "min_width": lowest]) == 12)
  }

  @Test("What is too much or makes no sense is refused, by the field's name")
  func refusals() async throws {
    func problem(_ change: [String: Any], terms: [[String: Any]] = [["text": "sea"]]) async throws -> String {
      try await daemon.search(["terms": terms].merging(change) { $1 }).problem
    }
    for limit in [0, 1_001, -1, Int.max, Int.min] {
      #expect(try await problem(["limit": limit]) == "422 limit")
    }
    #expect(try await daemon.search(["terms": [["text": "sea"]], "limit": 1_000]).status == 200)
    for count in [33, 10_000] {
      let terms = [[String: Any]](repeating: ["text": "sea"], count: count)
      #expect(try await problem([:], terms: terms) == "422 terms")
    }
    let most = [[String: Any]](repeating: ["text": "sea"], count: 32)
    #expect(try await daemon.search(["terms": most]).status == 200)
    #expect(try await problem([:], terms: []).hasPrefix("422"))
    #expect(try await problem([:], terms: [["text": "a", "wight": 2]]) == "422 terms[0].wight")
    #expect(try await problem(["trems": 1]) == "422 trems")
    #expect(try await problem(["filter": ["min_widht": 1]]) == "422 filter.min_widht")
    #expect(try await problem([:], terms: [["text": "a"], ["text": 5]]) == "422 terms[1].text")
    #expect(try await problem([:], terms: [["text": NSNull()]]) == "422 terms[0].text")
    #expect(try await problem([:], terms: [["text": "a", "item": 1]]) == "422 terms[0]")
    #expect(try await problem([:], terms: [["weight": 1]]) == "422 terms[0]")
    #expect(try await problem([:], terms: [["text": ""]]) == "422 terms[0]")
    #expect(try await problem([:], terms: [["text": "a", "weight": -1]]) == "422 terms[0]")
    #expect(try await problem([:], terms: [["text": "a", "role": "like"]]) == "422 terms[0].role")
    #expect(try await problem([:], terms: [["text": "a", "role": "avoid"]]).hasPrefix("422"))
    #expect(try await problem([:], terms: [["image": "=%="]]) == "422 terms[0].image")
    #expect(try await problem([:], terms: [["image": "data:image/png"]]) == "422 terms[0].image")
    #expect(try await problem([:], terms: [["image": "bm8gcGljdHVyZQ=="]]).hasPrefix("422"))
    #expect(try await problem([:], terms: [["upload": "none"]]) == "422 terms[0].upload")
    #expect(try await problem([:], terms: [["vector": [Float]()]]) == "422 terms[0]")
    #expect(try await problem([:], terms: [["vector": [1, 2, 3]]]).hasPrefix("422"))
    #expect(try await problem([:], terms: [["item": 999_999]]).hasPrefix("422"))
    #expect(try await problem(["cut": "z:x"]) == "422 cut")
    #expect(try await problem(["sort": "colour"]) == "422 sort")
    #expect(try await problem(["recall": 2]) == "422 recall")
    #expect(try await problem(["library": "none"]) == "404 library")
    #expect(
      try await problem(["filter": ["globs": [String](repeating: "a", count: 65)]]) == "422 filter.globs")
    #expect(try await problem(["filter": ["globs": ["[a"]]]).hasPrefix("422"))
  }

  @Test("What is no JSON is 400, another content type 415, and numbers out of range 422")
  func malformed() async throws {
    for text in ["", "{", "terms", "{\"terms\":[{\"text\":\"a\"}]", "\u{0}"] {
      #expect(try await daemon.send(text: text, to: "/v1/search").status == 400, "\(text)")
    }
    for text in ["[]", "5", "\"terms\"", "null", "{}", "{\"terms\":5}"] {
      #expect(try await daemon.send(text: text, to: "/v1/search").status == 422, "\(text)")
    }
    for number in ["1e999", "1e39", "12345678901234567890123"] {
      let text = "{\"terms\":[{\"vector\":[\(number)]}],\"limit\":\(number)}"
      let status = try await daemon.send(text: text, to: "/v1/search").status
      #expect(status == 422 || status == 400, "\(number): \(status)")
    }
    let deep = String(repeating: "[", count: 100_000)
    #expect(try await daemon.send(text: "{\"terms\":\(deep)", to: "/v1/search").status == 400)
    let body = Array("{\"terms\":[{\"text\":\"sea\"}]}".utf8)
    for type in ["text/plain", "application/jsonx", "", "multipart/form-data; boundary=a"] {
      #expect(try await daemon.ask(.post, "/v1/search", [.contentType: type], bytes: body).status == 415)
    }
    #expect(try await daemon.ask(.post, "/v1/search", bytes: body).status == 415)
    for type in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
      #expect(try await daemon.ask(.post, "/v1/search", [.contentType: type], bytes: body).status == 200)
    }
  }

  @Test("A NUL in any string is answered, not stumbled over")
  func zeroBytes() async throws {
    let zero = "a\u{0}b"
    let bodies: [[String: Any]] = [
      ["terms": [["text": zero]]], ["terms": [["image": zero]]], ["terms": [["upload": zero]]],
      ["terms": [["text": "a", "role": zero]]], ["terms": [["text": "a"]], "library": zero],
      ["terms": [["text": "a"]], "cursor": zero], ["terms": [["text": "a"]], "sort": zero],
      ["terms": [["text": "a"]], "cut": zero], ["terms": [["text": "a"]], "fields": [zero: 1]],
      ["terms": [["text": "a"]], "filter": ["folder": zero]],
      ["terms": [["text": "a"]], "filter": ["globs": [zero]]],
      ["terms": [["text": "a"]], "filter": ["formats": [zero]]],
      ["terms": [["text": "a"]], "filter": ["captions": [zero], "tags": [zero]]],
    ]
    for body in bodies {
      let status = try await daemon.search(body).status
      #expect([200, 404, 422].contains(status), "\(body): \(status)")
    }
    #expect(try await daemon.get("/v1/search?q=a%00b").status == 200)
    #expect(try await daemon.get("/v1/similar/%00").status == 404)
  }
}

/// Counts up, from any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .relaxed) }

  @discardableResult
  func add(_ amount: Int = 1) -> Int { count.add(amount, ordering: .relaxed).newValue }
}

@Suite("Cursors into older states of a library")
struct CursorGenerationTests {
  @Test("A cursor goes on in the state of its first page while that is kept, and then it is gone")
  func older() async throws {
    let daemon = try await TestDaemon()
    let query: [String: Any] = ["terms": [["text": "red"]], "cut": "off", "limit": 6]
    let whole = try await daemon.search(query.merging(["limit": 100]) { $1 })
    let first = try await daemon.search(query)
    var next = query
    let cursor: String = try #require(try first.cursor)
    next["cursor"] = cursor
    for change in 1...ServedLibrary.keptSnapshots {
      try await daemon.add("new/\(change).png", TinyPNG.encode(231, UInt8(change), 21))
      #expect(try await daemon.search(query.merging(["limit": 100]) { $1 }).hits.count == 12 + change)
      let page = try await daemon.search(next)
      #expect(page.status == 200)
      #expect(try first.names + page.names == whole.names)
    }
    try await daemon.add("new/last.png", TinyPNG.encode(232, 0, 22))
    #expect(try await daemon.search(query).status == 200)
    #expect(try await daemon.search(next).status == 410)
  }
}
