// SPDX-License-Identifier: Apache-2.0
package import Files

/// What went wrong with a vector index, and what to do about it.
package struct IndexError: Error, CustomStringConvertible, Sendable {
  /// The kind of failure, for callers that act on it.
  package enum Code: Sendable, Hashable {
    /// The file is no segment at all.
    case notASegment
    /// The file needs a newer Duet than this one.
    case newerVersion
    /// The file was a segment once: bytes were changed or lost.
    case damaged
    /// A vector holds NaN or infinity, or is not of length 1.
    case invalidVector
    /// A vector or an index has another dimension than the others.
    case wrongDimension
    /// Keys are not in rising order, or there are more or fewer than announced.
    case wrongKeys
    /// The file system refused; see `cause`.
    case file
  }

  /// The kind of failure.
  package let code: Code
  /// What is wrong, with the file or the key it happened to, and what to do.
  package let message: String
  /// The error of the file system behind it, where there is one.
  package let cause: FileError?

  package init(_ code: Code, _ message: String, cause: FileError? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// The message.
  package var description: String { message }

  /// Wraps an error of the file system.
  init(_ cause: FileError) { self.init(.file, cause.description, cause: cause) }
}
