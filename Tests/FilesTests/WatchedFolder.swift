// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Files

/// A folder with a watcher on it.
struct WatchedFolder {
  let folder: TemporaryDirectory
  let watcher: FolderWatcher
  let queue: ForgetfulQueue

  /// Follows a new folder, after `prepare` has filled it; the first look at everything has been asked for.
  init(
    options: DirectoryWalker.Options = .init(), limit: Int = .max, poll: Duration = .seconds(60),
    excluding: [String] = [], prepare: (TemporaryDirectory) throws -> Void = { _ in }
  ) async throws {
    folder = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: folder.path("root"), withIntermediateDirectories: true)
    try prepare(folder)
    queue = try ForgetfulQueue(limit: limit)
    let root = FilePath(folder.path("root"))
    watcher = FolderWatcher(
      queue: queue, options: options, excluding: excluding.map { root.appending($0) },
      timing: Self.timing(poll: poll), parts: { [FolderWatcher.Part(root: root)] })
    let first = await next()
    try #require(first?.needsRescan == true && first?.folders.isEmpty == true)
  }

  static func timing(poll: Duration) -> FolderWatcher.Timing {
    var timing = FolderWatcher.Timing()
    (timing.quiet, timing.longest) = (.milliseconds(40), .seconds(2))
    (timing.tops, timing.poll) = (.milliseconds(100), poll)
    return timing
  }

  /// The next changes; nil after half a minute without any.
  func next() async -> FolderChanges? {
    let waiting = Task { [watcher] in await watcher.next() }
    let timer = Task {
      try await Task.sleep(for: .seconds(30))
      waiting.cancel()
    }
    defer { timer.cancel() }
    return await waiting.value
  }

  /// All changes until `isEnough` says so.
  func changes(until isEnough: (FolderChanges) -> Bool) async throws -> FolderChanges {
    var all = FolderChanges()
    while !isEnough(all) { all.merge(try #require(await next(), "no more than \(all)")) }
    return all
  }

  /// The names of folders that changed, once the one that is expected is among them.
  ///
  /// To prove that something was not told, do it first, then something that is told, and wait for that.
  func changed(until name: String) async throws -> Set<String> {
    let (path, root) = (path(name), path(""))
    let changes = try await changes { $0.folders.contains(path) || $0.needsRescan }
    #expect(!changes.needsRescan)
    return Set(
      changes.folders.map { folder in
        var relative = folder
        _ = relative.removePrefix(root)
        return relative.string
      })
  }

  func path(_ name: String) -> FilePath {
    name.isEmpty ? FilePath(folder.path("root")) : FilePath(folder.path("root")).appending(name)
  }

  func write(_ name: String, _ text: String = "x") throws { try folder.write(text, to: "root/\(name)") }

  func make(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name).string, withIntermediateDirectories: true)
  }

  func move(_ name: String, to other: String) {
    #expect(rename(path(name).string, path(other).string) == 0, "\(name) to \(other)")
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name).string) }
}

/// The kernel's queue, with fewer watches than there are, and a memory that can be lost.
final class ForgetfulQueue: WatchQueue {
  private struct State {
    var limit: Int
    var watches: Set<CInt> = []
    var isLosing = false
    var hasOverflowed = false
  }

  private let inotify: Inotify
  private let state: Mutex<State>

  init(limit: Int) throws {
    inotify = try Inotify()
    state = Mutex(State(limit: limit))
  }

  /// From now on nothing is told.
  func startLosing() { state.withLock { $0.isLosing = true } }

  /// From now on everything is told, and first of all that something was lost.
  func overflow() {
    state.withLock { ($0.isLosing, $0.hasOverflowed) = (false, true) }
    wake()
  }

  func allow(_ limit: Int) { state.withLock { $0.limit = limit } }

  func add(_ folder: FilePath) throws(Errno) -> CInt {
    let watch = try inotify.add(folder)
    let isAllowed = state.withLock { state in
      guard state.watches.contains(watch) || state.watches.count < state.limit else { return false }
      state.watches.insert(watch)
      return true
    }
    guard isAllowed else {
      inotify.remove(watch)
      throw Errno.noSpace
    }
    return watch
  }

  func remove(_ watch: CInt) {
    inotify.remove(watch)
    state.withLock { _ = $0.watches.remove(watch) }
  }

  func reset() {
    inotify.reset()
    state.withLock { $0.watches = [] }
  }

  func events(until deadline: ContinuousClock.Instant?) -> [WatchEvent] {
    let events = inotify.events(until: deadline)
    return state.withLock { state in
      if state.hasOverflowed {
        state.hasOverflowed = false
        return [WatchEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: nil)]
      }
      return state.isLosing ? [] : events
    }
  }

  func wake() { inotify.wake() }
}
