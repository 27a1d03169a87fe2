// SPDX-License-Identifier: Apache-2.0

/// PNG files of one colour, made by hand: stored (uncompressed) deflate blocks need no library.
public enum TinyPNG {
  /// A picture of `side` × `side` pixels.
  public static func encode(_ red: UInt8, _ green: UInt8, _ blue: UInt8, side: Int = 8) -> [UInt8] {
    let row = [0] + [UInt8]((0..<side).flatMap { _ in [red, green, blue] })
    let raw = (0..<side).flatMap { _ in row }
    precondition(raw.count < 65_536)
    var deflated: [UInt8] =
      [0x78, 0x01, 1] + littleEndian(UInt16(raw.count)) + littleEndian(~UInt16(raw.count))
    deflated += raw + bigEndian(adler(raw))
    let header = bigEndian(UInt32(side)) + bigEndian(UInt32(side)) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", deflated)
      + chunk("IEND", [])
  }

  private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(kind.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(crc(content))
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }

  private static func adler(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func littleEndian(_ value: UInt16) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
  }
}
