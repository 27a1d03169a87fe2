// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite("Directory walks")
struct DirectoryWalkerTests {
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func make(_ names: String...) throws { for name in names { try folder.write("x", to: name) } }

  private func walk(
    _ options: DirectoryWalker.Options = .init(), from start: String = ""
  ) throws -> (files: [String], problems: [WalkProblem], counts: DirectoryWalker.Counts) {
    let walker = try DirectoryWalker(root: FilePath(folder.path), from: FilePath(start), options: options)
    var files: [String] = []
    var problems: [WalkProblem] = []
    for event in walker {
      switch event {
      case .file(let file): files.append(file.path.string)
      case .folder: break
      case .problem(let problem): problems.append(problem)
      }
    }
    #expect(walker.counts.files == files.count)
    return (files, problems, walker.counts)
  }

  @Test("Files come in the order of their whole paths' bytes")
  func order() throws {
    try make("b/2", "b/10", "b.txt", "b-1", "a", "Z", "é", "日/本", "b/a/c", "b/a.x", "ab/c")
    let files = try walk().files
    #expect(files == files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(files.count == 11)
    #expect(try walk().files == files)
  }

  @Test("A file's status comes with it")
  func status() throws {
    try folder.write("12345", to: "sub/a")
    let walker = try DirectoryWalker(root: FilePath(folder.path))
    guard case .file(let file)? = walker.next() else { return #expect(Bool(false)) }
    #expect(try file.status == FileStatus(of: FilePath(folder.path("sub/a"))))
    #expect(file.status.size == 5)
    #expect(walker.next() == nil)
  }

  @Test("Hidden files, our own folder, thumbnails and trash are passed over and counted")
  func skips() throws {
    try make(
      "a", ".hidden", ".dir/x", ".duet/catalog", "@eaDir/t", ".thumbnails/t", ".Trash-1000/t",
      "$RECYCLE.BIN/t", "sub/#recycle/t")
    var (files, problems, counts) = try walk()
    #expect(files == ["a"])
    #expect(problems.isEmpty)
    #expect(counts.hidden == 2)
    #expect(counts.systemFolders == 6)
    var options = DirectoryWalker.Options()
    options.includesHidden = true
    (files, problems, counts) = try walk(options)
    #expect(files == [".dir/x", ".hidden", "a"])
  }

  @Test("Links are not followed, devices and pipes not met")
  func special() throws {
    try make("a", "real/b")
    for (link, target) in [("l1", "a"), ("l2", "real"), ("up", ".."), ("self", "self")] {
      try FileManager.default.createSymbolicLink(atPath: folder.path(link), withDestinationPath: target)
    }
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    let (files, problems, counts) = try walk()
    #expect(files == ["a", "real/b"])
    #expect(problems.isEmpty)
    #expect(counts.links == 4)
    #expect(counts.special == 1)
  }

  @Test("Ignore files count where they lie and below")
  func ignores() throws {
    try make(
      "a.jpg", "a.tmp", "build/x.jpg", "sub/a.tmp", "sub/keep.tmp", "sub/deep/b.jpg", "sub/deep/c.jpg",
      "other/b.jpg", ".shown")
    try folder.write("*.tmp\nbuild/\n!.shown\n", to: ".ignore")
    try folder.write("!keep.tmp\n/deep/b.jpg\n[bad\n", to: "sub/.ignore")
    let (files, problems, counts) = try walk()
    #expect(files == [".shown", "a.jpg", "other/b.jpg", "sub/deep/c.jpg", "sub/keep.tmp"])
    #expect(counts.ignored == 4)
    #expect(problems.map(\.path) == ["sub/.ignore"])
    #expect(problems.first?.message.hasPrefix("line 3: ") == true)
    var options = DirectoryWalker.Options()
    options.honoursIgnoreFiles = false
    #expect(try walk(options).files.count == 8)
  }

  @Test("A .duetignore above outranks an .ignore below; ignored folders stay shut")
  func precedence() throws {
    try make("sub/a.jpg", "sub/b.jpg", "shut/a.jpg")
    try folder.write("!a.jpg\nshut\n", to: ".duetignore")
    try folder.write("*.jpg\n", to: "sub/.ignore")
    try folder.write("!a.jpg\n", to: "shut/.duetignore")
    #expect(try walk().files == ["sub/a.jpg"])
  }

  @Test("A walk of a part keeps the paths and the rules of the whole")
  func parts() throws {
    try make("sub/in/a.jpg", "sub/in/a.tmp", "sub/b", "z")
    try folder.write("*.tmp\n", to: ".ignore")
    #expect(try walk(from: "sub/in").files == ["sub/in/a.jpg"])
    #expect(try walk(from: "sub").files == ["sub/b", "sub/in/a.jpg"])
    #expect(try walk(from: "sub/b").files == ["sub/b"])
    #expect(try walk(from: "sub/in/a.tmp").files == ["sub/in/a.tmp"])
    expect(.notFound) { try walk(from: "none") }
    expect(.notFound) { try walk(from: "../x") }
    expect(.notFound) { try walk(from: "/etc") }
    expect(.notFound) { try DirectoryWalker(root: FilePath(folder.path("none"))) }
    expect(.notDirectory) { try DirectoryWalker(root: FilePath(folder.path("z"))) }
  }

  @Test("Folders can be met instead of files, each before it is read")
  func folders() throws {
    try make("a/b/x", "a/c/x", "shut/d/x", ".hidden/x", "@eaDir/x", "z/x")
    try folder.write("c\n", to: "a/.ignore")
    var options = DirectoryWalker.Options()
    options.meetsFolders = true
    let walker = try DirectoryWalker(root: FilePath(folder.path), options: options)
    var met: [String] = []
    for case .folder(let path) in walker {
      met.append(path.string)
      if path == "shut" { walker.skipFolder() }
      // What is made before the walk goes on is met.
      if path == "a/b" { try make("a/b/new/x") }
    }
    #expect(met == ["a", "a/b", "a/b/new", "shut", "z"])
    #expect(walker.counts.files == 0)
  }

  @Test("A walk can keep to one entry of a folder, by the rules of all above")
  func oneEntry() throws {
    try make("a/b/x", "a/c/x", "a/no/x")
    try folder.write("no\n", to: ".ignore")
    func walk(_ name: FilePath.Component) throws -> [DirectoryWalker.Event] {
      var options = DirectoryWalker.Options()
      options.meetsFolders = true
      return Array(
        try DirectoryWalker(root: FilePath(folder.path), from: "a", onlyEntry: name, options: options))
    }
    #expect(try walk("b") == [.folder("a/b")])
    #expect(try walk("no").isEmpty && walk("gone").isEmpty)
  }

  @Test("A name that is not UTF-8 is a problem, and the rest goes on")
  func badNames() throws {
    try make("a", "z")
    let name: [CChar] = Array(folder.path("m").utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
    #expect(close(open(name, O_CREAT | O_WRONLY, 0o600)) == 0)
    let (files, problems, _) = try walk()
    #expect(files == ["a", "z"])
    #expect(problems.count == 1)
    #expect(problems.first?.message.contains("UTF-8") == true)
    #expect(problems.first?.path.withPlatformString { strlen($0) } == 2)
  }

  @Test("A folder that cannot be read is a problem, and the rest goes on")
  func unreadable() throws {
    try make("a", "shut/x", "z")
    #expect(chmod(folder.path("shut"), 0) == 0)
    defer { chmod(folder.path("shut"), 0o700) }
    // Root reads everything; only other users can show this.
    guard geteuid() != 0 else { return }
    let (files, problems, _) = try walk()
    #expect(files == ["a", "z"])
    #expect(problems.map(\.path) == ["shut"])
  }

  @Test("A folder mounted inside itself is met once")
  func mountLoop() throws {
    try make("top/a", "top/loop/x")
    // Only root may mount.
    guard mount(folder.path("top"), folder.path("top/loop"), nil, UInt(MS_BIND), nil) == 0 else { return }
    defer { umount2(folder.path("top/loop"), 2) }
    let (files, problems, _) = try walk()
    #expect(files == ["top/a"])
    #expect(problems.map(\.path) == ["top/loop"])
  }

  @Test("Other devices are walked, unless that is not wanted")
  func devices() throws {
    try make("a", "disk/x")
    guard mount("tmpfs", folder.path("disk"), "tmpfs", 0, "size=64k") == 0 else { return }
    defer { umount2(folder.path("disk"), 2) }
    try make("disk/y")
    var options = DirectoryWalker.Options()
    #expect(try walk(options).files == ["a", "disk/y"])
    options.staysOnFileSystem = true
    let (files, _, counts) = try walk(options)
    #expect(files == ["a"])
    #expect(counts.otherDevices == 1)
  }

  @Test("Folders deeper than a path can be long are a problem, not a crash")
  func deep() throws {
    var current = open(folder.path, O_RDONLY | O_DIRECTORY)
    let name = String(repeating: "d", count: 200)
    for _ in 0..<30 {
      #expect(mkdirat(current, name, 0o700) == 0)
      let next = openat(current, name, O_RDONLY | O_DIRECTORY)
      close(current)
      current = next
    }
    close(current)
    try make("z")
    let (files, problems, counts) = try walk()
    #expect(files == ["z"])
    #expect(problems.count == 1)
    #expect(problems.first?.message.contains("too long") == true)
    #expect(counts.folders > 15)
  }
}
