// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import SystemPackage

/// What the thread of a ``FolderWatcher`` does, one step at a time.
struct WatchLoop {
  typealias Instant = ContinuousClock.Instant

  private var tree: WatchedTree
  private let queue: any WatchQueue
  private let options: DirectoryWalker.Options
  private let timing: FolderWatcher.Timing
  private let parts: @Sendable () -> [FolderWatcher.Part]
  private var changes: ChangeDebouncer
  /// When to look at the top folders next; nil before the first step.
  private var topsDue: Instant?
  /// When everything is to be looked at again; nil where all changes are told.
  private var pollDue: Instant?
  private var networkDisks: Set<FilePath> = []
  private var hasToldShortage = false

  init(
    tree: WatchedTree, queue: any WatchQueue, options: DirectoryWalker.Options, timing: FolderWatcher.Timing,
    parts: @escaping @Sendable () -> [FolderWatcher.Part]
  ) {
    (self.tree, self.queue, self.options, self.timing, self.parts) = (tree, queue, options, timing, parts)
    changes = ChangeDebouncer(quiet: timing.quiet, longest: timing.longest)
  }

  /// Waits for the next thing to do, and does it.
  ///
  /// - Returns: changes that are due.
  mutating func step() -> FolderChanges? {
    guard topsDue != nil else { return begin() }
    let events = queue.events(until: [changes.due, topsDue, pollDue].compactMap(\.self).min())
    let now = ContinuousClock.now
    if events.contains(where: { $0.has(IN_Q_OVERFLOW) }) {
      tree.rebuild()
      changes.add(at: now) { $0.needsRescan = true }
    } else {
      for event in events { take(event, at: now) }
    }
    if let due = topsDue, due <= now { checkParts(at: now) }
    if let due = pollDue, due <= now {
      tree.complete()
      changes.add(at: now) { $0.needsRescan = true }
      pollDue = nil
    }
    noteShortage(at: now)
    return changes.take(at: now)
  }

  /// Follows everything, then asks for a look at it.
  private mutating func begin() -> FolderChanges? {
    let now = ContinuousClock.now
    checkParts(at: now)
    noteShortage(at: now)
    changes.add(at: now) { $0.needsRescan = true }
    return changes.take(at: now + timing.longest)
  }

  // MARK: - Events

  private mutating func take(_ event: WatchEvent, at now: Instant) {
    guard let folder = tree.folder(of: event) else { return }
    if let name = event.name {
      if event.has(IN_ISDIR) {
        take(event, folder: name, in: folder, at: now)
      } else {
        take(event, file: name, in: folder, at: now)
      }
    } else {
      if event.has(IN_IGNORED) { tree.forget(event.watch) }
      if event.has(IN_UNMOUNT) { tree.forget(below: folder) }
      // Another folder tells that this one is gone, unless it is the topmost.
      if tree.isTop(folder) { topsDue = now }
    }
  }

  private mutating func take(
    _ event: WatchEvent, folder name: FilePath.Component, in parent: FilePath, at now: Instant
  ) {
    let path = parent.appending(name)
    if event.has(IN_CREATE, IN_MOVED_TO), tree.add(name, in: parent) {
      changes.add(at: now) { $0.folders.insert(path) }
    }
    guard event.has(IN_DELETE, IN_MOVED_FROM), !isPassedOver(name),
      !DirectoryWalker.isSystemFolder(name.string),
      !tree.isExcluded(path)
    else { return }
    if event.has(IN_MOVED_FROM) { tree.forget(below: path) }
    changes.add(at: now) { $0.folders.insert(parent) }
  }

  private mutating func take(
    _ event: WatchEvent, file name: FilePath.Component, in folder: FilePath, at now: Instant
  ) {
    if options.honoursIgnoreFiles, DirectoryWalker.ignoreFiles.contains(name.string) {
      guard !event.has(IN_CREATE) else { return }
      tree.refresh(folder)
    } else if isPassedOver(name) {
      return
    } else if event.has(IN_CREATE), !Self.isHardLink(folder.appending(name)) {
      // It is told again when it has been written and closed.
      return
    }
    changes.add(at: now) { $0.folders.insert(folder) }
  }

  private func isPassedOver(_ name: FilePath.Component) -> Bool {
    !options.includesHidden && name.string.utf8.first == UInt8(ascii: ".")
  }

  /// Whether a file that has just come has other names: then nobody has written it, and nobody will close it.
  private static func isHardLink(_ path: FilePath) -> Bool {
    var raw = stat()
    return path.withPlatformString { lstat($0, &raw) } == 0 && raw.st_mode & S_IFMT == S_IFREG
      && raw.st_nlink > 1
  }

  // MARK: - Parts

  private mutating func checkParts(at now: Instant) {
    let wanted = Set(parts())
    var haveChanged = tree.checkTops()
    for part in tree.parts.subtracting(wanted) { tree.leave(part) }
    for part in wanted.subtracting(tree.parts).sorted(by: { $0.path.string < $1.path.string }) {
      tree.follow(part)
      haveChanged = true
      noteNetworkDisk(part.path, at: now)
    }
    if haveChanged { changes.add(at: now) { $0.needsRescan = true } }
    topsDue = now + timing.tops
  }

  // MARK: - What is not told

  private mutating func noteNetworkDisk(_ path: FilePath, at now: Instant) {
    guard case .network(let kind)? = try? FileSystemKind(of: path), networkDisks.insert(path).inserted else {
      return
    }
    let seconds = timing.poll.components.seconds
    changes.add(at: now) {
      $0.notes.append(
        "\(path) is on a network disk (\(kind)), where this machine does not learn of other machines' changes: "
          + "everything is looked at every \(seconds) s")
    }
  }

  private mutating func noteShortage(at now: Instant) {
    let isShort = tree.shortage != nil
    if isShort || !networkDisks.isEmpty { pollDue = pollDue ?? now + timing.poll } else { pollDue = nil }
    guard isShort != hasToldShortage else { return }
    hasToldShortage = isShort
    let (seconds, count) = (timing.poll.components.seconds, tree.watchCount)
    let remedy =
      tree.shortage == .noSpace
      ? "raise fs.inotify.max_user_watches (sudo sysctl fs.inotify.max_user_watches=1048576)"
      : "raise fs.inotify.max_user_instances (sudo sysctl fs.inotify.max_user_instances=1024), or ulimit -n"
    changes.add(at: now) {
      $0.notes.append(
        isShort
          ? "the system lets only \(count) folders be watched, so everything is looked at every \(seconds) s: \(remedy)"
          : "all \(count) folders are watched now")
    }
  }
}
