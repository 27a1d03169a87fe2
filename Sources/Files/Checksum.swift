// SPDX-License-Identifier: Apache-2.0

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4): finds damage in files of our own.
///
/// Eight bytes a step from eight tables (Kounavis and Berry, "A systematic approach to building high
/// performance software-based CRC generators", 2005).
package struct CRC32C: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  /// Starts anew.
  package init() {}

  /// The checksum of some bytes.
  package static func checksum(_ bytes: [UInt8]) -> UInt32 { checksum(bytes.span.bytes) }

  /// The checksum of some bytes.
  package static func checksum(_ bytes: RawSpan) -> UInt32 {
    var sum = CRC32C()
    sum.update(bytes)
    return sum.value
  }

  /// The checksum of all bytes taken so far.
  package var value: UInt32 { ~state }

  /// Takes more bytes.
  package mutating func update(_ bytes: [UInt8]) { update(bytes.span.bytes) }

  /// Takes more bytes.
  package mutating func update(_ bytes: RawSpan) {
    let start = state
    state = Self.tables.withUnsafeBufferPointer { tables in
      bytes.withUnsafeBytes { Self.advance(start, over: $0, tables) }
    }
  }

  private static func advance(
    _ start: UInt32, over bytes: UnsafeRawBufferPointer, _ tables: UnsafeBufferPointer<UInt32>
  ) -> UInt32 {
    guard let table = tables.baseAddress else { return start }
    var crc = start
    var position = 0
    // Every index below is a byte plus a multiple of 256 under 2,048: inside the tables.
    while position + 8 <= bytes.count {
      let word =
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)) ^ UInt64(crc)
      let near =
        table[1792 &+ Int(word & 0xFF)] ^ table[1536 &+ Int(word >> 8 & 0xFF)]
        ^ table[1280 &+ Int(word >> 16 & 0xFF)] ^ table[1024 &+ Int(word >> 24 & 0xFF)]
      let far =
        table[768 &+ Int(word >> 32 & 0xFF)] ^ table[512 &+ Int(word >> 40 & 0xFF)]
        ^ table[256 &+ Int(word >> 48 & 0xFF)] ^ table[Int(word >> 56)]
      crc = near ^ far
      position += 8
    }
    while position < bytes.count {
      crc = (crc >> 8) ^ table[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
      position += 1
    }
    return crc
  }

  /// Table k at 256 k: the sum of a byte followed by k zero bytes.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 2048)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
      tables[byte] = crc
    }
    for index in 256..<2048 {
      let shorter = tables[index - 256]
      tables[index] = (shorter >> 8) ^ tables[Int(shorter & 0xFF)]
    }
    return tables
  }()
}
