// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra
import SystemPackage
import TestSupport

@testable import Embedders

/// A model folder of the tests' own: a copy of one of `Fixtures/Models`, to be changed and broken.
struct Checkpoint {
  let folder: TemporaryDirectory

  init(copyOf name: String = "legacy") throws {
    folder = try TemporaryDirectory()
    let source = Fixture.url("Models").appending(path: name)
    for file in try FileManager.default.contentsOfDirectory(atPath: source.path()) {
      try FileManager.default.copyItem(
        at: source.appending(path: file), to: folder.url.appending(path: file))
    }
  }

  var source: ModelSource { .directory(FilePath(folder.path)) }

  /// Opens the model; weights that have to be converted are kept in memory unless there is a cache.
  func open(
    precision: Precision = .float32, packedWeights: PackedWeightsCache? = nil
  ) throws -> any Embedder {
    try ModelRegistry.open(source, precision: precision, packedWeights: packedWeights)
  }

  /// Opens the model and uses both towers.
  func exercise() throws {
    let model = try open()
    try model.warmUp(texts: model.embedsTexts, images: model.imageInput != nil)
  }

  /// Rewrites a JSON file.
  func edit(_ file: String, _ change: (inout [String: Any]) throws -> Void) throws {
    let url = folder.url.appending(path: file)
    var object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
    try change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }

  /// Rewrites `model.safetensors`, tensor by tensor.
  func editTensors(_ change: (inout [String: StoredTensor]) throws -> Void) throws {
    let url = folder.url.appending(path: "model.safetensors")
    var tensors = try StoredTensor.read([UInt8](Data(contentsOf: url)))
    try change(&tensors)
    try folder.write(StoredTensor.write(tensors), to: "model.safetensors")
  }
}

/// A tensor of a safetensors file, for files that the tests make.
struct StoredTensor {
  var dtype: String
  var shape: [Int]
  var bytes: [UInt8]

  /// The oracle's reader: trusts the file.
  static func read(_ file: [UInt8]) throws -> [String: StoredTensor] {
    let length = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: Any] ?? [:]
    var tensors: [String: StoredTensor] = [:]
    for (name, value) in header where name != "__metadata__" {
      guard let entry = value as? [String: Any], let offsets = entry["data_offsets"] as? [Int],
        let dtype = entry["dtype"] as? String, let shape = entry["shape"] as? [Int]
      else { continue }
      tensors[name] = StoredTensor(
        dtype: dtype, shape: shape,
        bytes: Array(file[8 + length + offsets[0]..<8 + length + offsets[1]]))
    }
    return tensors
  }

  static func write(_ tensors: [String: StoredTensor]) throws -> [UInt8] {
    var header: [String: Any] = ["__metadata__": ["format": "pt", "shape": "anything"]]
    var data: [UInt8] = []
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      header[name] = [
        "dtype": tensor.dtype, "shape": tensor.shape,
        "data_offsets": [data.count, data.count + tensor.bytes.count],
      ]
      data += tensor.bytes
    }
    return try file(header: header) + data
  }

  /// A header with its length, without data.
  static func file(header: [String: Any]) throws -> [UInt8] {
    let json = try JSONSerialization.data(withJSONObject: header)
    return file(header: [UInt8](json))
  }

  static func file(header: [UInt8]) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) } + header
  }
}

/// The message of the error that `body` throws, nil when it throws none.
func message(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}
