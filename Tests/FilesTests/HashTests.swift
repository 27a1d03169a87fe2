// SPDX-License-Identifier: Apache-2.0
import Files
import SystemPackage
import TestSupport
import Testing

@Suite("Content hashes and checksums")
struct HashTests {
  @Test("SMHasher's verification value of MurmurHash3 x64 128")
  func verification() {
    // Hash the keys {}, {0}, {0, 1}, … with seeds 256, 255, …; hash the hashes; compare the first four bytes.
    var hashes: [UInt8] = []
    for count in 0..<256 {
      var hasher = ContentHasher(seed: UInt32(256 - count))
      hasher.update((0..<count).map { UInt8($0) })
      hashes += hasher.finalize().bytes
    }
    let final = ContentHash(of: hashes).bytes
    #expect(Array(final.prefix(4)) == [0x69, 0xBA, 0x84, 0x63])
  }

  @Test(
    "Known hashes",
    arguments: [
      ("", "00000000000000000000000000000000"),
      ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"),
      ("hello, world", "342fac623a5ebc8e4cdcbc079642414d"),
      ("The quick brown fox jumps over the lazy dog.", "cd99481f9ee902c9695da1a38987b6e7"),
    ])
  func knownHashes(text: String, expected: String) {
    let hash = ContentHash(of: Array(text.utf8))
    // The published digests are written as two big-endian words.
    let words = [hash.low, hash.high].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    #expect(words.joined() == expected)
  }

  @Test("However the bytes are cut, the hash and the checksum stay", arguments: 0..<20)
  func pieces(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    var hasher = ContentHasher()
    var sum = CRC32C()
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(Int.random(in: 1...40, using: &random)))
      hasher.update(piece)
      sum.update(piece)
      rest = rest.dropFirst(piece.count)
    }
    #expect(hasher.finalize() == ContentHash(of: bytes))
    #expect(sum.value == CRC32C.checksum(bytes))
    let folder = try TemporaryDirectory()
    #expect(try ContentHash(ofFile: FilePath(folder.write(bytes, to: "file"))) == ContentHash(of: bytes))
  }

  @Test("Flipping one bit flips about half of the hash", arguments: [1, 15, 16, 17, 64])
  func avalanche(count: Int) {
    var random = SeededRandom(seed: UInt64(count))
    var total = 0
    var trials = 0
    var least = 128
    for _ in 0..<40 {
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let before = ContentHash(of: bytes)
      let bit = Int.random(in: 0..<count * 8, using: &random)
      bytes[bit / 8] ^= 1 << (bit % 8)
      let after = ContentHash(of: bytes)
      let flipped = (before.low ^ after.low).nonzeroBitCount + (before.high ^ after.high).nonzeroBitCount
      total += flipped
      trials += 1
      least = min(least, flipped)
    }
    // Mean 64, standard deviation of one trial 5.7.
    #expect(abs(Double(total) / Double(trials) - 64) < 5)
    #expect(least > 32)
  }

  @Test("Hashes of short and similar contents all differ")
  func noCollisions() {
    var hashes: Set<ContentHash> = []
    for length in 0..<64 { hashes.insert(ContentHash(of: [UInt8](repeating: 0, count: length))) }
    for byte in 1..<256 {
      for position in 0..<33 {
        var bytes = [UInt8](repeating: 0, count: 33)
        bytes[position] = UInt8(byte)
        hashes.insert(ContentHash(of: bytes))
      }
    }
    #expect(hashes.count == 64 + 255 * 33)
  }

  @Test("The hash of a missing file or a folder is an error")
  func refuses() throws {
    let folder = try TemporaryDirectory()
    expect(.notFound) { try ContentHash(ofFile: FilePath(folder.path("none"))) }
    expect(.notRegularFile) { try ContentHash(ofFile: FilePath(folder.path)) }
  }

  @Test("CRC-32C of RFC 3720, appendix B.4, and of the check string")
  func checksums() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.checksum((0..<32).map { UInt8(31 - $0) }) == 0x113F_DB5C)
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([UInt8]()) == 0)
  }

  @Test("CRC-32C agrees with the definition, bit by bit", arguments: [0, 1, 7, 8, 9, 63, 257])
  func bitwiseTwin(count: Int) {
    var random = SeededRandom(seed: UInt64(count))
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
    }
    #expect(CRC32C.checksum(bytes) == ~crc)
  }
}
