// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import SystemPackage

/// The folders that are watched, and the watch of each: what a walk with the same options would enter.
///
/// A folder is watched before it is listed: what is made in it before that is in the list, what is made later is told.
struct WatchedTree {
  private let queue: any WatchQueue
  private let options: DirectoryWalker.Options
  private let excluded: Set<FilePath>
  /// By watch: the folder, absolute.
  private var folders: [CInt: FilePath] = [:]
  private var watches: [FilePath: CInt] = [:]
  /// Device and inode of what stands at the top of each part; nil where nothing does.
  private var tops: [FolderWatcher.Part: FileStatus?] = [:]
  /// Why some folders are not watched, though they should be: a limit of the system.
  private(set) var shortage: Errno?

  init(queue: any WatchQueue, options: DirectoryWalker.Options, excluded: [FilePath]) {
    self.queue = queue
    self.excluded = Set(excluded)
    var options = options
    options.meetsFolders = true
    self.options = options
  }

  /// The watched folder that an event is about.
  func folder(of event: WatchEvent) -> FilePath? { folders[event.watch] }

  /// Whether a folder is the top of a part.
  func isTop(_ folder: FilePath) -> Bool { tops.keys.contains { $0.path == folder } }

  var parts: Set<FolderWatcher.Part> { Set(tops.keys) }
  var watchCount: Int { folders.count }

  func isExcluded(_ folder: FilePath) -> Bool { excluded.contains(folder) }

  // MARK: - Parts

  /// Watches a part, as far as it is there; what is watched already stays so.
  mutating func follow(_ part: FolderWatcher.Part) {
    let status = Self.folderStatus(part.path)
    tops[part] = .some(status)
    guard status != nil, watch(part.path) else { return }
    addFolders(of: try? DirectoryWalker(root: part.root, from: part.start, options: options), root: part.root)
  }

  /// Ends the watches of a part.
  mutating func leave(_ part: FolderWatcher.Part) {
    tops[part] = nil
    forget(below: part.path)
  }

  /// Follows the parts anew of which another folder, or none, stands where they were: a disk came or went.
  ///
  /// - Returns: whether there were any.
  mutating func checkTops() -> Bool {
    var hasChanged = false
    for (part, known) in tops {
      let status = Self.folderStatus(part.path)
      let isOther = status?.inode != known?.inode || status?.device != known?.device
      // A new folder may have the old one's number.
      let wasEnded = status != nil && watches[part.path] == nil && shortage == nil
      guard isOther || wasEnded else { continue }
      forget(below: part.path)
      follow(part)
      hasChanged = hasChanged || isOther || watches[part.path] != nil
    }
    return hasChanged
  }

  /// Ends all watches and makes them anew: after events were lost nothing is known for sure.
  mutating func rebuild() {
    queue.reset()
    (folders, watches, shortage) = ([:], [:], nil)
    for part in parts { follow(part) }
  }

  /// Tries once more to watch what could not be watched for want of watches.
  mutating func complete() {
    guard shortage != nil else { return }
    shortage = nil
    for part in parts { follow(part) }
  }

  // MARK: - Folders

  /// Watches a new folder and those below, if a walk would enter it.
  ///
  /// - Returns: whether it would.
  mutating func add(_ name: FilePath.Component, in folder: FilePath) -> Bool {
    let path = folder.appending(name)
    guard let part = part(of: folder), !isExcluded(path) else { return false }
    let start = part.relative(folder)
    let walker = try? DirectoryWalker(root: part.root, from: start, onlyEntry: name, options: options)
    return addFolders(of: walker, root: part.root) > 0
  }

  /// Watches what a walk would enter below a folder now that its ignore files have changed, and nothing else.
  mutating func refresh(_ folder: FilePath) {
    guard let part = part(of: folder) else { return }
    forget(below: folder)
    guard watch(folder) else { return }
    addFolders(
      of: try? DirectoryWalker(root: part.root, from: part.relative(folder), options: options),
      root: part.root)
  }

  /// Ends the watches of a folder and of all below.
  ///
  /// - Complexity: O(watches).
  mutating func forget(below folder: FilePath) {
    for (path, watch) in watches where path.starts(with: folder) {
      queue.remove(watch)
      watches[path] = nil
      folders[watch] = nil
    }
  }

  /// Forgets a watch that the kernel has ended.
  mutating func forget(_ watch: CInt) {
    guard let path = folders.removeValue(forKey: watch), watches[path] == watch else { return }
    watches[path] = nil
  }

  /// Watches what a walk enters.
  ///
  /// - Returns: how many folders it met.
  @discardableResult
  private mutating func addFolders(of walker: DirectoryWalker?, root: FilePath) -> Int {
    guard let walker else { return 0 }
    var met = 0
    for case .folder(let relative) in walker {
      let path = root.pushing(relative)
      let isWanted = !isExcluded(path)
      if isWanted { met += 1 }
      if !isWanted || !watch(path) { walker.skipFolder() }
    }
    return met
  }

  /// Watches one folder.
  ///
  /// - Returns: whether to go on below it: not when it is gone, or there are no watches left.
  private mutating func watch(_ path: FilePath) -> Bool {
    do throws(Errno) {
      let watch = try queue.add(path)
      if let other = folders[watch], other != path {
        // It was moved here; or it is there too, mounted twice: then the first path is the one that is told.
        let (here, there) = (Self.folderStatus(path), Self.folderStatus(other))
        if let here, here.inode == there?.inode, here.device == there?.device { return false }
        if watches[other] == watch { watches[other] = nil }
      }
      // Another folder of this name was watched before.
      if let old = watches[path], old != watch, folders[old] == path { folders[old] = nil }
      folders[watch] = path
      watches[path] = watch
      return true
    } catch {
      switch error {
      case .noSpace, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory: shortage = error
      // Gone, or not to be read: a walk tells.
      default: break
      }
      return false
    }
  }

  /// The part that a folder is watched for, the innermost one.
  private func part(of folder: FilePath) -> FolderWatcher.Part? {
    tops.keys.filter { folder.starts(with: $0.path) }.max {
      $0.path.components.count < $1.path.components.count
    }
  }

  private static func folderStatus(_ path: FilePath) -> FileStatus? {
    guard let status = try? FileStatus(of: path, followsLinks: false), status.kind == .directory else {
      return nil
    }
    return status
  }
}
