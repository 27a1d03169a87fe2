// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// What went wrong with a file, and what to do about it.
package struct FileError: Error, CustomStringConvertible, Sendable {
  /// The kind of failure, for callers that act on it.
  package enum Code: Sendable, Hashable {
    /// There is no such file or folder.
    case notFound
    /// The user may not do this.
    case permissionDenied
    /// The file system is mounted read-only.
    case readOnly
    /// The path is no regular file (a folder, a device, a pipe, a link where none is wanted).
    case notRegularFile
    /// The path is no folder.
    case notDirectory
    /// The file is larger than the caller allows.
    case tooLarge
    /// The file has another size than the one that was written.
    case sizeMismatch
    /// The file lives on a network file system, where maps and locks cannot be trusted.
    case networkFileSystem
    /// The disk or the user's quota is full.
    case outOfSpace
    /// Another process holds the lock.
    case locked
    /// The bytes are cut short or make no sense.
    case malformed
    /// Any other error of the operating system.
    case system
  }

  /// The kind of failure.
  package let code: Code
  /// The file it happened to.
  package let path: FilePath
  /// What is wrong and what to do, without the path.
  package let message: String
  /// The error of the operating system behind it, where there is one.
  package let errno: Errno?

  package init(_ code: Code, _ path: FilePath, _ message: String, errno: Errno? = nil) {
    self.code = code
    self.path = path
    self.message = message
    self.errno = errno
  }

  /// `path: message`.
  package var description: String { "\(path.string): \(message)" }
}

extension FileError {
  /// The error for a system call that failed while doing `action` ("open", "write"); see errno(3).
  init(_ errno: Errno, _ action: String, _ path: FilePath) {
    let (code, remedy): (Code, String) =
      switch errno {
      case .noSuchFileOrDirectory: (.notFound, "check the name, or whether a disk is not mounted")
      case .permissionDenied, .notPermitted: (.permissionDenied, "check owner and permissions")
      case .readOnlyFileSystem: (.readOnly, "choose a folder that can be written")
      case .isDirectory: (.notRegularFile, "name a file, not a folder")
      case .tooManySymbolicLinkLevels: (.notRegularFile, "name the file itself, not a symbolic link")
      case .notDirectory: (.notDirectory, "name a folder")
      case .noSpace: (.outOfSpace, "the disk is full: free some space and run the command again")
      case Errno(rawValue: 122): (.outOfSpace, "the disk quota is used up: free some space")  // EDQUOT
      case .fileTooLarge: (.outOfSpace, "the file size limit is reached (ulimit -f, or the file system's)")
      case .tooManyOpenFiles, .tooManyOpenFilesInSystem: (.system, "too many open files: raise ulimit -n")
      case .fileNameTooLong: (.system, "the path is too long for this system")
      default: (.system, "the operating system refused")
      }
    self.init(code, path, "cannot \(action): \(errno.description) (\(remedy))", errno: errno)
  }
}
