// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// Reads numbers and runs of bytes from untrusted bytes, front to back, never past the end.
package struct ByteReader: ~Escapable {
  /// Where the next read starts.
  package private(set) var position: Int
  /// How many bytes there are in all.
  package let count: Int

  private let bytes: RawSpan
  private let path: FilePath

  /// Reads `bytes`; `path` is what errors name.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, path: FilePath, position: Int = 0) {
    precondition(position >= 0 && position <= bytes.byteCount, "a reader starts inside its bytes")
    self.bytes = bytes
    self.path = path
    self.position = position
    count = bytes.byteCount
  }

  /// How many bytes are left.
  package var remaining: Int { count - position }

  /// Moves to a position of the file's own choosing, when it is inside.
  package mutating func seek(to position: some BinaryInteger) throws(FileError) {
    guard let target = Int(exactly: position), target >= 0, target <= count else {
      throw malformed("an offset of \(position) points outside its \(count) bytes")
    }
    self.position = target
  }

  /// Passes over bytes.
  package mutating func skip(_ length: some BinaryInteger) throws(FileError) { _ = try take(length) }

  /// A little-endian number.
  package mutating func readLittleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type = Number.self
  ) throws(FileError) -> Number {
    Number(littleEndian: try load(type))
  }

  /// A big-endian number.
  package mutating func readBigEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type = Number.self
  ) throws(FileError) -> Number {
    Number(bigEndian: try load(type))
  }

  /// The next `length` bytes, copied.
  package mutating func readBytes(_ length: some BinaryInteger) throws(FileError) -> [UInt8] {
    let range = try take(length)
    return bytes.extracting(range).withUnsafeBytes { [UInt8]($0) }
  }

  /// The next `length` bytes, in place.
  @_lifetime(copy self)
  package mutating func readSpan(_ length: some BinaryInteger) throws(FileError) -> RawSpan {
    bytes.extracting(try take(length))
  }

  private mutating func load<Number: BitwiseCopyable>(_ type: Number.Type) throws(FileError) -> Number {
    let range = try take(MemoryLayout<Number>.size)
    // In bounds by `take`; every bit pattern of an integer is a number.
    return bytes.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: Number.self)
  }

  private mutating func take(_ length: some BinaryInteger) throws(FileError) -> Range<Int> {
    guard let length = Int(exactly: length), length >= 0, length <= remaining else {
      throw malformed("\(length) bytes are wanted at offset \(position), but only \(remaining) are left")
    }
    defer { position += length }
    return position..<position + length
  }

  private func malformed(_ what: String) -> FileError {
    FileError(.malformed, path, "\(what): the file was cut or damaged; restore or rebuild it")
  }
}
