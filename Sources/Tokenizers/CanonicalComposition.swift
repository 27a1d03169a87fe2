// SPDX-License-Identifier: Apache-2.0

/// Unicode normalisation form C, as the reference computes it.
enum CanonicalComposition {
  /// The reference (tokenizers 0.23) normalises by Unicode 9. What is younger does not compose, decompose or move there.
  private static let youngestMajorVersion = 9
  /// Runs of combining marks longer than this are put in order by us.
  private static let longRun = 30

  /// Composes valid UTF-8. O(length), and nothing for ASCII.
  static func apply(to text: inout [UInt8]) {
    guard text.contains(where: { $0 >= 0x80 }) else { return }
    let string = String(decoding: text, as: UTF8.self)
    guard needsCare(string.unicodeScalars) else {
      text = composed(string)
      return
    }
    text.removeAll(keepingCapacity: true)
    var pending = String.UnicodeScalarView()
    for scalar in string.unicodeScalars {
      guard isTooYoung(scalar) else {
        pending.append(scalar)
        continue
      }
      text += composed(ordered(pending))
      text += Array(String(scalar).utf8)
      pending = String.UnicodeScalarView()
    }
    text += composed(ordered(pending))
  }

  /// The one place that calls the standard library's normaliser, which is public but underscored; FoundationEssentials
  /// has none.
  private static func composed(_ text: String) -> [UInt8] { text._nfcCodeUnits }

  private static func needsCare(_ text: String.UnicodeScalarView) -> Bool {
    var run = 0
    for scalar in text {
      run = isMark(scalar) ? run + 1 : 0
      if run > longRun || isTooYoung(scalar) { return true }
    }
    return false
  }

  /// Whether normalisation leaves the scalar alone wherever it stands: the bulk of most texts.
  private static func isInert(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x80, 0x30A0...0x9FFF, 0xAC00...0xD7A3: true
    default: false
    }
  }

  private static func isTooYoung(_ scalar: Unicode.Scalar) -> Bool {
    !isInert(scalar) && scalar.value > 0x52F
      && (scalar.properties.age?.major ?? 0) > youngestMajorVersion
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    !isInert(scalar) && scalar.properties.canonicalCombiningClass != .notReordered
  }

  /// Sorts runs of marks by combining class, as normalisation does anyway: the standard library sorts by insertion, which
  /// takes two seconds for 100,000 marks on one letter, and no time when they are in order.
  private static func ordered(_ text: String.UnicodeScalarView) -> String {
    var result = String.UnicodeScalarView()
    var run: [Unicode.Scalar] = []
    for scalar in text {
      if isMark(scalar) {
        run.append(scalar)
      } else {
        result.append(contentsOf: sorted(run))
        run.removeAll(keepingCapacity: true)
        result.append(scalar)
      }
    }
    result.append(contentsOf: sorted(run))
    return String(result)
  }

  /// A stable sort by combining class, O(run).
  private static func sorted(_ run: [Unicode.Scalar]) -> [Unicode.Scalar] {
    guard run.count > 1 else { return run }
    var buckets = [[Unicode.Scalar]](repeating: [], count: 256)
    for scalar in run { buckets[Int(scalar.properties.canonicalCombiningClass.rawValue)].append(scalar) }
    return buckets.flatMap { $0 }
  }
}
