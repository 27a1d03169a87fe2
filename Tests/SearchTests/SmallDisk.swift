// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import SystemPackage
import TestSupport

/// A memory disk of a few kilobytes, to fill up. Needs root.
final class SmallDisk {
  /// Why tests that need one are skipped.
  static let need: String = "needs root: mounts a small memory disk"
  static let isPossible: Bool = {
    guard geteuid() == 0, let disk = try? SmallDisk(kilobytes: 64) else { return false }
    return disk.isMounted
  }()

  private let mountPoint: TemporaryDirectory
  private(set) var isMounted = false

  var path: FilePath { FilePath(mountPoint.path) }

  init(kilobytes: Int) throws {
    mountPoint = try TemporaryDirectory()
    isMounted = try Self.run([
      "mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "duet-test", mountPoint.path,
    ])
  }

  /// Gives the disk another size, with all that is on it.
  func resize(kilobytes: Int) throws {
    guard try Self.run(["mount", "-o", "remount,size=\(kilobytes)k", mountPoint.path]) else {
      throw POSIXError(.EBUSY)
    }
  }

  /// Waits while a file is open for writing: children of other tests share our open files until they exec.
  func makeReadOnly(_ isReadOnly: Bool) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try !Self.run(["mount", "-o", "remount,\(isReadOnly ? "ro" : "rw")", mountPoint.path]) {
      guard ContinuousClock.now < deadline else { throw POSIXError(.EBUSY) }
      usleep(20_000)
    }
  }

  /// Shows a folder at another place too.
  static func bind(_ folder: String, to place: String) throws -> Bool {
    try run(["mount", "--bind", folder, place])
  }

  static func unmount(_ place: String) { _ = try? run(["umount", "-l", place]) }

  deinit { if isMounted { Self.unmount(mountPoint.path) } }

  private static func run(_ command: [String]) throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
