// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Files

@Suite("Watched folders") struct FolderWatcherTests {
  @Test("A file made, written over, renamed, linked or removed is told by its folder")
  func files() async throws {
    let watched = try await WatchedFolder {
      for name in ["a/old", "b/old", "c/old", "d/from", "e/old"] { try $0.write("x", to: "root/\(name)") }
      try $0.write("x", to: "outside")
      try $0.write("x", to: "root/to/x")
    }
    try watched.write("a/new")
    #expect(try await watched.changed(until: "a") == ["a"])
    try watched.write("b/old", "y")
    #expect(try await watched.changed(until: "b") == ["b"])
    try watched.remove("c/old")
    #expect(try await watched.changed(until: "c") == ["c"])
    watched.move("d/from", to: "to/from")
    #expect(
      try await watched.changes { $0.folders.count == 2 }.folders == [watched.path("d"), watched.path("to")])
    #expect(link(watched.folder.path("outside"), watched.path("e/link").string) == 0)
    #expect(try await watched.changed(until: "e") == ["e"])
    watched.move("a/new", to: "../out")
    #expect(try await watched.changed(until: "a") == ["a"])
    watched.move("../out", to: "top")
    #expect(try await watched.changed(until: "") == [""])
  }

  @Test("Reads, attributes, links and files still being written are not told")
  func quiet() async throws {
    let watched = try await WatchedFolder {
      try $0.write("x", to: "root/a/file")
      try $0.write("x", to: "root/b/file")
    }
    _ = try Data(contentsOf: URL(filePath: watched.path("a/file").string))
    _ = try FileManager.default.contentsOfDirectory(atPath: watched.path("a").string)
    #expect(chmod(watched.path("a/file").string, 0o600) == 0)
    #expect(utimensat(AT_FDCWD, watched.path("a/file").string, nil, 0) == 0)
    #expect(symlink("file", watched.path("a/link").string) == 0)
    let descriptor = open(watched.path("a/growing").string, O_CREAT | O_WRONLY, 0o600)
    #expect(Glibc.write(descriptor, "x", 1) == 1)
    try watched.write("b/file", "y")
    #expect(try await watched.changed(until: "b") == ["b"])
    close(descriptor)
    #expect(try await watched.changed(until: "a") == ["a"])
  }

  @Test("Of new folders nothing is lost, however fast they are filled")
  func newFolders() async throws {
    let watched = try await WatchedFolder()
    var missing: Set<FilePath> = []
    for index in 0..<40 {
      try watched.write("new\(index)/deep/er/file")
      missing.insert(watched.path("new\(index)/deep/er"))
      if index % 3 == 0 { usleep(UInt32(index * 50)) }
    }
    // A folder that changed counts with all below it.
    while !missing.isEmpty {
      let changes = try #require(await watched.next(), "not told: \(missing)")
      #expect(!changes.needsRescan)
      missing = missing.filter { folder in !changes.folders.contains { folder.starts(with: $0) } }
    }
    for index in 0..<40 {
      try watched.write("new\(index)/deep/er/later")
      let changed = try await watched.changed(until: "new\(index)/deep/er")
      #expect(changed.allSatisfy { $0.hasPrefix("new") })
    }
  }

  @Test("A folder that was moved is followed under its new name, one that was moved out no more")
  func movedFolders() async throws {
    let watched = try await WatchedFolder {
      try $0.write("x", to: "root/a/sub/file")
      try $0.write("x", to: "root/b/sub/file")
      try $0.write("x", to: "elsewhere/c/sub/file")
    }
    watched.move("a", to: "moved")
    #expect(
      try await watched.changes { $0.folders.count == 2 }.folders == [
        watched.path(""), watched.path("moved"),
      ])
    try watched.write("moved/sub/file", "y")
    #expect(try await watched.changed(until: "moved/sub") == ["moved/sub"])
    watched.move("b", to: "../gone")
    #expect(try await watched.changed(until: "") == [""])
    try watched.folder.write("y", to: "gone/sub/file")
    watched.move("../elsewhere/c", to: "c")
    #expect(try await watched.changed(until: "c") == ["c"])
    try watched.write("c/sub/file", "y")
    #expect(try await watched.changed(until: "c/sub") == ["c/sub"])
    try watched.remove("c")
    #expect(try await watched.changed(until: "").contains(""))
    // The name is another folder's now.
    try watched.write("c/sub/file")
    _ = try await watched.changed(until: "c")
    try watched.write("c/sub/file", "y")
    #expect(try await watched.changed(until: "c/sub").contains("c/sub"))
  }

  @Test("What a walk passes over is not followed")
  func passedOver() async throws {
    let watched = try await WatchedFolder(excluding: ["library"]) {
      for name in [".duet/x", ".hidden/x", "@eaDir/x", "no/x", "library/segments/x", "yes/x"] {
        try $0.write("x", to: "root/\(name)")
      }
      try $0.write("no\n", to: "root/.ignore")
      try $0.write("x", to: "target/x")
    }
    let path = watched.path("link").string
    #expect(symlink("../target", path) == 0)
    for name in [".duet/x", ".hidden/x", "@eaDir/x", "no/x", "library/segments/x", ".dot", "link/x"] {
      try watched.write(name, "y")
    }
    try watched.make(".Trash-1000/files")
    try watched.make("library/more")
    try watched.make("no/more")
    try watched.remove(".hidden")
    try watched.write("yes/x", "y")
    #expect(try await watched.changed(until: "yes") == ["yes"])
    // Other rules: from now on the folder counts, and the other one does not.
    try watched.write(".ignore", "yes\n")
    #expect(try await watched.changed(until: "") == [""])
    try watched.write("yes/x", "z")
    try watched.write("no/more/x", "z")
    #expect(try await watched.changed(until: "no/more") == ["no/more"])
  }

  @Test("Hidden files are followed when a walk meets them")
  func hidden() async throws {
    var options = DirectoryWalker.Options()
    options.includesHidden = true
    let watched = try await WatchedFolder(options: options) {
      try $0.write("x", to: "root/.hidden/x")
      try $0.write("x", to: "root/.duet/x")
    }
    try watched.write(".duet/x", "y")
    try watched.write(".hidden/x", "y")
    #expect(try await watched.changed(until: ".hidden") == [".hidden"])
    try watched.write(".dot", "y")
    #expect(try await watched.changed(until: "") == [""])
  }

  @Test("A name that is not UTF-8 stops nothing")
  func names() async throws {
    let watched = try await WatchedFolder()
    let odd = Array(watched.path("m").string.utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
    #expect(mkdir(odd, 0o700) == 0)
    #expect(close(open(odd.dropLast() + Array("/x".utf8CString), O_CREAT | O_WRONLY, 0o600)) == 0)
    #expect(close(open(odd.dropLast() + Array("y".utf8CString), O_CREAT | O_WRONLY, 0o600)) == 0)
    #expect(try await watched.changed(until: "") == [""])
  }

  @Test("After events were lost everything is to be looked at, and followed again")
  func overflow() async throws {
    let watched = try await WatchedFolder {
      try $0.write("x", to: "root/a/x")
      try $0.write("x", to: "root/b/x")
    }
    watched.queue.startLosing()
    try watched.write("new/deep/x")
    watched.move("a", to: "c")
    try watched.remove("b")
    try watched.make("b")
    watched.queue.overflow()
    #expect(try await watched.changes { $0.needsRescan }.needsRescan)
    for name in ["new/deep", "b", "c"] {
      try watched.write("\(name)/x", "y")
      #expect(try await watched.changed(until: name) == [name])
    }
  }

  @Test("Without watches everything is looked at now and then, until there are enough")
  func limit() async throws {
    let watched = try await WatchedFolder(limit: 3, poll: .milliseconds(200)) { folder in
      for index in 0..<6 { try folder.write("x", to: "root/\(index)/x") }
    }
    // The note came with the first look at everything, or comes with the next.
    let rescan = try #require(await watched.next())
    #expect(rescan.needsRescan)
    watched.queue.allow(100)
    let enough = try await watched.changes { !$0.notes.isEmpty }
    #expect(enough.notes == ["all 7 folders are watched now"])
    for index in 0..<6 {
      try watched.write("\(index)/x", "y")
      let name = "\(index)"
      _ = try await watched.changes { $0.folders.contains(watched.path(name)) }
    }
  }

  @Test("The note about watches names the setting to raise")
  func limitNote() async throws {
    let folder = try TemporaryDirectory()
    for index in 0..<6 { try folder.write("x", to: "\(index)/x") }
    let root = FilePath(folder.path)
    let watcher = FolderWatcher(
      queue: try ForgetfulQueue(limit: 3), options: .init(),
      timing: WatchedFolder.timing(poll: .seconds(60)), parts: { [FolderWatcher.Part(root: root)] })
    let first = try #require(await watcher.next())
    #expect(first.needsRescan && first.notes.count == 1)
    #expect(first.notes.first?.contains("only 3 folders") == true)
    #expect(first.notes.first?.contains("fs.inotify.max_user_watches") == true)
  }

  @Test("A top folder that vanishes and comes back is to be looked at both times")
  func vanishing() async throws {
    let watched = try await WatchedFolder { try $0.write("x", to: "root/a/x") }
    for _ in 0..<2 {
      #expect(rename(watched.path("").string, watched.folder.path("away")) == 0)
      #expect(try await watched.changes { $0.needsRescan }.needsRescan)
      #expect(rename(watched.folder.path("away"), watched.path("").string) == 0)
      #expect(try await watched.changes { $0.needsRescan }.needsRescan)
      try watched.write("a/x", "y")
      #expect(try await watched.changed(until: "a") == ["a"])
    }
    // Another folder of the same name, perhaps of the same number.
    try watched.remove("")
    try watched.make("b")
    _ = try await watched.changes { $0.needsRescan }
    try watched.write("b/x")
    // It is told, or comes before the second look at everything.
    _ = try await watched.changes { $0.needsRescan || $0.folders.contains(watched.path("b")) }
  }

  @Test("A disk mounted over a top folder is to be looked at, and a part on another disk is not entered")
  func mounts() async throws {
    var options = DirectoryWalker.Options()
    options.staysOnFileSystem = true
    let watched = try await WatchedFolder(options: options) {
      try $0.write("x", to: "root/disk/x")
      try $0.write("x", to: "root/a/x")
    }
    // Only root may mount.
    guard mount("tmpfs", watched.path("").string, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { umount2(watched.path("").string, 2) }
    #expect(try await watched.changes { $0.needsRescan }.needsRescan)
    try watched.write("new/x")
    #expect(try await watched.changed(until: "new") == ["new"])
    #expect(umount2(watched.path("").string, 2) == 0)
    #expect(try await watched.changes { $0.needsRescan }.needsRescan)
    try watched.write("a/x", "y")
    #expect(try await watched.changed(until: "a") == ["a"])
  }

  @Test("Only a part of a root may be followed; parts come and go")
  func parts() async throws {
    let folder = try TemporaryDirectory()
    for name in ["a/b/x", "a/no/x", "c/x"] { try folder.write("x", to: name) }
    try folder.write("no\n", to: ".ignore")
    try folder.write("c\n", to: "wanted")
    let root = FilePath(folder.path)
    let watcher = try FolderWatcher(timing: WatchedFolder.timing(poll: .seconds(60))) {
      // Read by the watcher's thread: the test changes it.
      let wanted = (try? readFile(root.appending("wanted"), limit: 100)) ?? []
      return String(decoding: wanted, as: UTF8.self).split(separator: "\n").map {
        FolderWatcher.Part(root: root, start: FilePath(String($0)))
      }
    }
    #expect(await watcher.next()?.needsRescan == true)
    try folder.write("a\n", to: "wanted")
    #expect(await watcher.next()?.needsRescan == true)
    try folder.write("y", to: "c/x")
    try folder.write("y", to: "a/no/x")
    try folder.write("y", to: "a/b/x")
    #expect(await watcher.next()?.folders == [root.appending("a/b")])
  }

  @Test("Cancelling the task, the watcher, or letting go of it ends the wait and the thread")
  func cancelling() async throws {
    let watched = try await WatchedFolder()
    let waiting = Task { [watcher = watched.watcher] in await watcher.next() }
    waiting.cancel()
    #expect(await waiting.value == nil)
    // The watcher goes on for others.
    try watched.write("x")
    #expect(try await watched.changed(until: "") == [""])
    let other = Task { [watcher = watched.watcher] in
      for await _ in watcher {}
      return true
    }
    watched.watcher.cancel()
    #expect(await other.value)
    #expect(await watched.watcher.next() == nil)

    weak var queue: ForgetfulQueue?
    do {
      let left = try await WatchedFolder()
      queue = left.queue
      #expect(queue != nil)
    }
    let deadline = ContinuousClock.now + .seconds(30)
    while queue != nil, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
    #expect(queue == nil)
  }

  @Test("Changes that are not fetched gather")
  func gathering() async throws {
    let watched = try await WatchedFolder()
    try watched.make("a")
    try watched.make("b")
    _ = try await watched.changes { $0.folders.count == 2 }
    try watched.write("a/x")
    try await Task.sleep(for: .milliseconds(300))
    try watched.write("b/x")
    let changes = try await watched.changes { $0.folders.contains(watched.path("b")) }
    #expect(changes.folders == [watched.path("a"), watched.path("b")])
    #expect(watched.watcher.changesSoFar().isEmpty)
  }
}

@Suite("Gathering changes") struct ChangeDebouncerTests {
  private let start = ContinuousClock.now
  private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

  @Test("They are due when it has been quiet, and once")
  func quiet() {
    var changes = ChangeDebouncer(quiet: .milliseconds(500), longest: .seconds(10))
    #expect(changes.due == nil && changes.take(at: at(0)) == nil)
    changes.add(at: at(0)) { $0.folders.insert("/a") }
    changes.add(at: at(400)) { $0.folders.insert("/b") }
    #expect(changes.due == at(900) && changes.take(at: at(899)) == nil)
    #expect(changes.take(at: at(900))?.folders == ["/a", "/b"])
    #expect(changes.due == nil && changes.take(at: at(5000)) == nil)
  }

  @Test("They are due after a while though it is never quiet")
  func longest() {
    var changes = ChangeDebouncer(quiet: .milliseconds(500), longest: .seconds(10))
    for index in 0..<99 {
      changes.add(at: at(index * 100)) { $0.needsRescan = true }
      #expect(changes.take(at: at(index * 100)) == nil)
    }
    #expect(changes.due == at(10_000))
    #expect(changes.take(at: at(10_000))?.needsRescan == true)
    changes.add(at: at(10_100)) { $0.folders.insert("/c") }
    #expect(changes.due == at(10_600))
  }
}

@Suite("The kernel's events") struct InotifyTests {
  private func event(_ watch: CInt, _ mask: UInt32, _ name: [UInt8]) -> [UInt8] {
    [UInt32(bitPattern: watch), mask, 0, UInt32(name.count)].flatMap { word in
      withUnsafeBytes(of: word.littleEndian) { Array($0) }
    } + name
  }

  @Test("Are read with and without names, and not past the end")
  func parse() {
    let bytes =
      event(1, 8, Array("file\0\0\0\0".utf8)) + event(-1, 0x4000, []) + event(2, 0x100, [0xFF, 0x41, 0, 0])
    let events = Inotify.parse(bytes[...])
    #expect(events.map(\.watch) == [1, -1, 2])
    #expect(events[0].name == "file" && events[1].name == nil)
    #expect(events[2].name?.withPlatformString { strlen($0) } == 2)
    #expect(events[1].has(IN_Q_OVERFLOW) && !events[0].has(IN_Q_OVERFLOW))
    for length in 0..<bytes.count { #expect(Inotify.parse(bytes[..<length]).count <= 3) }
    #expect(Inotify.parse(event(1, 8, [])[...] + [UInt8](repeating: 0xFF, count: 40)).count == 1)
    #expect(Inotify.parse(bytes[24...]).count == 2)
  }
}
