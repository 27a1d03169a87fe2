// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// 128 bits that name a content: equal bytes give equal hashes, different bytes almost surely different ones.
///
/// MurmurHash3 x64 128 (Austin Appleby, public domain, SMHasher), seed 0, written as its 16 little-endian
/// bytes. It finds moved and changed files at the speed of memory. It is **not for security**: whoever wants
/// to can make two files with one hash, and all they win is that their own library takes one for the other.
package struct ContentHash: Sendable, Hashable, CustomStringConvertible {
  /// Bytes 0 to 7, read little-endian.
  package let low: UInt64
  /// Bytes 8 to 15, read little-endian.
  package let high: UInt64

  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// The hash of some bytes.
  package init(of bytes: [UInt8]) { self.init(of: bytes.span.bytes) }

  /// The hash of some bytes.
  package init(of bytes: RawSpan) {
    var hasher = ContentHasher()
    hasher.update(bytes)
    self = hasher.finalize()
  }

  /// The hash of a regular file's content, read piece by piece: neither held in memory nor mapped.
  package init(ofFile path: FilePath, followsLinks: Bool = true) throws(FileError) {
    let descriptor = try openForReading(path, followsLinks: followsLinks)
    defer { try? descriptor.close() }
    _ = try regularFileStatus(of: descriptor, path: path)
    var hasher = ContentHasher()
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { piece.deallocate() }
    do {
      while true {
        let count = try descriptor.read(into: piece)
        if count == 0 { break }
        hasher.update(UnsafeRawBufferPointer(rebasing: piece[..<count]).bytes)
      }
    } catch {
      throw FileError(error as? Errno ?? .ioError, "read", path)
    }
    self = hasher.finalize()
  }

  /// The 16 bytes, as stored.
  package var bytes: [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: low >> ($0 * 8)) }
      + (0..<8).map { UInt8(truncatingIfNeeded: high >> ($0 * 8)) }
  }

  /// 32 hexadecimal digits, in the order of ``bytes``.
  package var description: String { bytes.hexadecimal }
}

/// Makes a ``ContentHash`` of bytes that come in pieces; how they are cut does not matter.
package struct ContentHasher: Sendable {
  private var h1: UInt64
  private var h2: UInt64
  private var length: UInt64 = 0
  /// Bytes that do not fill a block of 16 yet.
  private var pending: [UInt8] = []

  private static let c1: UInt64 = 0x87C3_7B91_1142_53D5
  private static let c2: UInt64 = 0x4CF5_AD43_2745_937F

  /// Starts anew. Seeds other than 0 are for the tests.
  package init(seed: UInt32 = 0) {
    h1 = UInt64(seed)
    h2 = UInt64(seed)
  }

  /// Takes more bytes.
  package mutating func update(_ bytes: [UInt8]) { update(bytes.span.bytes) }

  /// Takes more bytes.
  package mutating func update(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { update($0) }
  }

  private mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var bytes = bytes[...]
    if !pending.isEmpty {
      let missing = min(16 - pending.count, bytes.count)
      pending += bytes.prefix(missing)
      bytes = bytes.dropFirst(missing)
      guard pending.count == 16 else { return }
      pending.withUnsafeBytes { mixBlocks($0) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = bytes.count & ~15
    mixBlocks(UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)))
    pending += bytes.dropFirst(whole)
  }

  /// Mixes whole blocks of 16 bytes in.
  private mutating func mixBlocks(_ bytes: UnsafeRawBufferPointer) {
    var h1 = h1
    var h2 = h2
    for start in stride(from: 0, to: bytes.count, by: 16) {
      let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      let k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
      h1 ^= Self.mixed1(k1)
      h1 = (Self.rotated(h1, 27) &+ h2) &* 5 &+ 0x52DC_E729
      h2 ^= Self.mixed2(k2)
      h2 = (Self.rotated(h2, 31) &+ h1) &* 5 &+ 0x3849_5AB5
    }
    self.h1 = h1
    self.h2 = h2
  }

  /// The hash of all bytes taken so far.
  package func finalize() -> ContentHash {
    var h1 = h1
    var h2 = h2
    var k1: UInt64 = 0
    var k2: UInt64 = 0
    for (index, byte) in pending.enumerated() {
      if index < 8 { k1 |= UInt64(byte) << (index * 8) } else { k2 |= UInt64(byte) << (index * 8 - 64) }
    }
    if pending.count > 8 { h2 ^= Self.mixed2(k2) }
    if !pending.isEmpty { h1 ^= Self.mixed1(k1) }
    h1 ^= length
    h2 ^= length
    h1 &+= h2
    h2 &+= h1
    h1 = Self.avalanche(h1)
    h2 = Self.avalanche(h2)
    h1 &+= h2
    h2 &+= h1
    return ContentHash(low: h1, high: h2)
  }

  private static func mixed1(_ k: UInt64) -> UInt64 { rotated(k &* c1, 31) &* c2 }

  private static func mixed2(_ k: UInt64) -> UInt64 { rotated(k &* c2, 33) &* c1 }

  private static func rotated(_ x: UInt64, _ count: UInt64) -> UInt64 { (x &<< count) | (x &>> (64 - count)) }

  private static func avalanche(_ value: UInt64) -> UInt64 {
    var k = value
    k ^= k >> 33
    k &*= 0xFF51_AFD7_ED55_8CCD
    k ^= k >> 33
    k &*= 0xC4CE_B9FE_1A85_EC53
    return k ^ (k >> 33)
  }
}
