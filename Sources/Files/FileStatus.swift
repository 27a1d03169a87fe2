// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// What the file system knows about a file: the part of stat(2) that Duet uses.
package struct FileStatus: Sendable, Hashable {
  /// What a path names.
  package enum Kind: Sendable, Hashable { case regular, directory, symbolicLink, other }

  /// What the path names.
  package let kind: Kind
  /// The length in bytes.
  package let size: Int
  /// When the content last changed, in nanoseconds since 1970.
  package let modified: Int64
  /// The file's number on its device.
  package let inode: UInt64
  /// The device (the mounted file system) that holds the file.
  package let device: UInt64
  /// The nine permission bits and the three above them.
  package let permissions: UInt32
  /// The numeric id of the owner.
  package let owner: UInt32

  /// How long ago the content last changed by the system's clock; negative for a time to come.
  package var age: Duration {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec) - .nanoseconds(modified)
  }

  /// Asks for the status of a path, or of the link itself with `followsLinks: false`.
  package init(of path: FilePath, followsLinks: Bool = true) throws(FileError) {
    guard let status = FileStatus.at(AT_FDCWD, path, followsLinks: followsLinks) else {
      throw FileError(.lastError, "read the status", path)
    }
    self = status
  }

  /// The status of an open file.
  init(of descriptor: FileDescriptor, path: FilePath) throws(FileError) {
    var raw = stat()
    guard fstat(descriptor.rawValue, &raw) == 0 else {
      throw FileError(.lastError, "read the status", path)
    }
    self.init(raw)
  }

  /// The status of `path` relative to an open folder, or nil with `errno` set.
  static func at(_ folder: CInt, _ path: FilePath, followsLinks: Bool) -> FileStatus? {
    var raw = stat()
    let result = path.withPlatformString {
      fstatat(folder, $0, &raw, followsLinks ? 0 : AT_SYMLINK_NOFOLLOW)
    }
    return result == 0 ? FileStatus(raw) : nil
  }

  private init(_ raw: stat) {
    kind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      default: .other
      }
    size = Int(raw.st_size)
    // Wrapping: a damaged file system may report any time.
    modified = Int64(raw.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_mtim.tv_nsec)
    inode = UInt64(raw.st_ino)
    device = UInt64(raw.st_dev)
    permissions = raw.st_mode & 0o7777
    owner = raw.st_uid
  }
}

extension Errno {
  /// The calling thread's `errno`; read at once after the call that set it.
  static var lastError: Errno { Errno(rawValue: Glibc.errno) }
}
