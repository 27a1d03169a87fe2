// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a model, or with what it was asked to embed.
package struct EmbedderError: Error, CustomStringConvertible, Sendable {
  /// The kind of failure.
  package enum Code: Sendable, Hashable {
    /// No model where one was looked for.
    case modelNotFound
    /// A file of the model is missing or cannot be read.
    case unreadable
    /// A file of the model breaks the rules of its format, or contradicts another one.
    case malformed
    /// The model needs something that Duet does not have.
    case unsupported
    /// The model has no such tower, or the input cannot be embedded.
    case invalidInput
  }

  /// The kind of failure.
  package let code: Code
  /// What is wrong, with the name of the file and the field or tensor, and what to do about it.
  package let message: String
  /// The error of a lower layer behind it, where there is one.
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// The message, then the cause.
  package var description: String {
    guard let cause else { return message }
    return "\(message): \(cause)"
  }
}
