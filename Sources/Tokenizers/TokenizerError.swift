// SPDX-License-Identifier: Apache-2.0

/// Why a tokenizer could not be loaded. Encoding never fails.
package struct TokenizerError: Error, Equatable, CustomStringConvertible {
  /// What kind of thing is wrong.
  package enum Code: Sendable {
    /// The bytes are not UTF-8, or not JSON.
    case malformed
    /// A field that must be there is not.
    case missingField
    /// A field has the wrong type, or a value that contradicts another field.
    case invalidValue
    /// The file asks for a component that Duet does not have.
    case unsupported
    /// A size is beyond what any real tokenizer needs.
    case tooLarge
  }

  /// What kind of thing is wrong.
  package let code: Code
  /// File, field, what is wrong with it, and what to do where something can be done.
  package let message: String

  init(_ code: Code, _ field: String, _ problem: String) {
    self.code = code
    message = "\(field): \(problem)"
  }

  package var description: String { message }
}
