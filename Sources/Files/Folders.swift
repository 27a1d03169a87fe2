// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// What is done to folders and names.
package enum Folders {
  /// Makes a folder and the missing ones above it; nothing happens when it is there. A new name survives a power loss.
  package static func create(_ folder: FilePath, permissions: UInt32 = 0o755) throws(FileError) {
    // Upwards to the first folder that can be made, then down again: no recursion, whatever the depth.
    var missing = [folder]
    while let next = missing.last {
      let above = AtomicFile.folder(of: next)
      if next.withPlatformString({ mkdir($0, permissions) }) == 0 {
        missing.removeLast()
        // A folder that may be written and not read cannot be synced.
        try? AtomicFile.syncDirectory(above)
        continue
      }
      let failure = Errno.lastError
      switch failure {
      case .fileExists:
        guard try FileStatus(of: next).kind == .directory else {
          throw FileError(.notDirectory, next, "a file of this name is in the way of the folder: move it")
        }
        missing.removeLast()
      case .noSuchFileOrDirectory where above != next && !missing.contains(above):
        missing.append(above)
      default: throw FileError(failure, "make the folder", next)
      }
    }
  }

  /// Whether this process may make files in `folder`: permissions and a mount that is not read-only.
  package static func isWritable(_ folder: FilePath) -> Bool {
    folder.withPlatformString { faccessat(AT_FDCWD, $0, W_OK | X_OK, AT_EACCESS) } == 0
  }

  /// The names in a folder, sorted by their bytes, without `.` and `..`; names that are not UTF-8 are left
  /// out.
  package static func names(in folder: FilePath) throws(FileError) -> [String] {
    try DirectoryListing(of: folder, relativeTo: AT_FDCWD, followsLinks: true).entries
      .compactMap { String(validating: $0.name, as: UTF8.self) }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Removes a file; returns false when there was none.
  @discardableResult
  package static func removeFile(_ path: FilePath) throws(FileError) -> Bool {
    if path.withPlatformString({ unlink($0) }) == 0 { return true }
    let failure = Errno.lastError
    guard failure != .noSuchFileOrDirectory else { return false }
    throw FileError(failure, "remove", path)
  }

  /// Gives a file of a cache today's time, so that what is in use is not cleared away as old. Advice only: never fails.
  package static func markUsed(_ path: FilePath) {
    guard let status = try? FileStatus(of: path), status.age > .seconds(86_400) else { return }
    _ = path.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
  }

  /// The bytes free for this user on the disk that holds `path`; nil when the system does not say.
  package static func freeSpace(at path: FilePath) -> Int? {
    var facts = statvfs()
    guard path.withPlatformString({ statvfs($0, &facts) }) == 0 else { return nil }
    return Int(exactly: facts.f_bavail.multipliedReportingOverflow(by: facts.f_frsize).partialValue)
  }
}
