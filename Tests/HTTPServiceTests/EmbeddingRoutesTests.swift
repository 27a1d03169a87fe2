// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import Foundation
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("Embeddings over HTTP")
struct EmbeddingRoutesTests {
  let daemon: TestDaemon

  init() async throws { daemon = try await TestDaemon.shared.value }

  private func ask(_ body: [String: Any]) async throws -> Answer {
    try await daemon.send(body, to: "/v1/embeddings")
  }

  private func vectors(_ answer: Answer) throws -> [[Float]] {
    let data = try #require(try answer.json["data"] as? [[String: Any]], "\(answer.text)")
    #expect(data.map { $0["index"] as? Int } == Array(0..<data.count))
    #expect(data.allSatisfy { $0["object"] as? String == "embedding" })
    return try data.map { try #require($0["embedding"] as? [NSNumber]).map(\.floatValue) }
  }

  @Test("The vectors of texts and pictures are the library's own, of length 1")
  func values() async throws {
    let picture = TinyPNG.encode(3, 200, 9)
    let expected = try await daemon.onSnapshot { snapshot in
      let model = try #require(snapshot.embedder)
      return [
        try model.projectTexts(["a red circle"]).projections.embedding(0),
        try model.projectTexts(["雪山"]).projections.embedding(0),
        Embedding.unit(try snapshot.projection(ofPicture: picture, label: "a")),
      ]
    }
    let answer = try await ask([
      "input": ["a red circle", ["text": "雪山"], ["image": Data(picture).base64EncodedString()]]
    ])
    let got = try vectors(answer)
    #expect(got == expected)
    for vector in got {
      let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(length - 1) < 1e-3)
    }
    let json = try answer.json
    #expect(json["object"] as? String == "list" && json["model"] as? String == "builtin")
    #expect(json["usage"] is [String: Any])
    #expect(try vectors(try await ask(["input": "a red circle"])) == [expected[0]])
    #expect(
      try vectors(try await ask(["input": ["image": Data(picture).base64EncodedString()]])) == [expected[2]])
  }

  @Test("In base64 they are the same numbers, the lowest byte first")
  func base64() async throws {
    let floats = try vectors(try await ask(["input": ["sea", "sand"]]))
    let answer = try await ask(["input": ["sea", "sand"], "encoding_format": "base64"])
    let data = try #require(try answer.json["data"] as? [[String: Any]])
    for (row, expected) in zip(data, floats) {
      let text = try #require(row["embedding"] as? String)
      let bytes = [UInt8](try #require(Data(base64Encoded: text)))
      let values = stride(from: 0, to: bytes.count, by: 4).map { start in
        Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
      }
      #expect(values == expected)
    }
    #expect(data.count == 2)
  }

  @Test("Fields of other clients are let be; the model and its dimensions must be the library's")
  func fields() async throws {
    let more: [String: Any] = [
      "input": "a", "model": "builtin", "dimensions": 128, "user": "me", "encoding_format": "float",
      "truncate": true, "extra": ["a": 1], "library": "pictures",
    ]
    #expect(try await ask(more).status == 200)
    #expect(try await ask(["input": "a", "model": "text-embedding-3-small"]).problem == "422 model")
    #expect(try await ask(["input": "a", "dimensions": 64]).problem == "422 dimensions")
    #expect(try await ask(["input": "a", "encoding_format": "hex"]).problem == "422 encoding_format")
    #expect(try await ask(["input": "a", "library": "none"]).problem == "404 library")
    #expect(try await ask(["model": "builtin"]).problem == "422 input")
  }

  @Test("Too many inputs, too long ones, and what is no input")
  func refusals() async throws {
    #expect(try await ask(["input": [String](repeating: "a", count: 256)]).status == 200)
    #expect(try await ask(["input": [String](repeating: "a", count: 257)]).problem == "422 input")
    #expect(try await ask(["input": [String]()]).problem == "422 input")
    #expect(try await ask(["input": ["a", ""]]).problem == "422 input[1]")
    #expect(try await ask(["input": String(repeating: "a", count: 16_385)]).problem == "422 input[0]")
    #expect(try await ask(["input": String(repeating: "a", count: 16_384)]).status == 200)
    #expect(try await ask(["input": [["text": "a", "image": "b"]]]).problem == "422 input[0]")
    #expect(try await ask(["input": [["txt": "a"]]]).problem == "422 input[0].txt")
    #expect(try await ask(["input": [1, 2]]).status == 422)
    #expect(try await ask(["input": ["a", ["image": "bm8gcGljdHVyZQ=="]]]).problem == "422 input[1]")
    #expect(try await ask(["input": "a\u{0}b"]).status == 200)
  }
}
