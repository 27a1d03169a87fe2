// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// What a ``FolderWatcher`` has seen since it was last asked.
package struct FolderChanges: Sendable, Equatable {
  /// Absolute paths of folders in which something changed. Of a new folder everything below counts as changed. A folder
  /// may be gone by now.
  package var folders: Set<FilePath> = []
  /// Whether more may have changed than ``folders`` says: everything must be looked at again.
  package var needsRescan = false
  /// What the user should know, and what to do about it.
  package var notes: [String] = []

  package init() {}

  /// Whether there is nothing to do and nothing to say.
  package var isEmpty: Bool { folders.isEmpty && !needsRescan && notes.isEmpty }

  /// Adds what was seen later.
  package mutating func merge(_ later: FolderChanges) {
    folders.formUnion(later.folders)
    needsRescan = needsRescan || later.needsRescan
    notes += later.notes
  }
}

/// Gathers changes until there have been none for a while, so that a hundred files copied in are one change and not a
/// hundred; but not for ever, so that a copy of an hour is followed too.
struct ChangeDebouncer {
  typealias Instant = ContinuousClock.Instant

  /// No change for so long, and what has gathered is due.
  let quiet: Duration
  /// Due at the latest so long after the first change.
  let longest: Duration
  private var gathered = FolderChanges()
  private var first: Instant?
  private var last: Instant?

  init(quiet: Duration, longest: Duration) {
    self.quiet = quiet
    self.longest = longest
  }

  /// When what has gathered is due; nil when there is nothing.
  var due: Instant? {
    guard let first, let last else { return nil }
    return min(last + quiet, first + longest)
  }

  /// Adds a change.
  mutating func add(at now: Instant, _ change: (inout FolderChanges) -> Void) {
    change(&gathered)
    first = first ?? now
    last = now
  }

  /// What has gathered, when it is due.
  mutating func take(at now: Instant) -> FolderChanges? {
    guard let due, due <= now else { return nil }
    defer { (gathered, first, last) = (FolderChanges(), nil, nil) }
    return gathered
  }
}
