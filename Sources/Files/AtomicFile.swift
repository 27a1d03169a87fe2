// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// Files that are there whole or not at all, power loss included.
///
/// The bytes go to a temporary name in the same folder, are synced to the disk, take the final name by
/// rename(2), and then the folder is synced too.
package enum AtomicFile {
  /// Writes `bytes` as the whole content of `path`.
  package static func write(
    _ bytes: [UInt8], to path: FilePath, permissions: UInt32 = 0o644
  ) throws(FileError) {
    let writer = try AtomicFileWriter(to: path, permissions: permissions)
    try writer.append(bytes)
    try writer.commit()
  }

  /// Syncs a folder, so that names made or removed in it survive a power loss.
  package static func syncDirectory(_ folder: FilePath) throws(FileError) {
    do {
      let descriptor = try FileDescriptor.open(folder, .readOnly, options: [.directory, .closeOnExec])
      defer { try? descriptor.close() }
      // Some file systems (FUSE ones) cannot sync a folder and say so with EINVAL.
      guard fsync(descriptor.rawValue) == 0 || Errno.lastError == .invalidArgument else {
        throw Errno.lastError
      }
    } catch {
      throw FileError(error as? Errno ?? .ioError, "sync the folder", folder)
    }
  }

  /// Whether a file name is one of our temporary ones: left behind when a writer was killed, safe to remove
  /// when no writer is at work (that is, under the lock that writers hold).
  package static func isTemporaryName(_ name: String) -> Bool {
    name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix)
  }

  static let temporaryPrefix = ".duet-"
  static let temporarySuffix = ".tmp"

  /// The folder that holds `path`; `.` for a bare name.
  static func folder(of path: FilePath) -> FilePath {
    let folder = path.removingLastComponent()
    return folder.isEmpty ? "." : folder
  }
}

/// A file being written under a temporary name; ``commit()`` gives it its own.
///
/// Dropped without a commit, or after any error, it leaves nothing behind. One thread at a time.
package final class AtomicFileWriter {
  /// The name the file will have.
  package let path: FilePath
  /// How many bytes have been appended.
  package private(set) var offset = 0

  private let temporaryPath: FilePath
  private var descriptor: FileDescriptor?
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 20

  /// Opens a temporary file beside `path`.
  ///
  /// - Parameter expectedSize: refuse at once when the disk has fewer bytes free than this.
  package init(to path: FilePath, permissions: UInt32 = 0o644, expectedSize: Int = 0) throws(FileError) {
    let name =
      AtomicFile.temporaryPrefix + "\(getpid())-" + String(UInt64.random(in: 0 ... .max), radix: 16)
      + AtomicFile.temporarySuffix
    let temporaryPath = AtomicFile.folder(of: path).appending(name)
    self.path = path
    self.temporaryPath = temporaryPath
    do {
      descriptor = try FileDescriptor.open(
        temporaryPath, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
        permissions: FilePermissions(rawValue: CInterop.Mode(permissions)))
    } catch {
      throw FileError(error as? Errno ?? .ioError, "write", path)
    }
    buffer.reserveCapacity(Self.bufferSize)
    guard expectedSize > 0, let descriptor else { return }
    var facts = statvfs()
    if fstatvfs(descriptor.rawValue, &facts) == 0,
      facts.f_bavail < UInt(expectedSize) / max(1, facts.f_frsize)
    {
      throw fail(.noSpace, "set \(expectedSize) bytes aside")
    }
  }

  deinit { discard() }

  /// Appends bytes.
  package func append(_ bytes: [UInt8]) throws(FileError) { try append(bytes.span.bytes) }

  /// Appends bytes.
  package func append(_ bytes: RawSpan) throws(FileError) {
    if buffer.count + bytes.byteCount > Self.bufferSize { try flush() }
    if bytes.byteCount >= Self.bufferSize {
      try write(bytes, at: offset)
    } else {
      bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
    }
    offset += bytes.byteCount
  }

  /// Appends zeros until `offset` is a multiple of `alignment`.
  package func pad(toMultipleOf alignment: Int) throws(FileError) {
    precondition(alignment > 0, "an alignment is positive")
    let rest = offset % alignment
    if rest > 0 { try append([UInt8](repeating: 0, count: alignment - rest)) }
  }

  /// Replaces bytes that have been appended: for a header whose sums are only known at the end.
  package func overwrite(_ bytes: [UInt8], at position: Int) throws(FileError) {
    precondition(position >= 0 && position + bytes.count <= offset, "only appended bytes can be replaced")
    try flush()
    try write(bytes.span.bytes, at: position)
  }

  /// Maps what has been appended so far, to read it again while the rest is made from it. Appending goes on.
  package func mapAppended() throws(FileError) -> MappedFile {
    try flush()
    guard descriptor != nil else { throw FileError(.system, path, "the file was already closed") }
    return try MappedFile(temporaryPath, size: offset, followsLinks: false)
  }

  /// Syncs the bytes, gives the file its name (replacing a file of that name) and syncs the folder.
  ///
  /// When it returns the file survives a power loss; when it throws there is no new file, unless only the
  /// last sync of the folder failed.
  package func commit() throws(FileError) {
    try flush()
    guard let descriptor else { throw FileError(.system, path, "the file was already closed") }
    guard fsync(descriptor.rawValue) == 0 else { throw fail(.lastError, "sync") }
    guard close(descriptor.rawValue) == 0 else {
      self.descriptor = nil
      throw fail(.lastError, "close")
    }
    self.descriptor = nil
    let renamed = temporaryPath.withPlatformString { from in
      path.withPlatformString { rename(from, $0) }
    }
    guard renamed == 0 else { throw fail(.lastError, "give the file its name") }
    try AtomicFile.syncDirectory(AtomicFile.folder(of: path))
  }

  /// Closes and removes the temporary file. Harmless after ``commit()``.
  package func discard() {
    guard let descriptor else { return }
    self.descriptor = nil
    try? descriptor.close()
    _ = temporaryPath.withPlatformString { unlink($0) }
  }

  private func flush() throws(FileError) {
    guard !buffer.isEmpty else { return }
    var full: [UInt8] = []
    swap(&full, &buffer)
    try write(full.span.bytes, at: offset - full.count)
    full.removeAll(keepingCapacity: true)
    swap(&full, &buffer)
  }

  private func write(_ bytes: RawSpan, at position: Int) throws(FileError) {
    guard let descriptor else { throw FileError(.system, path, "the file was already closed") }
    let failure = bytes.withUnsafeBytes { writeFully($0, to: descriptor, at: position) }
    if let failure { throw fail(failure, "write") }
  }

  /// Removes the temporary file and makes the error.
  private func fail(_ errno: Errno, _ action: String) -> FileError {
    if descriptor == nil { _ = temporaryPath.withPlatformString { unlink($0) } }
    discard()
    return FileError(errno, action, path)
  }
}

/// Writes all of `bytes`; returns what went wrong.
func writeFully(_ bytes: UnsafeRawBufferPointer, to descriptor: FileDescriptor, at position: Int) -> Errno? {
  var done = 0
  while done < bytes.count {
    let written = pwrite(
      descriptor.rawValue, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(position + done))
    if written > 0 {
      done += written
    } else if written == 0 {
      return .ioError
    } else if Errno.lastError != .interrupted {
      return .lastError
    }
  }
  return nil
}
