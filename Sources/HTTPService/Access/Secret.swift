// SPDX-License-Identifier: Apache-2.0
import Crypto
import Files
import FoundationEssentials

/// Random texts that only their holders know.
enum Secret {
  /// 256 random bits in letters that need no escaping in a URL or a header.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()  // the kernel's
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    return Data(bytes).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  static func hash(_ secret: String) -> String {
    SHA256.hash(data: Array(secret.utf8)).hexadecimal
  }

  /// Compares without telling by the time it takes where two texts of one length differ.
  static func areEqual(_ a: String, _ b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    return zip(a.utf8, b.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
