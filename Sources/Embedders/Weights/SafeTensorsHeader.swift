// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import LinearAlgebra

/// How a tensor's numbers are stored: a name of the safetensors format.
struct TensorType: Sendable, Hashable {
  let name: String

  /// The types that can be computed with.
  var element: ElementType? {
    switch name {
    case "F32": .float32
    case "F16": .float16
    case "BF16": .bfloat16
    default: nil
    }
  }

  /// The bytes of one number, nil for the types of less than a byte and those nobody knows.
  var byteCount: Int? {
    switch name {
    case "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": 1
    case "U16", "I16", "F16", "BF16": 2
    case "U32", "I32", "F32": 4
    case "U64", "I64", "F64", "C64": 8
    default: nil
    }
  }
}

/// One line of a safetensors header.
struct TensorEntry: Sendable {
  let type: TensorType
  let shape: [Int]
  /// Where the numbers are, in bytes from the start of the file.
  let range: Range<Int>
}

/// The table of contents of a safetensors file.
///
/// Eight bytes of length, that many bytes of JSON (`name → {dtype, shape, data_offsets}`), then the data. As in the
/// reference reader, tensors fill the data without holes or overlaps, and to its end: a file that was cut or glued is
/// found here, before any number is read.
struct SafeTensorsHeader: Sendable {
  /// The longest header that is read. The reference takes 100 MB, for which a hostile file makes Foundation's decoder
  /// need a minute and gigabytes; published headers have some hundred kilobytes.
  static let sizeLimit = 8 << 20
  /// More tensors than any model has.
  static let tensorLimit = 1 << 16

  let tensors: [String: TensorEntry]

  /// Parses and checks the header of a file, given all of its bytes.
  init(_ bytes: RawSpan, name: String) throws(EmbedderError) {
    func malformed(_ problem: String, cause: (any Error)? = nil) -> EmbedderError {
      EmbedderError(.malformed, "\(name): \(problem)", cause: cause)
    }
    guard bytes.byteCount >= 8 else {
      throw malformed("no safetensors file: \(bytes.byteCount) bytes are not even a header")
    }
    let stated = UInt64(littleEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
    guard stated >= 2, stated <= UInt64(min(bytes.byteCount - 8, Self.sizeLimit)) else {
      throw malformed(
        "the header claims \(stated) bytes of \(bytes.byteCount): cut short, or no safetensors file")
    }
    let dataStart = 8 + Int(stated)
    let json = bytes.extracting(8..<dataStart)
    let parsed: HeaderJSON
    do {
      parsed = try JSONDecoder().decode(HeaderJSON.self, from: Data(json.copied()))
    } catch {
      throw malformed("the header is not the JSON that safetensors files have", cause: error)
    }
    var tensors: [String: TensorEntry] = [:]
    for (tensor, entry) in parsed.entries {
      do {
        tensors[tensor] = try entry.checked(dataStart: dataStart, end: bytes.byteCount)
      } catch {
        throw malformed("tensor \(tensor) \(error.problem)")
      }
    }
    if let problem = Self.gap(in: tensors, from: dataStart, to: bytes.byteCount) { throw malformed(problem) }
    self.tensors = tensors
  }

  /// Says where the tensors overlap or leave bytes out, or nil.
  private static func gap(in tensors: [String: TensorEntry], from start: Int, to end: Int) -> String? {
    var position = start
    var last = "the header"
    let byPlace = tensors.sorted {
      ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
        < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
    }
    for (name, entry) in byPlace {
      if entry.range.lowerBound < position { return "tensor \(name) overlaps \(last)" }
      if entry.range.lowerBound > position {
        return
          "\(entry.range.lowerBound - position) bytes between \(last) and tensor \(name) belong to nothing"
      }
      position = entry.range.upperBound
      last = "tensor \(name)"
    }
    return position == end ? nil : "\(end - position) bytes after \(last) belong to nothing"
  }
}

/// The header's JSON. `__metadata__` is skipped: it may hold anything.
private struct HeaderJSON: Decodable {
  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  struct Problem: Error { let problem: String }

  struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }

    func checked(dataStart: Int, end: Int) throws(Problem) -> TensorEntry {
      guard dataOffsets.count == 2, 0 <= dataOffsets[0], dataOffsets[0] <= dataOffsets[1] else {
        throw Problem(problem: "has data_offsets \(dataOffsets), which are no range")
      }
      guard dataOffsets[1] <= end - dataStart else {
        throw Problem(
          problem: "ends at byte \(dataOffsets[1]) of \(end - dataStart): "
            + "the file was cut, or the offset is wrong")
      }
      guard shape.count <= 16, shape.allSatisfy({ $0 >= 0 }) else {
        throw Problem(problem: "has the impossible shape \(shape)")
      }
      let type = TensorType(name: dtype)
      if let size = type.byteCount {
        var bytes = size
        for side in shape {
          let (product, overflow) = bytes.multipliedReportingOverflow(by: side)
          guard !overflow else { throw Problem(problem: "has the impossible shape \(shape)") }
          bytes = product
        }
        guard bytes == dataOffsets[1] - dataOffsets[0] else {
          throw Problem(
            problem: "of type \(dtype) and shape \(shape) needs \(bytes) bytes, "
              + "its offsets hold \(dataOffsets[1] - dataOffsets[0])")
        }
      }
      return TensorEntry(
        type: type, shape: shape, range: dataStart + dataOffsets[0]..<dataStart + dataOffsets[1])
    }
  }

  let entries: [String: Entry]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    let names = container.allKeys.filter { $0.stringValue != "__metadata__" }
    guard names.count <= SafeTensorsHeader.tensorLimit else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "more than \(SafeTensorsHeader.tensorLimit) tensors"))
    }
    var entries: [String: Entry] = [:]
    for name in names { entries[name.stringValue] = try container.decode(Entry.self, forKey: name) }
    self.entries = entries
  }
}

extension RawSpan {
  /// The bytes as an array.
  func copied() -> [UInt8] {
    withUnsafeBytes { [UInt8]($0) }
  }
}
