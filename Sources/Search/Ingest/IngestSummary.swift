// SPDX-License-Identifier: Apache-2.0

/// What one run of `duet index` did.
package struct IngestSummary: Sendable, Equatable {
  /// Pictures embedded, new and changed ones.
  package var indexed = 0
  /// Pictures that are as they were.
  package var unchanged = 0
  /// Pictures found under another name; their vectors are kept.
  package var moved = 0
  /// Pictures that are gone from the folder, and now from the library.
  package var removed = 0
  /// Pictures whose captions alone changed.
  package var recaptioned = 0
  /// Files that should have been pictures and could not be read.
  package var skipped = 0
  /// Pictures of known kinds that this version does not read, per kind: one line each, not an error.
  package var unsupported: [String: Int] = [:]
  /// Other files that the walk passed by (documents, videos …).
  package var otherFiles = 0
  /// Roots whose missing pictures were kept, with the reason.
  package var guardedRoots: [String] = []
  /// Whether Ctrl-C ended the run early; what was done is saved.
  package var wasInterrupted = false

  package init() {}
}

/// A file or folder that was passed over, and why.
package struct SkippedFile: Sendable, Equatable {
  /// As a person would type it.
  package let path: String
  /// One word to count by: `truncated`, `unreadable`, `captions` …
  package let kind: String
  package let reason: String

  package init(path: String, kind: String, reason: String) {
    self.path = path
    self.kind = kind
    self.reason = reason
  }
}

/// How far a run has come.
package enum IngestProgress: Sendable {
  /// Looking for files; so many so far.
  case walking(files: Int)
  /// Reading and embedding; `total` pictures have to be looked at.
  case embedding(done: Int, total: Int)
  /// Embedding the captions of pictures; `total` have new ones.
  case captioning(done: Int, total: Int)
  /// Building larger segments out of small ones.
  case merging
  /// Measuring what unrelated queries score in this library.
  case calibrating
}
