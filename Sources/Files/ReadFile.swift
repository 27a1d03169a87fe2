// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// Reads a whole regular file: for users' own files, which may change or shrink while we look at them.
///
/// - Parameter limit: the most bytes to take; a longer file is an error before anything is read.
/// - Throws: ``FileError``: missing, unreadable, not regular, too large.
package func readFile(_ path: FilePath, limit: Int, followsLinks: Bool = true) throws(FileError) -> [UInt8] {
  try readFileAndStatus(path, limit: limit, followsLinks: followsLinks).bytes
}

/// As ``readFile(_:limit:followsLinks:)``, with the status of the very file that was read.
package func readFileAndStatus(
  _ path: FilePath, limit: Int, followsLinks: Bool = true
) throws(FileError) -> (bytes: [UInt8], status: FileStatus) {
  let descriptor = try openForReading(path, followsLinks: followsLinks)
  defer { try? descriptor.close() }
  let status = try regularFileStatus(of: descriptor, path: path)
  guard status.size <= limit else { throw tooLarge(path, limit: limit) }
  // One byte more than stated, so that a file that has not grown ends in the first round. Files of /proc
  // state 0.
  var bytes = try read(descriptor, upTo: min(status.size, limit) + 1, path: path)
  while bytes.count > status.size {
    guard bytes.count <= limit else { throw tooLarge(path, limit: limit) }
    let more = try read(descriptor, upTo: min(1 << 20, limit - bytes.count + 1), path: path)
    if more.isEmpty { break }
    bytes += more
  }
  return (bytes, status)
}

/// Reads the first bytes of a regular file: enough to tell what it is.
///
/// - Returns: `count` bytes, fewer when the file is shorter.
/// - Throws: ``FileError``: missing, unreadable, not regular.
package func readPrefix(_ path: FilePath, count: Int, followsLinks: Bool = true) throws(FileError) -> [UInt8]
{
  let descriptor = try openForReading(path, followsLinks: followsLinks)
  defer { try? descriptor.close() }
  _ = try regularFileStatus(of: descriptor, path: path)
  return try read(descriptor, upTo: count, path: path)
}

private func tooLarge(_ path: FilePath, limit: Int) -> FileError {
  FileError(.tooLarge, path, "the file is larger than the \(limit) bytes allowed here")
}

/// Reads until `count` bytes are there or the file ends.
private func read(_ descriptor: FileDescriptor, upTo count: Int, path: FilePath) throws(FileError) -> [UInt8]
{
  do {
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      while filled < count {
        let got = try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[filled...]))
        if got == 0 { break }
        filled += got
      }
    }
  } catch {
    throw FileError(error as? Errno ?? .ioError, "read", path)
  }
}

/// Opens a file to be read, without waiting at a pipe and without leaking the descriptor to child processes.
func openForReading(_ path: FilePath, followsLinks: Bool) throws(FileError) -> FileDescriptor {
  var options: FileDescriptor.OpenOptions = [.closeOnExec, .nonBlocking]
  if !followsLinks { options.insert(.noFollow) }
  do {
    return try FileDescriptor.open(path, .readOnly, options: options)
  } catch {
    throw FileError(error as? Errno ?? .ioError, "open", path)
  }
}

/// The status of an open file that must be a regular one.
func regularFileStatus(of descriptor: FileDescriptor, path: FilePath) throws(FileError) -> FileStatus {
  let status = try FileStatus(of: descriptor, path: path)
  guard status.kind == .regular else {
    throw FileError(
      .notRegularFile, path,
      status.kind == .directory ? "this is a folder: name a file" : "this is no regular file: name one")
  }
  return status
}
