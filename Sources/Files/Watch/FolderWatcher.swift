// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
internal import Synchronization
package import SystemPackage

/// Follows folders, and all below that a walk with the same options would enter, and tells which of them changed.
///
/// Told are files that were closed after writing, moved in or out, hard-linked or removed, and folders that came or went;
/// not reads, nor changes of attributes alone. Changes are gathered until it has been quiet for a moment. Symbolic links
/// are not followed. Hidden files that an ignore file brings back are noticed with the next change beside them; so is
/// what is mounted in the middle of a part, and a file written through a map.
///
/// The first element asks for a look at everything, once all is followed: what happened before is not told. So does one
/// after the kernel lost events, and one after a part vanished or came back. Where the system has no watches left, and on
/// network disks, whose other users' changes it does not see, everything is to be looked at every
/// ``Timing/poll``, with a note that says so.
///
/// A thread of its own waits for the kernel and reads folders; nothing runs while nothing happens, but for a look at the
/// top folders every ``Timing/tops``. It ends with ``cancel()`` or the last reference.
package final class FolderWatcher: AsyncSequence, Sendable {
  package typealias Element = FolderChanges

  /// A folder, or a folder inside one whose ignore files count.
  package struct Part: Sendable, Hashable {
    /// Absolute.
    package let root: FilePath
    /// Relative to the root; empty for all of it.
    package let start: FilePath

    package init(root: FilePath, start: FilePath = "") {
      self.root = root
      self.start = start
    }

    /// The folder that is followed.
    package var path: FilePath { start.isEmpty ? root : root.pushing(start) }

    func relative(_ folder: FilePath) -> FilePath {
      var relative = folder
      _ = relative.removePrefix(root)
      return relative
    }
  }

  /// How long to wait for what.
  package struct Timing: Sendable {
    /// No change for so long, and changes are told.
    package var quiet = Duration.milliseconds(500)
    /// They are told so long after the first at the latest.
    package var longest = Duration.seconds(10)
    /// The parts are asked for, and their top folders looked at, so often.
    package var tops = Duration.seconds(5)
    /// Everything is to be looked at so often where changes are not told.
    package var poll = Duration.seconds(60)

    package init() {}
  }

  private let mailbox = ChangeMailbox()
  private let queue: any WatchQueue

  /// Starts to follow.
  ///
  /// - Parameters:
  ///   - parts: what to follow; asked on the watcher's own thread, at the start and every ``Timing/tops``.
  ///   - options: what a walk enters.
  ///   - excluded: absolute paths of folders that are not followed, such as one that the reader of the changes writes.
  /// - Throws: ``FileError`` when no descriptors are left.
  package convenience init(
    options: DirectoryWalker.Options = .init(), excluding excluded: [FilePath] = [],
    timing: Timing = Timing(),
    parts: @escaping @Sendable () -> [Part]
  ) throws(FileError) {
    let queue: Inotify
    do {
      queue = try Inotify()
    } catch {
      throw FileError(error, "watch folders", ".")
    }
    self.init(queue: queue, options: options, excluding: excluded, timing: timing, parts: parts)
  }

  init(
    queue: any WatchQueue, options: DirectoryWalker.Options, excluding excluded: [FilePath] = [],
    timing: Timing,
    parts: @escaping @Sendable () -> [Part]
  ) {
    self.queue = queue
    let mailbox = mailbox
    // A serial queue of its own has a thread of its own: waiting there keeps nobody else waiting.
    DispatchQueue(label: "duet.watch").async {
      var loop = WatchLoop(
        tree: WatchedTree(queue: queue, options: options, excluded: excluded), queue: queue, options: options,
        timing: timing, parts: parts)
      while !mailbox.isClosed {
        if let changes = loop.step() { mailbox.deliver(changes) }
      }
    }
  }

  deinit { cancel() }

  /// The changes since the last call; waits until there are some.
  ///
  /// - Returns: nil once the watcher, or the calling task, is cancelled.
  /// - Precondition: one call at a time.
  package func next() async -> FolderChanges? { await mailbox.next() }

  /// The changes since the last call, without waiting.
  package func changesSoFar() -> FolderChanges { mailbox.take() }

  /// Ends the watcher and its thread.
  package func cancel() {
    mailbox.close()
    queue.wake()
  }

  package func makeAsyncIterator() -> Iterator { Iterator(watcher: self) }

  package struct Iterator: AsyncIteratorProtocol {
    let watcher: FolderWatcher

    package mutating func next() async -> FolderChanges? { await watcher.next() }
  }
}

/// Hands changes from the thread that sees them to the task that waits for them; what is not fetched gathers.
private final class ChangeMailbox: Sendable {
  private struct State {
    var pending = FolderChanges()
    var waiter: CheckedContinuation<FolderChanges?, Never>?
    var isClosed = false
  }

  private let state = Mutex(State())

  var isClosed: Bool { state.withLock { $0.isClosed } }

  func deliver(_ changes: FolderChanges) {
    let waiter = state.withLock { state -> CheckedContinuation<FolderChanges?, Never>? in
      if state.waiter == nil { state.pending.merge(changes) }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: changes)
  }

  func take() -> FolderChanges {
    state.withLock { state in
      defer { state.pending = FolderChanges() }
      return state.pending
    }
  }

  func close() {
    state.withLock { $0.isClosed = true }
    release()
  }

  func next() async -> FolderChanges? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> FolderChanges?? in
          if state.isClosed || Task.isCancelled { return .some(nil) }
          guard state.pending.isEmpty else {
            defer { state.pending = FolderChanges() }
            return state.pending
          }
          precondition(state.waiter == nil, "one task at a time waits for changes")
          state.waiter = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      release()
    }
  }

  /// Lets who waits go with nothing.
  private func release() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }
}
