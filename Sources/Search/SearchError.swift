// SPDX-License-Identifier: Apache-2.0

/// What went wrong in the engine: opening a library, filling it, or answering a query.
package struct SearchError: Error, CustomStringConvertible, Sendable {
  /// The kind of failure, for exit codes and HTTP statuses.
  package enum Code: Sendable {
    /// No library where one was looked for.
    case libraryNotFound
    /// The library cannot be opened, or is damaged.
    case libraryUnusable
    /// Somebody else is indexing this library right now.
    case libraryBusy
    /// The query or an option makes no sense.
    case invalidRequest
    /// The model is missing, or is not the one that made the library.
    case modelMismatch
    /// A file of the user's cannot be read or understood.
    case unreadableInput
    /// The disk is full, read-only, or failing.
    case storage
    /// Ctrl-C.
    case interrupted
  }

  package let code: Code
  /// What is wrong, with the name of the file or field, and what to do about it.
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String {
    guard let cause else { return message }
    return "\(message): \(cause)"
  }
}
