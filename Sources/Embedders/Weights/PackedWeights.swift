// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra
internal import Synchronization

/// The packed weights of one tower, by the names of its linear layers: in a mapped file, or packed as they are asked for.
final class PackedWeights: Sendable {
  /// Named as in the checkpoint; layers that lie side by side are joined by `+`.
  struct Layer: Sendable {
    let name: String
    let matrix: PackedMatrix
  }

  private let file: WeightFile?
  private let packed = Mutex<[Layer]>([])

  /// Nothing yet: what is asked for is packed.
  init() { file = nil }

  /// What a file holds.
  init(_ file: WeightFile) { self.file = file }

  /// The layers that were packed, in the order they were asked for.
  var layers: [Layer] { packed.withLock { $0 } }

  /// The weights of a layer, `[rows, columns]`.
  ///
  /// - Parameter parts: the weights in the checkpoint, stacked upon each other.
  /// - Throws: ``EmbedderError``, `malformed`, when the file has no such layer of that size.
  func matrix(
    _ name: String, rows: Int, columns: Int, precision: Precision,
    parts: () throws(EmbedderError) -> [WeightMatrix]
  ) throws(EmbedderError) -> PackedMatrix {
    guard let file else {
      let matrix = PackedMatrix(packing: try parts(), precision: precision)
      packed.withLock { $0.append(Layer(name: name, matrix: matrix)) }
      return matrix
    }
    let bytes = PackedMatrix.byteCount(rows: rows, columns: columns, precision: precision)
    guard let entry = file.header.tensors[name], case .mapped(let map) = file.storage,
      entry.range.count == bytes, entry.range.lowerBound % PackedMatrix.alignment == 0
    else { throw EmbedderError(.malformed, "\(file.name): \(name) is missing or of another size") }
    return PackedMatrix(
      mapped: map.base, byteOffset: entry.range.lowerBound, rows: rows, columns: columns,
      precision: precision, owner: map)
  }
}
