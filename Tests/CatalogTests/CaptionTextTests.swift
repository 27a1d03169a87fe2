// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import Catalog

@Suite struct CaptionTextTests {
  @Test func `composing equals Foundation's normal form on random texts`() {
    var random = SeededRandom(seed: 2)
    let ranges: [ClosedRange<UInt32>] = [
      0...0x2FF, 0x300...0x36F, 0x1100...0x11FF, 0x3000...0x30FF, 0x4E00...0x9FFF, 0xAC00...0xD7A3,
      0xF900...0xFAFF,
    ]
    for _ in 0..<5000 {
      var text = ""
      let kinds = ranges.shuffled(using: &random).prefix(2)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        guard let range = kinds.randomElement(using: &random) else { continue }
        if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) {
          text.unicodeScalars.append(scalar)
        }
      }
      #expect(
        Array(CaptionText.composed(text).utf8) == Array(text.precomposedStringWithCanonicalMapping.utf8))
    }
  }

  @Test func `containing agrees with a plain search of bytes`() {
    var random = SeededRandom(seed: 6)
    func text(_ length: Int) -> String {
      String((0..<length).map { _ in ["a", "B", "É", "猫"].randomElement(using: &random) ?? "a" })
    }
    for _ in 0..<3000 {
      let (whole, part) = (
        text(.random(in: 0...12, using: &random)), text(.random(in: 0...3, using: &random))
      )
      let expected =
        part.isEmpty || Array(whole.lowercased().utf8).firstRange(of: Array(part.lowercased().utf8)) != nil
      #expect(CaptionText.contains(whole, folded: CaptionText.folded(part)) == expected, "\(whole) \(part)")
    }
  }

  @Test(
    arguments: [
      ("a/b c/d.tar.gz", "d.tar", ["a", "b c"]), ("x.jpg", "x", []), (".hidden", ".hidden", []),
      ("noext", "noext", []),
    ])
  func `a path gives a name and folders`(path: String, name: String, folders: [String]) {
    let parts = CaptionText.namesInPath(path)
    #expect(parts.name == name)
    #expect(parts.folders == folders)
  }
}
