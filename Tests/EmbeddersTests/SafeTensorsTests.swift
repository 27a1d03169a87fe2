// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Embedders

@Suite("safetensors files")
struct SafeTensorsTests {
  private func header(_ bytes: [UInt8]) throws -> SafeTensorsHeader {
    try SafeTensorsHeader(bytes.span.bytes, name: "file")
  }

  private func entry(_ dtype: String, _ shape: [Any], _ offsets: [Any]) -> [String: Any] {
    ["dtype": dtype, "shape": shape, "data_offsets": offsets]
  }

  @Test("a written file is read back, whatever types it holds")
  func roundTrip() throws {
    let file = try StoredTensor.write([
      "a": StoredTensor(dtype: "F32", shape: [2, 1], bytes: [0, 0, 0, 0, 1, 2, 3, 4]),
      "b": StoredTensor(dtype: "I64", shape: [], bytes: [1, 0, 0, 0, 0, 0, 0, 0]),
      "c": StoredTensor(dtype: "F4", shape: [2], bytes: [7]),
      "d": StoredTensor(dtype: "BF16", shape: [0, 5], bytes: []),
    ])
    let tensors = try header(file).tensors
    #expect(tensors.keys.sorted() == ["a", "b", "c", "d"])
    let a = try #require(tensors["a"])
    #expect(a.shape == [2, 1])
    #expect(a.type.element == .float32)
    #expect(Array(file[a.range]) == [0, 0, 0, 0, 1, 2, 3, 4])
    #expect(tensors["b"]?.type.element == nil)
  }

  @Test("every length and offset that cannot be is an error")
  func impossible() throws {
    let data = [UInt8](repeating: 0, count: 16)
    let cases: [(String, [String: Any], [UInt8], String)] = [
      ("past the end", ["t": entry("F32", [5], [0, 20])], data, "tensor t ends at byte 20"),
      (
        "overlap", ["a": entry("F32", [3], [0, 12]), "b": entry("F32", [2], [8, 16])], data,
        "b overlaps tensor a"
      ),
      (
        "equal", ["a": entry("F32", [4], [0, 16]), "b": entry("F32", [4], [0, 16])], data,
        "b overlaps tensor a"
      ),
      ("hole", ["a": entry("F32", [1], [0, 4]), "b": entry("F32", [2], [8, 16])], data, "4 bytes between"),
      ("rest", ["a": entry("F32", [2], [0, 8])], data, "8 bytes after tensor a"),
      ("backwards", ["a": entry("F32", [4], [16, 0])], data, "data_offsets"),
      ("negative", ["a": entry("F32", [4], [-16, 0])], data, "data_offsets"),
      ("three offsets", ["a": entry("F32", [4], [0, 8, 16])], data, "data_offsets"),
      ("wrong size", ["a": entry("F32", [3], [0, 16])], data, "needs 12 bytes"),
      ("negative side", ["a": entry("F32", [-4], [0, 16])], data, "shape"),
      ("overflow", ["a": entry("F32", [1 << 40, 1 << 40], [0, 16])], data, "shape"),
      ("many sides", ["a": entry("F32", Array(repeating: 1, count: 99) + [4], [0, 16])], data, "shape"),
      ("fraction", ["a": entry("F32", [4], [0.5, 16])], data, "not the JSON"),
      ("no dtype", ["a": ["shape": [4], "data_offsets": [0, 16]]], data, "not the JSON"),
    ]
    for (name, json, data, words) in cases {
      let file = try StoredTensor.file(header: json) + data
      let message = try #require(message { _ = try header(file) }, "\(name) was not noticed")
      #expect(message.contains("file: ") && message.contains(words), "\(name): \(message)")
    }
  }

  @Test("a header that is cut, huge, empty or no JSON is an error")
  func brokenHeader() throws {
    let huge = [UInt8](repeating: 0xFF, count: 8) + Array("{}".utf8)
    for file in [
      [], [1], huge, [100, 0, 0, 0, 0, 0, 0, 0, 0x7B], [0, 0, 0, 0, 0, 0, 0, 0],
      StoredTensor.file(header: Array("[]".utf8)), StoredTensor.file(header: Array("{\"a\": 1}".utf8)),
      StoredTensor.file(header: [UInt8](repeating: UInt8(ascii: "["), count: 200_000)),
      StoredTensor.file(header: [0x7B, 0xFF, 0xFE, 0x7D]),
    ] {
      #expect(message { _ = try header(file) }?.contains("file: ") == true)
    }
  }

  @Test("a header that would take minutes to read is refused")
  func largeHeader() throws {
    let metadata =
      "{\"__metadata__\": {\"x\": \"" + String(repeating: "a", count: SafeTensorsHeader.sizeLimit) + "\"}}"
    #expect(
      message { _ = try header(StoredTensor.file(header: Array(metadata.utf8))) }?.contains("claims") == true)
    let entries = (0...SafeTensorsHeader.tensorLimit).map {
      "\"\($0)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"
    }
    let many = Array("{\(entries.joined(separator: ","))}".utf8)
    #expect(many.count < SafeTensorsHeader.sizeLimit)
    #expect(message { _ = try header(StoredTensor.file(header: many)) }?.contains("more than 65536") == true)
  }

  @Test("a real file cut anywhere, or with any byte of its header flipped, never crashes")
  func damaged() throws {
    let file = try Fixture.bytes("Models/sharded/model-00002-of-00002.safetensors")
    let length = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    for count in stride(from: 0, to: file.count, by: 997) {
      #expect(message { _ = try header(Array(file[..<count])) } != nil, "cut to \(count)")
    }
    var random = SeededRandom(seed: 5)
    var noticed = 0
    for _ in 0..<200 {
      var damaged = file
      damaged[Int.random(in: 0..<8 + length, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      if message({ _ = try header(damaged) }) != nil { noticed += 1 }
    }
    // What is not noticed here is a changed name or metadata; names are checked against the model.
    #expect(noticed > 100)
  }
}
