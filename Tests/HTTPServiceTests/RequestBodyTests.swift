// SPDX-License-Identifier: Apache-2.0
import Embedders
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import TestSupport
import Testing

@testable import HTTPService

/// A body that is made while it is read, and counts how much of it was.
private struct MadeBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  let next: @Sendable () async throws -> ByteBuffer?

  struct AsyncIterator: AsyncIteratorProtocol {
    let make: @Sendable () async throws -> ByteBuffer?
    func next() async throws -> ByteBuffer? { try await make() }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(make: next) }
}

/// Knows where it was decoded.
private struct DecodedThere: Decodable, Sendable {
  let isOnTask: Bool

  init(from decoder: any Decoder) throws { isOnTask = withUnsafeCurrentTask { $0 != nil } }
}

@Suite("What is read of requests' bodies")
struct RequestBodyTests {
  private static let json: HTTPFields = [.contentType: "application/json"]

  /// Parts of 64 KiB, and a count of those that were read.
  private func parts(_ count: Int) -> (body: RequestBody, read: Counter) {
    let (part, read) = (ByteBuffer(repeating: UInt8(ascii: " "), count: 64 << 10), Counter())
    return (RequestBody(asyncSequence: MadeBody { read.add() <= count ? part : nil }), read)
  }

  private static let limits: [(HTTPRequest.Method, String, Int)] = [
    (.post, "/v1/session", 4 << 10), (.post, "/v1/index", 64 << 10), (.post, "/v1/search", 48 << 20),
    (.post, "/v1/embeddings", 48 << 20), (.put, "/v1/uploads", 48 << 20),
  ]

  @Test(
    "Each route has its limit: a body that says it is too long is refused unread, one that does not, once it is",
    arguments: limits)
  func limit(_ method: HTTPRequest.Method, _ path: String, _ limit: Int) async throws {
    let daemon = try await TestDaemon.shared.value
    var headers: HTTPFields = [.contentType: method == .put ? "image/png" : "application/json"]
    let whole = parts(1_000)
    let unstated = try await daemon.ask(method, path, headers, body: whole.body)
    #expect(unstated.status == 413 && unstated.headers[.connection] == "close")
    #expect(whole.read.value == limit / (64 << 10) + 1)
    headers[.contentLength] = "\(limit + 1)"
    let unread = parts(1_000)
    let stated = try await daemon.ask(method, path, headers, body: unread.body)
    #expect(stated.status == 413 && stated.text.contains("\(limit)") && unread.read.value == 0)
    // What is as long as may be is read.
    headers[.contentLength] = "\(limit)"
    let fits = try await daemon.ask(method, path, headers, bytes: [UInt8](repeating: 0x20, count: limit))
    #expect([400, 422].contains(fits.status), "\(fits.text)")
  }

  @Test("Of a caller who may not ask nothing is read")
  func unread() async throws {
    let daemon = try await TestDaemon.shared.value
    let key = try daemon.keys.create(name: "body", scope: .read, now: 0)
    for (method, path, _) in RequestBodyTests.limits where path != "/v1/session" {
      let (body, read) = parts(1)
      let answer = try await daemon.ask(method, path, RequestBodyTests.json, body: body, by: .tcp)
      #expect(answer.status == 401 && read.value == 0, "\(path)")
    }
    let (body, read) = parts(1)
    let headers: HTTPFields = [.contentType: "application/json", .authorization: "Bearer \(key)"]
    #expect(try await daemon.ask(.post, "/v1/index", headers, body: body, by: .tcp).status == 403)
    #expect(read.value == 0)
  }

  @Test(
    "All bodies together have a limit; who finds it reached is told to come again, and what ends makes room")
  func budget() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3)], captions: [:], bodies: BodyBudget(bytes: 256 << 10))
    let (arrived, arrives) = AsyncStream<Void>.makeStream()
    let (goOn, goes) = AsyncStream<Void>.makeStream()
    // A first body of three parts, which stays where it is until it is let go.
    let sent = Counter()
    let first = MadeBody {
      if sent.add() <= 3 { return ByteBuffer(repeating: 0x20, count: 64 << 10) }
      arrives.yield()
      for await _ in goOn { break }
      return nil
    }
    async let held = daemon.ask(
      .post, "/v1/search", RequestBodyTests.json, body: RequestBody(asyncSequence: first))
    for await _ in arrived { break }
    #expect(daemon.daemon.state.bodies.heldBytes == 192 << 10)
    let second = parts(2)
    let refused = try await daemon.ask(.post, "/v1/search", RequestBodyTests.json, body: second.body)
    #expect(refused.status == 503 && refused.headers[.retryAfter] == "1", "\(refused.text)")
    #expect(refused.headers[.connection] == "close" && second.read.value == 2)
    // Small ones find room beside it.
    #expect(try await daemon.search(["terms": [["text": "sea"]]]).status == 200)
    goes.finish()
    #expect(try await held.status == 400)
    #expect(daemon.daemon.state.bodies.heldBytes == 0)
    #expect(
      try await daemon.ask(.post, "/v1/search", RequestBodyTests.json, body: parts(2).body).status == 400)
    #expect(daemon.daemon.state.bodies.heldBytes == 0)
  }

  @Test("A body that does not come in time is given up")
  func trickling() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3)], captions: [:],
      bodies: BodyBudget(patience: .milliseconds(20)))
    let sent = Counter()
    let body = MadeBody {
      if sent.add() <= 3 { return ByteBuffer(string: " ") }
      try await Task.sleep(for: .seconds(3_600))
      return nil
    }
    let headers: HTTPFields = [.contentType: "application/json", .contentLength: "100"]
    let answer = try await daemon.ask(
      .post, "/v1/search", headers, body: RequestBody(asyncSequence: body))
    #expect(answer.status == 408 && answer.headers[.connection] == "close", "\(answer.text)")
    #expect(answer.headers[.contentType] == "application/problem+json")
    #expect(daemon.daemon.state.bodies.heldBytes == 0)
  }

  @Test("Long bodies have longer to come")
  func patience() {
    let share = BodyBudget().share(limit: 48 << 20)
    #expect(share.patience(forBytes: 100) == .seconds(30))
    #expect(share.patience(forBytes: 48 << 20) == .seconds(30 + 192))
  }

  @Test("Short JSON is decoded at once, long JSON on a compute thread")
  func decoding() async throws {
    let daemon = try await TestDaemon.shared.value
    for (length, isOnTask) in [(100, true), (64 << 10, true), (65 << 10, false), (4 << 20, false)] {
      let text = "\"" + String(repeating: "x", count: length - 2) + "\""
      let request = Request(
        head: HTTPRequest(
          method: .post, scheme: "http", authority: "a", path: "/", headerFields: RequestBodyTests.json),
        body: RequestBody(buffer: ByteBuffer(string: text)))
      var context = daemon.context
      context.body = BodyBudget().share(limit: 8 << 20)
      let decoded = try await request.decoded(as: DecodedThere.self, context)
      #expect(decoded.isOnTask == isOnTask, "\(length) bytes")
    }
  }
}
