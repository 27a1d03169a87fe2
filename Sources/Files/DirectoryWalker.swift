// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// A regular file that a walk met.
package struct WalkedFile: Sendable, Hashable {
  /// Relative to the root of the walk.
  package let path: FilePath
  /// Size, time, inode and device, from lstat(2).
  package let status: FileStatus
}

/// Something a walk had to leave out, to be shown to the user.
package struct WalkProblem: Sendable, Hashable, CustomStringConvertible {
  /// Relative to the root of the walk; need not be UTF-8.
  package let path: FilePath
  /// What is wrong.
  package let message: String

  /// `path: message`.
  package var description: String { "\(path.string): \(message)" }
}

/// Walks a folder and all below it, lazily: regular files in the order of their paths' bytes.
///
/// Hidden files, trash and thumbnail folders and what `.duetignore` and `.ignore` name are passed over;
/// symbolic links are not followed; a folder inside itself (a bind mount) is met once. What cannot be read is
/// a problem, not a failure. As in ripgrep a `.duetignore` anywhere above outranks every `.ignore`, of equal
/// files the deeper one outranks, and a `!pattern` brings back hidden files; files inside an ignored folder
/// cannot be brought back. Ignore files above the root do not count. Not recursive: depth costs no stack. One
/// thread at a time.
package final class DirectoryWalker: Sequence, IteratorProtocol {
  /// What a walk meets.
  package enum Event: Sendable, Hashable {
    case file(WalkedFile)
    /// A folder that is about to be entered, relative to the root: only with ``Options/meetsFolders``.
    case folder(FilePath)
    case problem(WalkProblem)
  }

  /// How to walk.
  package struct Options: Sendable {
    /// Whether files and folders whose names start with a dot are met.
    package var includesHidden = false
    /// Whether `.duetignore` and `.ignore` count.
    package var honoursIgnoreFiles = true
    /// Whether folders on other devices are passed over.
    package var staysOnFileSystem = false
    /// Whether folders are handed out instead of files, each before it is read, so that it can be watched from before
    /// that moment on. The start of the walk is not among them.
    package var meetsFolders = false
    package init() {}
  }

  /// What a walk has met so far.
  package struct Counts: Sendable, Hashable {
    /// Files handed out.
    package var files = 0
    /// Folders entered.
    package var folders = 0
    /// Hidden files and folders passed over.
    package var hidden = 0
    /// Files and folders passed over because of an ignore file.
    package var ignored = 0
    /// Symbolic links passed over.
    package var links = 0
    /// Trash, thumbnail and system folders passed over.
    package var systemFolders = 0
    /// Devices, pipes and sockets passed over.
    package var special = 0
    /// Folders on other devices passed over.
    package var otherDevices = 0
  }

  /// The root of the walk; paths are relative to it.
  package let root: FilePath
  /// What has been met so far.
  package private(set) var counts = Counts()

  private struct Level {
    /// Relative to the root; empty for the root itself.
    let path: String
    let entries: [DirectoryListing.Entry]
    var next = 0
    let status: FileStatus
    /// From the ignore files of this folder, by rank.
    let rules: [IgnoreRules?]
  }

  static let ignoreFiles = [".duetignore", ".ignore"]

  private let options: Options
  private let descriptor: FileDescriptor
  /// The folders from the root down to where the walk is. Those above its start have no entries.
  private var levels: [Level] = []
  private var waiting: [Event] = []
  /// The folder that was handed out and is entered next.
  private var upcoming: String?

  /// Opens a walk of `root`, or of the folder or file `start` (relative to it) inside.
  ///
  /// The rules of the folders between count, but `start` itself is walked even when they name it.
  ///
  /// - Parameter onlyEntry: the entry of `start` to which the walk keeps, by the same rules; nil for all.
  /// - Throws: ``FileError`` when the root or the start cannot be opened. All later trouble is an ``Event``.
  package init(
    root: FilePath, from start: FilePath = "", onlyEntry: FilePath.Component? = nil,
    options: Options = Options()
  ) throws(FileError) {
    self.root = root
    self.options = options
    do {
      descriptor = try FileDescriptor.open(root, .readOnly, options: [.directory, .closeOnExec])
    } catch {
      throw FileError(error as? Errno ?? .ioError, "open the folder", root)
    }
    try begin(at: start, onlyEntry)
  }

  deinit { try? descriptor.close() }

  /// The next file or problem.
  package func next() -> Event? {
    while true {
      if !waiting.isEmpty { return waiting.removeFirst() }
      if let path = upcoming {
        upcoming = nil
        if let event = enter(path) { return event }
      }
      guard var level = levels.popLast() else { return nil }
      guard level.next < level.entries.count else { continue }
      let entry = level.entries[level.next]
      level.next += 1
      levels.append(level)
      if let event = visit(entry, in: level.path) { return event }
    }
  }

  /// Does not enter the folder that was handed out last.
  package func skipFolder() { upcoming = nil }

  /// Enters the folders from the root to the start of the walk.
  private func begin(at start: FilePath, _ onlyEntry: FilePath.Component?) throws(FileError) {
    guard start.isRelative, !start.components.contains(where: { $0.kind != .regular }),
      let text = start.platformText
    else {
      throw FileError(.notFound, start, "a walk starts at a UTF-8 path inside its root, without '.' and '..'")
    }
    var path = ""
    var components = text.split(separator: "/").map(String.init)[...]
    while let component = components.popFirst() {
      levels.append(try level(path, listing: false))
      path = join(path, component)
      let status = FileStatus.at(descriptor.rawValue, FilePath(path), followsLinks: false)
      guard let status else { throw FileError(.lastError, "look at", root.pushing(FilePath(path))) }
      if status.kind == .regular, components.isEmpty {
        levels.removeAll()
        counts.files += 1
        waiting.append(.file(WalkedFile(path: FilePath(path), status: status)))
        return
      }
    }
    levels.append(try level(path, listing: true, only: onlyEntry.map { Array($0.string.utf8) }))
    counts.folders += 1
  }

  /// Handles one entry of a folder.
  private func visit(_ entry: DirectoryListing.Entry, in folder: String) -> Event? {
    guard let name = String(validating: entry.name, as: UTF8.self) else {
      if entry.name.first == UInt8(ascii: "."), !options.includesHidden {
        counts.hidden += 1
        return nil
      }
      let path = FilePath(folder).pushing(FilePath(bytes: entry.name))
      return .problem(WalkProblem(path: path, message: "the name is not UTF-8: rename it"))
    }
    let path = join(folder, name)
    switch entry.kind {
    case .symbolicLink: counts.links += 1
    case .other: counts.special += 1
    case .directory:
      if Self.isSystemFolder(name) {
        counts.systemFolders += 1
      } else if admits(path, name: name, isFolder: true) {
        return options.meetsFolders ? announce(path) : enter(path)
      }
    case .regular where options.meetsFolders: break
    case .regular where admits(path, name: name, isFolder: false):
      return file(path)
    case .regular: break
    }
    return nil
  }

  private func file(_ path: String) -> Event? {
    guard let status = FileStatus.at(descriptor.rawValue, FilePath(path), followsLinks: false) else {
      let failure = Errno.lastError
      // Removed since the folder was read: as if it had never been there.
      if failure == .noSuchFileOrDirectory { return nil }
      return problem(path, FileError(failure, "read the status", FilePath(path)).message)
    }
    guard status.kind == .regular else { return nil }
    counts.files += 1
    return .file(WalkedFile(path: FilePath(path), status: status))
  }

  /// Hands out a folder before it is entered.
  private func announce(_ path: String) -> Event? {
    if options.staysOnFileSystem, isElsewhere(path) {
      counts.otherDevices += 1
      return nil
    }
    upcoming = path
    return .folder(FilePath(path))
  }

  private func isElsewhere(_ path: String) -> Bool {
    let status = FileStatus.at(descriptor.rawValue, FilePath(path), followsLinks: false)
    return status?.device != levels.last?.status.device
  }

  private func enter(_ path: String) -> Event? {
    do {
      let level = try level(path, listing: true)
      if options.staysOnFileSystem, level.status.device != levels.last?.status.device {
        counts.otherDevices += 1
        return nil
      }
      let isLoop = levels.contains {
        $0.status.inode == level.status.inode && $0.status.device == level.status.device
      }
      if isLoop {
        return problem(path, "the folder is one of those it is in (a mount loop): not walked again")
      }
      counts.folders += 1
      levels.append(level)
      return nil
    } catch {
      return error.code == .notFound ? nil : problem(path, error.message)
    }
  }

  /// Opens a folder: reads its entries and its rules.
  private func level(_ path: String, listing: Bool, only: [UInt8]? = nil) throws(FileError) -> Level {
    let folder = path.isEmpty ? FilePath(".") : FilePath(path)
    let entries: DirectoryListing
    do {
      entries = try DirectoryListing(of: folder, relativeTo: descriptor.rawValue)
    } catch {
      throw FileError(error.code, root.pushing(FilePath(path)), error.message, errno: error.errno)
    }
    let rules = Self.ignoreFiles.map { name in
      entries.entries.contains { $0.kind != .directory && $0.name.elementsEqual(name.utf8) }
        ? readRules(join(path, name)) : nil
    }
    let met = listing ? entries.entries.filter { only == nil || $0.name == only } : []
    return Level(path: path, entries: met, status: entries.status, rules: rules)
  }

  private func readRules(_ path: String) -> IgnoreRules? {
    guard options.honoursIgnoreFiles else { return nil }
    do {
      let file = root.pushing(FilePath(path))
      let bytes = try readFile(file, limit: IgnoreRules.maximumSize)
      let (rules, problems) = IgnoreRules.parse(bytes)
      for found in problems {
        waiting.append(problem(path, "line \(found.line): \(found.message); the line is passed over"))
      }
      return rules.isEmpty ? nil : rules
    } catch {
      waiting.append(problem(path, error.message))
      return nil
    }
  }

  /// Whether hidden names and the rules of all folders above let a path through; counts it when not.
  private func admits(_ path: String, name: String, isFolder: Bool) -> Bool {
    for rank in Self.ignoreFiles.indices {
      for level in levels.reversed() {
        guard let rules = level.rules[rank] else { continue }
        let inside =
          level.path.isEmpty ? path[...] : Substring(path.utf8.dropFirst(level.path.utf8.count + 1))
        guard let verdict = rules.verdict(on: inside, isFolder: isFolder) else { continue }
        if verdict == .ignored { counts.ignored += 1 }
        return verdict == .included
      }
    }
    guard name.utf8.first == UInt8(ascii: "."), !options.includesHidden else { return true }
    counts.hidden += 1
    return false
  }

  private func problem(_ path: String, _ message: String) -> Event {
    .problem(WalkProblem(path: FilePath(path), message: message))
  }

  private func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder + "/" + name
  }

  /// Folders that hold no pictures of the user's: ours, thumbnails, trash cans, system folders.
  static func isSystemFolder(_ name: String) -> Bool {
    systemFolders.contains(name) || name.hasPrefix(".Trash-")
  }

  private static let systemFolders: Set<String> = [
    ".duet", "@eaDir", ".thumbnails", ".Trash", ".Trashes", "$RECYCLE.BIN", "#recycle", "@Recycle",
    "#snapshot",
    "@Recently-Snapshot", "System Volume Information", "lost+found", ".AppleDouble",
  ]
}

extension FilePath {
  /// The path as text, when its bytes are UTF-8.
  fileprivate var platformText: String? {
    withPlatformString { String(validatingCString: $0) }
  }
}
