// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import Images
import TestSupport
import Testing

@testable import HTTPService

@Suite("Pictures over HTTP")
struct ItemRoutesTests {
  let daemon: TestDaemon
  /// `grey.png`, and its bytes.
  let id: Int64
  let bytes: [UInt8]

  init() async throws {
    daemon = try await TestDaemon.shared.value
    id = try await daemon.id(of: "grey.png")
    bytes = try #require(TestDaemon.pictures["grey.png"])
  }

  @Test("An item's record")
  func record() async throws {
    let red = try await daemon.id(of: "red.png")
    let json = try await daemon.get("/v1/items/\(red)?library=pictures").json
    #expect(json["id"] as? Int64 == red && json["relative"] as? String == "red.png")
    #expect(json["path"] as? String == daemon.folder.path("pictures/red.png"))
    #expect(json["captions"] as? [String] == ["a lighthouse at dusk"] && json["tags"] as? [String] == [])
    #expect(json["width"] as? Int == 8 && json["height"] as? Int == 8 && json["format"] as? String == "png")
    #expect(json["bytes"] as? Int == TestDaemon.pictures["red.png"]?.count)
    #expect(json["taken"] is NSNull && json["camera"] is NSNull)
    #expect(try await daemon.get("/v1/items/\(red)?library=none").status == 404)
    #expect(try await daemon.get("/v1/items/\(red)?size=1").problem == "422 size")
  }

  @Test("What names no item is not found, wherever it would lead")
  func unknown() async throws {
    let hostile = [
      "999999", "0", "-1", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..",
      "%00",
      "1%00", "1.0", "0x1", "%C3", "18446744073709551617", " 1",
    ]
    for id in hostile {
      for part in ["", "/thumbnail", "/original"] {
        let answer = try await daemon.get("/v1/items/\(id)\(part)")
        #expect(answer.status == 404, "\(id)\(part): \(answer.status)")
        #expect(answer.headers[.contentType] == "application/problem+json")
      }
    }
    for path in [
      "/v1/items/../../etc/passwd", "/v1/items/../../../etc/passwd/original", "/assets/..%2fsecret",
    ] {
      #expect(try await daemon.get(path).status == 404)
    }
  }

  @Test("Thumbnails come in four sizes, with the content's name as their tag")
  func thumbnails() async throws {
    var tags: Set<String> = []
    for size in Thumbnails.sizes {
      let answer = try await daemon.get("/v1/items/\(id)/thumbnail?size=\(size)")
      #expect(answer.status == 200 && answer.headers[.contentType] == "image/webp")
      let info = try ImageDecoder.probe(answer.body)
      #expect(info.format == .webp && info.uprightWidth <= size && info.uprightHeight <= size)
      // The second time it comes from the disk.
      #expect(try await daemon.get("/v1/items/\(id)/thumbnail?size=\(size)").body == answer.body)
      let tag = try #require(answer.headers[.eTag])
      tags.insert(tag)
      let again = try await daemon.get("/v1/items/\(id)/thumbnail?size=\(size)", [.ifNoneMatch: tag])
      #expect(again.status == 304 && again.body.isEmpty && again.headers[.eTag] == tag)
      let other = try await daemon.get("/v1/items/\(id)/thumbnail?size=\(size)", [.ifNoneMatch: "\"other\""])
      #expect(other.status == 200)
    }
    #expect(tags.count == Thumbnails.sizes.count)
    #expect(
      try await daemon.get("/v1/items/\(id)/thumbnail").headers[.eTag]
        == (try await daemon.get("/v1/items/\(id)/thumbnail?size=256").headers[.eTag]))
    for size in ["0", "255", "-256", "2048", "x", "9223372036854775808"] {
      #expect(try await daemon.get("/v1/items/\(id)/thumbnail?size=\(size)").problem == "422 size")
    }
    let files = try FileManager.default.subpathsOfDirectory(atPath: daemon.folder.path("cache"))
    #expect(
      files.contains { $0.hasSuffix("-1024.webp") }, "thumbnails are cached in the daemon's cache folder")
  }

  private func original(_ headers: HTTPFields = [:]) async throws -> Answer {
    try await daemon.get("/v1/items/\(id)/original", headers)
  }

  @Test("The original, whole")
  func whole() async throws {
    let answer = try await original()
    #expect(answer.status == 200 && answer.body == bytes && answer.headers[.contentType] == "image/png")
    #expect(answer.headers[.acceptRanges] == "bytes" && answer.headers[.contentLength] == "\(bytes.count)")
    let tag = try #require(answer.headers[.eTag])
    let again = try await original([.ifNoneMatch: tag])
    #expect(again.status == 304 && again.body.isEmpty)
    let head = try await daemon.ask(.head, "/v1/items/\(id)/original")
    #expect(head.status == 200 && head.body.isEmpty && head.headers[.contentLength] == "\(bytes.count)")
  }

  @Test("Parts of the original")
  func ranges() async throws {
    let count = bytes.count
    let parts: [(String, Range<Int>)] = [
      ("bytes=0-0", 0..<1), ("bytes=0-9", 0..<10), ("bytes=5-", 5..<count), ("bytes=-7", count - 7..<count),
      ("bytes=\(count - 1)-", count - 1..<count), ("bytes=10-999999", 10..<count),
      ("bytes=-999999", 0..<count), ("bytes=0-9223372036854775807", 0..<count),
    ]
    for (header, range) in parts {
      let answer = try await original([.range: header])
      #expect(answer.status == 206 && answer.body == Array(bytes[range]), "\(header)")
      #expect(
        answer.headers[.contentRange] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(count)",
        "\(header)")
      #expect(answer.headers[.contentLength] == "\(range.count)")
    }
    for header in [
      "bytes=\(count)-", "bytes=\(count)-\(count + 5)", "bytes=-0", "bytes=9223372036854775807-",
    ] {
      let answer = try await original([.range: header])
      #expect(answer.status == 416 && answer.headers[.contentRange] == "bytes */\(count)", "\(header)")
    }
    let ignored = [
      "bytes=0-1,3-4", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1-2-3", "bytes=٣-٤", "lines=0-1",
      "bytes=--5", "bytes=+1-2", "0-5", "bytes= 1-2",
    ]
    for header in ignored {
      let answer = try await original([.range: header])
      #expect(answer.status == 200 && answer.body == bytes, "\(header): \(answer.status)")
    }
  }

  @Test("A part is sent only if the file is still the one that the caller knows")
  func ifRange() async throws {
    let tag = try #require(try await original().headers[.eTag])
    #expect(try await original([.range: "bytes=0-3", .ifRange: tag]).body == Array(bytes[..<4]))
    let changed = try await original([.range: "bytes=0-3", .ifRange: "\"another\""])
    #expect(changed.status == 200 && changed.body == bytes)
  }

  @Test("A file that is gone, or has become a link out of the root, is not sent")
  func goneAndLinked() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3), "b.png": TinyPNG.encode(3, 2, 1)], captions: [:])
    let (first, second) = (try await daemon.id(of: "a.png"), try await daemon.id(of: "b.png"))
    try FileManager.default.removeItem(atPath: daemon.folder.path("pictures/a.png"))
    let secret = try daemon.folder.write("secret", to: "secret")
    try FileManager.default.removeItem(atPath: daemon.folder.path("pictures/b.png"))
    try FileManager.default.createSymbolicLink(
      atPath: daemon.folder.path("pictures/b.png"), withDestinationPath: secret)
    for part in ["original", "thumbnail"] {
      #expect(try await daemon.get("/v1/items/\(first)/\(part)").status == 410)
      let linked = try await daemon.get("/v1/items/\(second)/\(part)")
      #expect(linked.status == 403 && !linked.text.contains("secret\n"), "\(linked.status)")
    }
  }
}

@Suite("Thumbnails of pictures that change")
struct ChangedThumbnailTests {
  @Test("A file that was replaced since it was indexed is shown, and not taken for what was indexed")
  func replaced() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(250, 0, 0), "b.png": TinyPNG.encode(0, 250, 0)], captions: [:])
    let id = try await daemon.id(of: "a.png")
    func thumbnail() async throws -> Answer { try await daemon.get("/v1/items/\(id)/thumbnail?size=128") }
    func kept() -> [String] {
      ((try? FileManager.default.subpathsOfDirectory(atPath: daemon.folder.path("cache"))) ?? [])
        .filter { $0.hasSuffix(".webp") }
    }
    let path = daemon.folder.path("pictures/a.png")
    let (old, date) = (
      try Data(contentsOf: URL(filePath: path)),
      try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    )
    // One pixel more, so that its size differs, too.
    try daemon.folder.write(TinyPNG.encode(0, 0, 250, side: 9), to: "pictures/a.png")
    let replaced = try await thumbnail()
    #expect(replaced.status == 200 && replaced.headers[.eTag] == nil && kept().isEmpty)
    #expect(try ImageDecoder.probe(replaced.body).uprightWidth == 9)
    // The old content at another time is not taken for it either; with its time, it is.
    try old.write(to: URL(filePath: path))
    #expect(try await thumbnail().headers[.eTag] == nil && kept().isEmpty)
    try FileManager.default.setAttributes([.modificationDate: try #require(date)], ofItemAtPath: path)
    try await daemon.reindex()
    let restored = try await thumbnail()
    #expect(restored.headers[.eTag] != nil && kept().count == 1)
    #expect(try ImageDecoder.probe(restored.body).uprightWidth == 8)
  }
}

@Suite("Ranges")
struct ByteRangeTests {
  @Test("Of an empty file nothing can be asked for")
  func empty() {
    for header in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
      #expect(throws: Problem.self) { try ByteRange.parse(header, size: 0) }
    }
  }

  @Test("Every range of small files is what RFC 9110 says")
  func all() throws {
    for size in 1...5 {
      for first in 0...6 {
        for last in 0...6 {
          let parsed = Result { try ByteRange.parse("bytes=\(first)-\(last)", size: size) }
          if first > last {
            #expect(try parsed.get() == nil)
          } else if first >= size {
            #expect(throws: Problem.self) { try parsed.get() }
          } else {
            #expect(try parsed.get() == first..<min(last + 1, size))
          }
        }
      }
    }
  }
}
