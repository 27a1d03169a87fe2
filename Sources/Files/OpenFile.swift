// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// A regular file that is open for reading; closed when the last reference goes.
///
/// What was checked when it was opened stays true of it: another file that takes its name later is another file. For
/// users' files, which may change or shrink meanwhile, so bytes are copied and never mapped. Any number of threads may
/// read at once.
package final class OpenFile: Sendable {
  /// The name it was opened by.
  package let path: FilePath
  /// What the file system said when it was opened: size, time in nanoseconds, inode, device.
  package let status: FileStatus
  private let descriptor: FileDescriptor

  /// Takes over `descriptor`, and closes it when it is no regular file.
  ///
  /// - Throws: ``FileError``, `notRegularFile`.
  fileprivate init(_ descriptor: FileDescriptor, path: FilePath) throws(FileError) {
    do {
      status = try regularFileStatus(of: descriptor, path: path)
    } catch {
      try? descriptor.close()
      throw error
    }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { try? descriptor.close() }

  /// The length in bytes when it was opened.
  package var size: Int { status.size }
  /// When the content had last changed, in nanoseconds since 1970.
  package var modified: Int64 { status.modified }
  /// The file's number on its device.
  package var inode: UInt64 { status.inode }

  /// Whether the file has the size and the time that it had when it was opened: what was read since is all of one content.
  package var isUnchanged: Bool {
    guard let now = try? regularFileStatus(of: descriptor, path: path) else { return false }
    return now.size == size && now.modified == modified
  }

  /// Reads from `offset` on.
  ///
  /// - Returns: `count` bytes; fewer at the end of the file, or where the file has become shorter. What was appended since
  ///   it was opened is not there.
  /// - Throws: ``FileError`` when the disk fails.
  /// - Precondition: `offset` and `count` are not negative.
  /// - Complexity: O(bytes returned); no more memory than these.
  package func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0, "no such part of a file")
    let wanted = min(count, max(0, size - offset))
    guard wanted > 0 else { return [] }
    do {
      return try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
        let raw = UnsafeMutableRawBufferPointer(buffer)
        while filled < wanted {
          let rest = UnsafeMutableRawBufferPointer(rebasing: raw[filled...])
          let got = try descriptor.read(fromAbsoluteOffset: Int64(offset + filled), into: rest)
          if got == 0 { break }
          filled += got
        }
      }
    } catch {
      throw FileError(error as? Errno ?? .ioError, "read", path)
    }
  }
}

/// Opens a regular file that lies beneath a folder, wherever its path tries to lead.
///
/// The path is walked one folder at a time, each opened within the one before, so that nothing that happens to names on
/// the way leads out of the root: `..`, an absolute path and symbolic links (the last component included) are refused.
/// The root itself may be a link. Neither a pipe nor a device makes the caller wait.
///
/// - Parameters:
///   - path: relative to the root; need not be UTF-8.
///   - root: the folder that the file must lie in.
/// - Throws: ``FileError``: `notFound` also for a path that is empty, absolute or has `.` or `..` in it; `notDirectory`
///   where a component before the last is a link or a file; `notRegularFile` where the last is a link, a folder, a pipe or
///   a device.
/// - Complexity: one system call per component.
package func openBeneath(_ path: FilePath, root: FilePath) throws(FileError) -> OpenFile {
  guard path.isRelative, let name = path.lastComponent,
    path.components.allSatisfy({ $0.kind == .regular })
  else {
    throw FileError(.notFound, path, "name a file by its path inside the folder, without '.' and '..'")
  }
  // The folder at hand; nothing but going on from it is done with it, so it need not be readable.
  var folder = try openFolder(root, in: AT_FDCWD, named: root, flags: 0)
  defer { try? folder.close() }
  for component in path.components.dropLast() {
    let next = try openFolder(
      FilePath(root: nil, components: component), in: folder.rawValue, named: path, flags: O_NOFOLLOW)
    try? folder.close()
    folder = next
  }
  // A pipe without a writer would make open(2) wait, but for O_NONBLOCK.
  let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
  let file = FilePath(root: nil, components: name).withPlatformString { openat(folder.rawValue, $0, flags) }
  guard file >= 0 else {
    let failure = Errno.lastError
    // A socket.
    guard failure != .noSuchAddressOrDevice else {
      throw FileError(.notRegularFile, path, "this is no regular file: name one", errno: failure)
    }
    throw FileError(failure, "open", path)
  }
  return try OpenFile(FileDescriptor(rawValue: file), path: root.pushing(path))
}

/// As ``openBeneath(_:root:)-(FilePath,_)``, for text from outside: a path with a NUL in it is `notFound`, not cut there.
package func openBeneath(_ path: String, root: FilePath) throws(FileError) -> OpenFile {
  guard !path.utf8.contains(0) else {
    throw FileError(.notFound, FilePath(path), "no name has a NUL in it")
  }
  return try openBeneath(FilePath(path), root: root)
}

private func openFolder(
  _ folder: FilePath, in base: CInt, named path: FilePath, flags: CInt
) throws(FileError) -> FileDescriptor {
  let flags = pathOnlyFlag | O_DIRECTORY | O_CLOEXEC | flags
  let descriptor = folder.withPlatformString { openat(base, $0, flags) }
  guard descriptor >= 0 else { throw FileError(.lastError, "open the folder", path) }
  return FileDescriptor(rawValue: descriptor)
}

/// Linux's O_PATH, which Swift's Glibc leaves out: to go on from a folder takes no permission to read it.
private let pathOnlyFlag: CInt = 0o10_000_000
