// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a benchmark's files, with the name of the file and the entry, and what to do about it.
package struct EvaluationError: Error, CustomStringConvertible, Sendable {
  /// The message.
  package let message: String

  init(_ message: String) {
    self.message = message
  }

  /// The message.
  package var description: String { message }
}

/// How far a run has come.
package enum EvaluationProgress: Sendable {
  /// Pictures are looked up in the cache.
  case reading(done: Int, total: Int)
  /// Pictures are embedded.
  case embedding(done: Int, total: Int)
  /// Queries are answered.
  case asking(done: Int, total: Int)
}
