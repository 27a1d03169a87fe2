// SPDX-License-Identifier: Apache-2.0
import Catalog
import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("Uploads")
struct UploadTests {
  private func put(_ daemon: TestDaemon, _ bytes: [UInt8], type: String = "image/png") async throws -> Answer
  {
    try await daemon.ask(.put, "/v1/uploads", [.contentType: type], bytes: bytes)
  }

  @Test("A picture left here is searched by as one that is sent along, and projected once")
  func handle() async throws {
    let daemon = try await TestDaemon.shared.value
    let picture = TinyPNG.encode(210, 25, 30, side: 10)
    let answer = try await put(daemon, picture)
    #expect(answer.status == 201)
    let json = try answer.json
    #expect(json["width"] as? Int == 10 && json["height"] as? Int == 10 && json["format"] as? String == "png")
    #expect(json["expires_in"] as? Int == 600)
    let handle = try #require(json["upload"] as? String)
    let model = try await daemon.onSnapshot { snapshot in
      let identity = try #require(snapshot.state.space?.identity)
      return "\(identity.weightsHash) \(identity.preprocessing)"
    }
    let uploads = daemon.daemon.state.uploads
    #expect(uploads.projection(of: handle, by: model) == nil)
    let byUpload = try await daemon.search(["terms": [["upload": handle]]])
    let base64 = Data(picture).base64EncodedString()
    let bySending = try await daemon.search(["terms": [["image": base64]]])
    #expect(try byUpload.names == bySending.names && !byUpload.names.isEmpty)
    #expect(
      try byUpload.hits.map { $0["score"] as? Double } == bySending.hits.map { $0["score"] as? Double })
    #expect(uploads.projection(of: handle, by: model)?.count == 128)
    // What is remembered is what is searched by.
    let other = try await daemon.onSnapshot {
      try $0.projection(ofPicture: TinyPNG.encode(0, 0, 255), label: "a")
    }
    uploads.keep(other, of: handle, by: model)
    #expect(try await daemon.search(["terms": [["upload": handle]]]).names != byUpload.names)
  }

  @Test("A picture is kept for as long as it is used, and ten minutes more")
  func expires() {
    let uploads = Uploads()
    let start = ContinuousClock.now
    func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    let used = uploads.add([1], now: start)
    let left = uploads.add([2], now: start)
    uploads.keep([0.5], of: used, by: "m")
    uploads.keep([0.5], of: left, by: "m")
    #expect(uploads.bytes(of: used, now: at(599)) == [1])
    #expect(uploads.projection(of: used, by: "m", now: at(1_100)) == [0.5])
    #expect(uploads.bytes(of: used, now: at(1_699)) == [1])
    #expect(uploads.projection(of: left, by: "m", now: at(600)) == nil)
    #expect(uploads.bytes(of: left, now: at(1)) == nil)
    #expect(uploads.bytes(of: used, now: at(2_299)) == nil)
    #expect(uploads.bytes(of: "unknown", now: start) == nil)
  }

  @Test("When they are too many bytes, those that were used the longest ago go")
  func budget() {
    let uploads = Uploads()
    let start = ContinuousClock.now
    func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    let third = [UInt8](repeating: 7, count: Uploads.budget / 3)
    let handles = (0..<3).map { uploads.add(third, now: at($0)) }
    func isKept(_ handle: String, at second: Int) -> Bool {
      uploads.bytes(of: handle, now: at(second)) != nil
    }
    #expect(isKept(handles[0], at: 4))
    let fourth = uploads.add(third, now: at(5))
    #expect(!isKept(handles[1], at: 6))
    for handle in [handles[0], handles[2], fourth] { #expect(isKept(handle, at: 6)) }
  }

  @Test("When they are too many, however small, those that were used the longest ago go")
  func tooMany() {
    let uploads = Uploads()
    let start = ContinuousClock.now
    let handles = (0...Uploads.limit).map { uploads.add([1], now: start + .milliseconds($0)) }
    #expect(uploads.bytes(of: handles[0], now: start + .seconds(5)) == nil)
    #expect(handles.dropFirst().allSatisfy { uploads.bytes(of: $0, now: start + .seconds(5)) == [1] })
  }

  @Test("What models made of pictures is counted as their memory")
  func projections() {
    let uploads = Uploads()
    let start = ContinuousClock.now
    let (old, new) = (uploads.add([1], now: start), uploads.add([2], now: start + .seconds(1)))
    let half = [Float](repeating: 1, count: Uploads.budget / 2 / 4)
    uploads.keep(half, of: old, by: "m")
    #expect(uploads.bytes(of: old, now: start + .seconds(2)) == [1])
    _ = uploads.bytes(of: new, now: start + .seconds(3))
    uploads.keep(half, of: new, by: "m")
    #expect(uploads.bytes(of: old, now: start + .seconds(4)) == nil)
    #expect(uploads.projection(of: new, by: "m", now: start + .seconds(4)) == half)
  }

  @Test("What is no picture, too large a one, or of another type is refused")
  func refused() async throws {
    let daemon = try await TestDaemon.shared.value
    #expect(try await put(daemon, Array("no picture".utf8)).status == 422)
    #expect(try await put(daemon, []).status == 422)
    let whole = TinyPNG.encode(1, 2, 3, side: 64)
    #expect(try await put(daemon, Array(whole.prefix(60))).status == 422)
    #expect(try await put(daemon, UploadTests.bomb(side: 100_000)).status == 422)
    #expect(try await put(daemon, UploadTests.bomb(side: 0x7FFF_FFFF)).status == 422)
    for type in ["image/gif", "application/json", ""] {
      #expect(try await put(daemon, whole, type: type).status == 415)
    }
    // By the content, not by what the type says.
    #expect(try await put(daemon, whole, type: "image/jpeg").json["format"] as? String == "png")
  }

  /// A PNG of a few bytes whose header says that it is `side` × `side` pixels.
  static func bomb(side: UInt32) -> [UInt8] {
    var bytes = TinyPNG.encode(1, 2, 3)
    let size = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: side >> $0) }
    bytes.replaceSubrange(16..<24, with: size + size)
    var crc: UInt32 = ~0
    for byte in bytes[12..<29] {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    bytes.replaceSubrange(29..<33, with: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ~crc >> $0) })
    return bytes
  }
}
