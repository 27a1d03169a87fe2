// SPDX-License-Identifier: Apache-2.0

/// Reading untrusted bytes: every access says where, and answers nil beyond the end.
extension RawSpan {
  /// The byte at `offset`, or nil.
  func byte(at offset: Int) -> UInt8? {
    guard offset >= 0, offset < byteCount else { return nil }
    return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// An unsigned number of `count` bytes (at most 4), least significant byte first.
  func littleEndian(at offset: Int, count: Int) -> UInt32? {
    guard offset >= 0, offset <= byteCount - count else { return nil }
    var value: UInt32 = 0
    for index in (0..<count).reversed() {
      value = value << 8 | UInt32(unsafeLoad(fromByteOffset: offset + index, as: UInt8.self))
    }
    return value
  }

  /// An unsigned number of `count` bytes (at most 4), most significant byte first.
  func bigEndian(at offset: Int, count: Int) -> UInt32? {
    guard offset >= 0, offset <= byteCount - count else { return nil }
    var value: UInt32 = 0
    for index in 0..<count {
      value = value << 8 | UInt32(unsafeLoad(fromByteOffset: offset + index, as: UInt8.self))
    }
    return value
  }

  func littleEndian32(at offset: Int) -> UInt32? { littleEndian(at: offset, count: 4) }
  func bigEndian32(at offset: Int) -> UInt32? { bigEndian(at: offset, count: 4) }
  func bigEndian16(at offset: Int) -> Int? { bigEndian(at: offset, count: 2).map { Int($0) } }

  /// Whether the bytes from `offset` on start with `expected`.
  func hasBytes(_ expected: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, offset <= byteCount - expected.count else { return false }
    for index in expected.indices
    where unsafeLoad(fromByteOffset: offset + index, as: UInt8.self) != expected[index] { return false }
    return true
  }

  /// Whether the bytes from `offset` on start with the ASCII `expected`.
  func hasText(_ expected: StaticString, at offset: Int) -> Bool {
    let count = expected.utf8CodeUnitCount
    guard offset >= 0, offset <= byteCount - count else { return false }
    return expected.withUTF8Buffer { text in
      for index in 0..<count
      where unsafeLoad(fromByteOffset: offset + index, as: UInt8.self) != text[index] { return false }
      return true
    }
  }

  /// The first `value` in `range`, or nil.
  func firstIndex(of value: UInt8, in range: Range<Int>) -> Int? {
    for offset in range.clamped(to: 0..<byteCount)
    where unsafeLoad(fromByteOffset: offset, as: UInt8.self) == value { return offset }
    return nil
  }

  /// A copy of the bytes in `range`, which is clamped to what is there.
  func copy(_ range: Range<Int>) -> [UInt8] {
    let part = extracting(range.clamped(to: 0..<byteCount))
    return part.withUnsafeBytes { [UInt8]($0) }
  }
}
