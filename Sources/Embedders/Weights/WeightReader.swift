// SPDX-License-Identifier: Apache-2.0
internal import CBuiltinModel
internal import Files
internal import LinearAlgebra

/// Takes a model's tensors out of its checkpoint, by the names of the checkpoint.
///
/// Each is asked for with the shape that the configuration implies; another shape is an error. With ``checks`` nothing is
/// read or converted, and what comes back is empty: that is how a model is checked when it is opened, while its towers
/// wait for the first use.
struct WeightReader {
  /// The names that were asked for.
  final class Record {
    fileprivate(set) var names: Set<String> = []
  }

  let tensors: SafeTensors
  /// Notes what is asked for, instead of reading it.
  var checks: Record?
  /// How linear layers are stored.
  var precision = Precision.float32
  /// Where their packed weights come from.
  var packed = PackedWeights()

  /// The tensor, and how its numbers are stored; no type when it is only checked.
  private func tensor(
    _ name: String, _ shape: [Int]
  ) throws(EmbedderError) -> (tensor: Tensor, type: ElementType?) {
    let tensor = try tensors.tensor(name, shape: shape)
    checks?.names.insert(name)
    return (tensor, checks == nil ? tensor.entry.type.element : nil)
  }

  /// A matrix `[rows, columns]`. `shape` is what the checkpoint calls it, when that is not two-dimensional.
  func matrix(
    _ name: String, _ rows: Int, _ columns: Int, shape: [Int]? = nil
  ) throws(EmbedderError) -> WeightMatrix {
    let (tensor, type) = try tensor(name, shape ?? [rows, columns])
    guard let type else {
      return WeightMatrix(rows: 0, columns: 0, values: [])
    }
    tensor.file.willRead(tensor.entry.range)
    let offset = tensor.entry.range.lowerBound
    return switch tensor.file.storage {
    case .mapped(let map):
      WeightMatrix(mapped: map.base, byteOffset: offset, rows: rows, columns: columns, type: type, owner: map)
    case .builtin:
      WeightMatrix(
        mapped: duet_builtin_weights().bytes, byteOffset: offset, rows: rows, columns: columns, type: type,
        owner: Program.shared)
    }
  }

  /// A vector of `count` numbers.
  func vector(_ name: String, _ count: Int) throws(EmbedderError) -> WeightVector {
    let (tensor, type) = try tensor(name, [count])
    guard let type else { return WeightVector([]) }
    let offset = tensor.entry.range.lowerBound
    return switch tensor.file.storage {
    case .mapped(let map):
      WeightVector(mapped: map.base, byteOffset: offset, count: count, type: type, owner: map)
    case .builtin:
      WeightVector(
        mapped: duet_builtin_weights().bytes, byteOffset: offset, count: count, type: type,
        owner: Program.shared)
    }
  }

  /// A table `[rows, columns]` of which a few rows are read at a time.
  func table(_ name: String, _ rows: Int, _ columns: Int) throws(EmbedderError) -> EmbeddingTable {
    let (tensor, type) = try tensor(name, [rows, columns])
    guard let type else {
      return EmbeddingTable(WeightMatrix(rows: 0, columns: 0, values: []))
    }
    let offset = tensor.entry.range.lowerBound
    return switch tensor.file.storage {
    case .mapped(let map):
      EmbeddingTable(
        mapped: map.base, byteOffset: offset, rows: rows, columns: columns, type: type, owner: map)
    case .builtin:
      EmbeddingTable(
        mapped: duet_builtin_weights().bytes, byteOffset: offset, rows: rows, columns: columns, type: type,
        owner: Program.shared)
    }
  }

  /// The linear layers `names`, side by side: `name.weight` and `name.bias` are stored as `[outputs, inputs]` and
  /// `[outputs]`, one like the other.
  ///
  /// - Parameters:
  ///   - shape: what the checkpoint calls the weights, when that is not two-dimensional.
  ///   - isSensitive: the first and the last layer of a tower, whose errors nothing averages out: never less than bfloat16.
  func linear(
    _ names: String..., outputs: Int, inputs: Int, shape: [Int]? = nil, hasBias: Bool = true,
    isSensitive: Bool = false
  ) throws(EmbedderError) -> Linear {
    var types: [ElementType] = []
    var biases: [WeightVector] = []
    for name in names {
      if let type = try tensor("\(name).weight", shape ?? [outputs, inputs]).type { types.append(type) }
      if hasBias { biases.append(try vector("\(name).bias", outputs)) }
    }
    guard checks == nil else { return Linear(floats: []) }
    func weights() throws(EmbedderError) -> [WeightMatrix] {
      var parts: [WeightMatrix] = []
      for name in names { parts.append(try matrix("\(name).weight", outputs, inputs, shape: shape)) }
      return parts
    }
    // Sums of bytes fill 32 bits from 65,794 terms on.
    let isFiner = isSensitive || inputs > 65_536
    let precision = isFiner && precision == .int8 ? .bfloat16 : precision
    if precision == .float32, types.allSatisfy({ $0 == .float32 }) {
      return Linear(floats: try weights().enumerated().map { ($1, hasBias ? biases[$0] : nil) })
    }
    let stacked = try packed.matrix(
      names.joined(separator: "+"), rows: names.count * outputs, columns: inputs, precision: precision
    ) { () throws(EmbedderError) in try weights() }
    return Linear(packed: stacked, bias: hasBias ? WeightVector(joining: biases) : nil)
  }

  /// `name.weight` and `name.bias` of a layer norm.
  func layerNorm(_ name: String, width: Int, epsilon: Float) throws(EmbedderError) -> LayerNorm {
    LayerNorm(
      gain: try vector("\(name).weight", width), bias: try vector("\(name).bias", width), epsilon: epsilon)
  }

  /// Owns the bytes that are part of the program: nobody needs to keep them alive.
  private final class Program: Sendable {
    static let shared = Program()
  }
}
