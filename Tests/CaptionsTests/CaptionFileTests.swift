// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Captions

@Suite("Caption files")
struct CaptionFileTests {
  private func parse(_ name: String, _ kind: CaptionFile.Kind) throws -> CaptionFile {
    CaptionFile.parse(try Fixture.bytes("Captions/\(name)"), kind: kind)
  }

  private func parse(text: String, _ kind: CaptionFile.Kind, limits: CaptionLimits = .init()) -> CaptionFile {
    CaptionFile.parse(Array(text.utf8), kind: kind, limits: limits)
  }

  private func pairs(_ file: CaptionFile) -> [String] {
    file.entries.map { "\($0.imageName): \($0.captions.joined(separator: " | "))" }
  }

  @Test(
    "Every known form is read",
    arguments: [
      (
        "own.csv", CaptionFile.Kind.csv,
        [#"a.jpg: A dog, running on a "beach" | Rex | Another caption"#, "b/c.png: Two lines in one field"]
      ),
      ("own.tsv", .tsv, ["a.jpg: A dog", "b.jpg: Quoted tab"]),
      (
        "own.jsonl", .jsonl,
        ["a.jpg: A dog", "b.jpg: One 😀 | Two", "c.jpg: café", "d.jpg: from a dataset"]
      ),
      ("own-list.json", .json, ["a.jpg: A dog", "b.jpg: One | Two"]),
      ("karpathy.json", .json, ["1000092795.jpg: Two men. | A yard.", "val2014/x.jpg: A shop."]),
      ("flickr30k.token", .tsv, [#"1.jpg: Two "young" guys . | A yard ."#, "2.jpg: A #hash, here ."]),
    ])
  func forms(name: String, kind: CaptionFile.Kind, expected: [String]) throws {
    let file = try parse(name, kind)
    #expect(pairs(file) == expected)
    #expect(file.problems == [])
  }

  @Test("COCO's annotations find their images wherever they stand")
  func coco() throws {
    let file = try parse("coco.json", .json)
    #expect(
      pairs(file) == ["000000000042.jpg: A bicycle replica | A black bicycle", "000000000007.jpg: A room"])
    #expect(file.problems.map(\.line) == [5])
  }

  @Test("Flickr30k's CSV with bars, whose famous bad row is reported")
  func bars() throws {
    let file = try parse("flickr30k.csv", .csv)
    #expect(pairs(file) == [#"1.jpg: Two "young" guys . | "A yard ."#, "2.jpg: A dog | a cat ."])
    #expect(file.problems.map(\.line) == [4])
  }

  @Test("A map of names; names outside the folder are refused")
  func map() throws {
    let file = try parse("own-map.json", .json)
    #expect(pairs(file) == ["a.jpg: A dog", "b.jpg: One | Two", "c.jpg: Three"])
    #expect(file.problems.map(\.line) == [2, 3])
  }

  @Test("Bad JSON in line 7 costs line 7")
  func badLine() throws {
    let file = try parse("bad-line-7.jsonl", .jsonl)
    #expect(
      file.entries.map(\.imageName) == [
        "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "6.jpg", "8.jpg", "9.jpg",
      ])
    #expect(file.problems.count == 1)
    #expect(
      file.problems[0].description(in: "captions.jsonl").hasPrefix("captions.jsonl: line 7: bad JSON: "))
    #expect(file.entries[7].line == 9)
  }

  @Test("A syntax error in a document keeps what stands before it")
  func cutDocument() {
    let file = parse(text: "[{\"file\":\"a\",\"caption\":\"x\"},\n{\"file\":\"b\",\n\"cap", .json)
    #expect(pairs(file) == ["a: x"])
    #expect(file.problems.map(\.line) == [3])
    let coco = parse(
      text: #"{"images":[{"id":1,"file_name":"a"}],"annotations":[{"image_id":1,"caption":"x"},{"#, .json)
    #expect(pairs(coco) == ["a: x"])
    #expect(coco.problems.count == 1)
  }

  @Test("JSON lines under the name of a document are read")
  func linesAsDocument() {
    let file = parse(text: "{\"file\":\"a\",\"caption\":\"x\"}\n{\"file\":\"b\",\"caption\":\"y\"}\n", .json)
    #expect(pairs(file) == ["a: x", "b: y"])
    #expect(file.problems == [])
    #expect(pairs(parse(text: #"{"file":"a.jpg","caption":"x"}"#, .json)) == ["a.jpg: x"])
  }

  @Test("CSV without a header is read when its first column names pictures, and refused otherwise")
  func headers() {
    #expect(
      pairs(parse(text: "a.jpg,one\nb.jpg,\"two, three\"\n", .csv)) == ["a.jpg: one", "b.jpg: two, three"])
    #expect(pairs(parse(text: "Image;Title\na;b\n", .csv)) == ["a: b"])
    #expect(pairs(parse(text: "\u{FEFF}FILE,Caption\r\na,b\r\n", .csv)) == ["a: b"])
    let other = parse(text: "date,amount\n1,2\n", .csv)
    #expect(other.entries == [])
    #expect(other.problems.map(\.line) == [1])
    #expect(parse(text: "", .csv).problems == [])
    #expect(pairs(parse(text: "file,caption\na.jpg,one, two, three\n", .csv)) == ["a.jpg: one, two, three"])
  }

  @Test("Bad quotes cost their line, wherever the quote would have closed")
  func quotes() {
    let file = parse(text: "file,caption\na,\"x\" y\nb,ok\nc,\"never closed\nd,ok\n", .csv)
    #expect(pairs(file) == ["b: ok", "d: ok"])
    #expect(file.problems.map(\.line) == [2, 4])
    let lines = parse(text: "file,caption\r\na,\"x\r\ny\"\r\nb\r\n", .csv)
    #expect(pairs(lines) == ["a: x y"])
    #expect(lines.problems.map(\.line) == [4])
  }

  @Test("Text that is not UTF-8 is reported line by line; UTF-16 with a mark is converted")
  func encodings() {
    let latin: [UInt8] = Array("file,caption\na,caf".utf8) + [0xE9, 0x0A] + Array("b,ok\n".utf8)
    let file = CaptionFile.parse(latin, kind: .csv)
    #expect(pairs(file) == ["b: ok"])
    #expect(file.problems.map(\.line) == [2])
    var wide: [UInt8] = [0xFF, 0xFE]
    for unit in "file,caption\na,é\n".utf16 { wide += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
    #expect(pairs(CaptionFile.parse(wide, kind: .csv)) == ["a: é"])
  }

  @Test("Names that differ in bytes alone stay apart")
  func normalForms() {
    let file = parse(text: "file,caption\ne\u{301}.jpg,one\n\u{E9}.jpg,two\n", .csv)
    #expect(file.entries.count == 2)
  }

  @Test("Limits hold and are reported")
  func limits() {
    var limits = CaptionLimits()
    limits.captionBytes = 10
    limits.captionsPerImage = 2
    limits.problems = 3
    let long = parse(text: "file,caption\na,éééééééé\n", .csv, limits: limits)
    #expect(pairs(long) == ["a: ééééé"])
    #expect(long.problems.count == 1)
    let many = parse(text: "file,caption\na,1\na,2\na,3\n", .csv, limits: limits)
    #expect(pairs(many) == ["a: 1 | 2"])
    #expect(many.problems.count == 1)
    let bad = parse(text: String(repeating: "x\n", count: 10), .jsonl, limits: limits)
    #expect(bad.problems.map(\.description).last == "and 7 more problems")
    limits.fileBytes = 5
    #expect(parse(text: "file,caption\na,1\n", .csv, limits: limits).problems.count == 1)
  }

  @Test(
    "Names that leave the folder or name nothing are refused",
    arguments: ["/etc/passwd", "../a.jpg", "a/../../b.jpg", "", "  ", "./", "a\0b"])
  func badNames(name: String) {
    let file = parse(text: "file,caption\n\"\(name)\",x\n", .csv)
    #expect(file.entries == [])
    #expect(file.problems.count == 1)
  }

  @Test(
    "The kind is told by the name",
    arguments: [
      ("captions.csv", CaptionFile.Kind.csv), ("Captions.JSON", .json), ("captions.jsonl", .jsonl),
      ("captions.tsv", .tsv), ("results_20130124.token", .tsv), ("captions_val2017.json", .json),
      ("a.json", nil),
      ("captions.txt", nil),
    ] as [(String, CaptionFile.Kind?)])
  func kinds(name: String, kind: CaptionFile.Kind?) { #expect(CaptionFile.Kind(fileName: name) == kind) }
}

@Suite("Sidecar captions")
struct SidecarCaptionsTests {
  @Test("A caption a line: marks, line ends, blanks and repetitions fall away")
  func lines() {
    let text = "\u{FEFF}A dog\r\n\r\n  two\twords \rA dog\nlast"
    let sidecar = SidecarCaptions.parse(Array(text.utf8))
    #expect(sidecar.captions == ["A dog", "two words", "last"])
    #expect(sidecar.problems == [])
  }

  @Test("A line that is not UTF-8 is reported with its number")
  func encodings() {
    let sidecar = SidecarCaptions.parse(Array("one\n".utf8) + [0xE9, 0x0A] + Array("three".utf8))
    #expect(sidecar.captions == ["one", "three"])
    #expect(sidecar.problems.map(\.line) == [2])
  }

  @Test("An empty file has no captions, a huge one is refused")
  func extremes() {
    #expect(SidecarCaptions.parse([]) == SidecarCaptions(captions: [], problems: []))
    let huge = SidecarCaptions.parse([UInt8](repeating: 0x61, count: 2 << 20))
    #expect(huge.captions == [])
    #expect(huge.problems.count == 1)
  }
}
