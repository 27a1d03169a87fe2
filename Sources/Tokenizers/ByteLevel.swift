// SPDX-License-Identifier: Apache-2.0

/// GPT-2's way to have a token for every byte: 256 printable characters stand for the bytes.
enum ByteLevel {
  /// GPT-2's words, numbers, punctuation and white space.
  static let pattern = Pattern(alternatives: gpt2)

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private static var gpt2: [[Pattern.Element]] {
    func run(_ set: ScalarSet, endsBeforeOther: Bool = false) -> Pattern.Element {
      Pattern.Element(set: CompiledScalarSet(set), repeats: true, endsBeforeOther: endsBeforeOther)
    }
    let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { text in
      text.unicodeScalars.map { Pattern.Element(set: CompiledScalarSet(ScalarSet($0))) }
    }
    let space = Pattern.Element(set: CompiledScalarSet(ScalarSet(" ")), isOptional: true)
    var other = ScalarSet(categories: [.letters, .numbers], whitespace: true)
    other.isNegated = true
    let whitespace = ScalarSet(whitespace: true)
    return contractions + [
      [space, run(ScalarSet(categories: .letters))], [space, run(ScalarSet(categories: .numbers))],
      [space, run(other)], [run(whitespace, endsBeforeOther: true)], [run(whitespace)],
    ]
  }

  /// The character of each byte: the printable bytes of Latin-1 stand for themselves, the other 68 for U+0100 and on.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
        return Unicode.Scalar(byte) ?? " "
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()

  /// The UTF-8 of `characters`: the second byte is 0 where there is only one.
  private static let encoded: [(UInt8, UInt8)] = characters.map { scalar in
    scalar.value < 0x80
      ? (UInt8(scalar.value), 0)
      : (UInt8(0xC0 | scalar.value >> 6), UInt8(0x80 | scalar.value & 0x3F))
  }

  /// Replaces the bytes of all pieces by their characters.
  static func encode(_ pieces: inout Pieces) {
    let table = encoded
    var text: [UInt8] = []
    text.reserveCapacity(pieces.text.count * 2)
    for index in pieces.ranges.indices {
      let start = text.count
      for byte in pieces.ranges[index] {
        let (first, second) = table[Int(pieces.text[byte])]
        text.append(first)
        if second != 0 { text.append(second) }
      }
      pieces.ranges[index] = start..<text.count
    }
    pieces.text = text
  }
}
