// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// What is said on standard error. Standard output carries data only.
enum Diagnostics {
  /// Says what is wrong, or what one should know: "duet: …".
  static func note(_ text: String) { write(self.text(ofNote: text)) }

  /// What ``note(_:)`` writes.
  static func text(ofNote text: String) -> String { ("duet: " + text).printable + "\n" }

  /// Writes a line as it is, control characters made visible.
  static func line(_ text: String) {
    write(text.printable + "\n")
  }

  /// Writes text as it is. A standard error that is closed or full is nobody's to be told about.
  static func write(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
  }
}

extension String {
  /// The same text, harmless on a terminal: control characters other than line feed and tab are spelled `\x1B`. File
  /// names and model files may hold anything.
  var printable: String { spelling(\.isHarmful) }

  /// The same as ``printable``, and on one line: line feeds and tabs are spelled too. For cells of tables.
  var onOneLine: String { spelling { $0.isHarmful || $0 == "\n" || $0 == "\t" } }

  private func spelling(_ isSpelled: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: isSpelled) else { return self }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      guard isSpelled(scalar) else {
        text.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      text.append(contentsOf: "\\x\(digits.utf8.count < 2 ? "0" : "")\(digits)".unicodeScalars)
    }
    return String(text)
  }
}

extension Unicode.Scalar {
  /// C0 and C1 control characters and DEL; tab and line feed are let through.
  fileprivate var isHarmful: Bool {
    (value < 0x20 && value != 0x09 && value != 0x0A) || (0x7F...0x9F).contains(value)
  }
}
