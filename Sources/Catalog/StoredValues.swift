// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// Reading of rows that never traps: the file is untrusted, and GRDB's subscripts end the process on a NULL
/// or a text where a number should be.
extension Row {
  private func wrongType(_ index: Int, _ expected: String) -> CatalogError {
    CatalogError(
      .corrupted, "the catalog is corrupted: column \(index) holds no \(expected); run `duet verify`")
  }

  func integer(_ index: Int) throws(CatalogError) -> Int64 {
    guard let value = try optionalInteger(index) else { throw wrongType(index, "integer") }
    return value
  }

  func optionalInteger(_ index: Int) throws(CatalogError) -> Int64? {
    let value: DatabaseValue = self[index]
    switch value.storage {
    case .int64(let integer): return integer
    case .null: return nil
    default: throw wrongType(index, "integer")
    }
  }

  func int(_ index: Int) throws(CatalogError) -> Int {
    Int(try integer(index))
  }

  func real(_ index: Int) throws(CatalogError) -> Double {
    let value: DatabaseValue = self[index]
    switch value.storage {
    case .double(let double): return double
    case .int64(let integer): return Double(integer)
    default: throw wrongType(index, "number")
    }
  }

  func text(_ index: Int) throws(CatalogError) -> String {
    guard let value = try optionalText(index) else { throw wrongType(index, "text") }
    return value
  }

  func optionalText(_ index: Int) throws(CatalogError) -> String? {
    let value: DatabaseValue = self[index]
    switch value.storage {
    case .string(let string): return string
    case .null: return nil
    default: throw wrongType(index, "text")
    }
  }

  func data(_ index: Int) throws(CatalogError) -> Data {
    let value: DatabaseValue = self[index]
    guard case .blob(let data) = value.storage else { throw wrongType(index, "bytes") }
    return data
  }

  func bytes(_ index: Int) throws(CatalogError) -> [UInt8] {
    [UInt8](try data(index))
  }

  /// A value of an enumeration stored by its raw name.
  func named<Value: RawRepresentable<String>>(_ index: Int, as: Value.Type) throws(CatalogError) -> Value {
    guard let value = Value(rawValue: try text(index)) else { throw wrongType(index, "\(Value.self)") }
    return value
  }
}

/// Little-endian f32 values as they lie in a blob.
enum FloatBlob {
  static func encode(_ values: ArraySlice<Float>) -> Data {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values {
      let bits = value.bitPattern
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
    }
    return Data(bytes)
  }

  /// Appends the values of `blob`; a blob of another length than `count` values is corruption.
  static func append(_ blob: Data, count: Int, to values: inout [Float]) throws(CatalogError) {
    guard blob.count == count * 4 else {
      throw CatalogError(
        .corrupted, "the catalog is corrupted: a blob of \(blob.count) bytes where \(count) f32 values belong"
      )
    }
    let bytes = blob.span
    for index in 0..<count {
      let bits =
        UInt32(bytes[4 * index]) | UInt32(bytes[4 * index + 1]) << 8
        | UInt32(bytes[4 * index + 2]) << 16 | UInt32(bytes[4 * index + 3]) << 24
      values.append(Float(bitPattern: bits))
    }
  }
}

/// A list of ids as one bound argument, for `IN (SELECT value FROM json_each(?))`: no limit on their number,
/// and the same statement for any number of them.
func jsonList(_ ids: some Sequence<Int64>) -> String {
  var text = "["
  for id in ids {
    if text.utf8.count > 1 { text += "," }
    text += String(id)
  }
  return text + "]"
}
