// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// A read-only map of a whole regular file; the pages go when the last reference goes.
///
/// For files that Duet itself replaces atomically and never shortens: index segments and model weights. A map
/// of a file that shrinks under its reader is a SIGBUS, not an error, so users' pictures are read with
/// ``readFile(_:limit:)`` instead.
package final class MappedFile: Sendable {
  /// How the kernel should expect a part of the map to be read; see madvise(2).
  package enum Advice: Sendable {
    /// Nothing special: read ahead a little.
    case normal
    /// From front to back, once.
    case sequential
    /// Here and there: do not read ahead.
    case random
    /// Soon: start reading now.
    case willNeed
    /// Not again for a while: pages may be dropped.
    case dontNeed
  }

  /// The file.
  package let path: FilePath
  /// Its length in bytes.
  package let size: Int
  /// What the file system said when the file was opened: device, inode, time.
  package let status: FileStatus
  /// The first byte, page-aligned; valid for `size` bytes while this object lives. For the fenced modules
  /// only.
  ///
  /// Never nil, so that an empty file needs no special case. Safe to share: nothing writes through it.
  package nonisolated(unsafe) let base: UnsafeRawPointer

  /// Maps `path`.
  ///
  /// - Parameters:
  ///   - size: the length the file must have, when it is known.
  ///   - followsLinks: whether `path` itself may be a symbolic link (model caches are made of links).
  ///   - requiresLocalDisk: refuse network file systems, where a server may change the pages under us.
  /// - Throws: ``FileError`` when the file is missing, not regular, not of the stated size, or cannot be
  ///   mapped.
  package init(
    _ path: FilePath, size expectedSize: Int? = nil, followsLinks: Bool = true,
    requiresLocalDisk: Bool = false
  ) throws(FileError) {
    let descriptor = try openForReading(path, followsLinks: followsLinks)
    defer { try? descriptor.close() }
    let status = try regularFileStatus(of: descriptor, path: path)
    if let expectedSize, status.size != expectedSize {
      throw FileError(
        .sizeMismatch, path,
        "the file has \(status.size) bytes, not \(expectedSize): it was cut or replaced; restore or rebuild it"
      )
    }
    if requiresLocalDisk, case .network(let name) = FileSystemKind(of: descriptor) {
      throw FileError(
        .networkFileSystem, path,
        "the file is on a network file system (\(name)), which cannot be mapped safely: copy it to a local disk"
      )
    }
    // An empty file cannot be mapped: one anonymous page stands in for it.
    let isEmpty = status.size == 0
    let address = mmap(
      nil, max(status.size, 1), PROT_READ, isEmpty ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED,
      isEmpty ? -1 : descriptor.rawValue, 0)
    guard let address, address != MAP_FAILED else {
      throw FileError(.lastError, "map", path)
    }
    self.path = path
    self.size = status.size
    self.status = status
    self.base = UnsafeRawPointer(address)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: base), max(size, 1)) }

  /// The file's bytes, for as long as the map is borrowed.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // The pointer is valid for `size` bytes until deinit, and the span cannot outlive `self`.
      _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: size), borrowing: self)
    }
  }

  /// Calls `body` with the file's bytes.
  package func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
  }

  /// Tells the kernel how `range` (all of it when nil) will be read. Advice only: never fails.
  package func advise(_ advice: Advice, range: Range<Int>? = nil) {
    let range = (range ?? 0..<size).clamped(to: 0..<size)
    guard !range.isEmpty else { return }
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    let start = range.lowerBound / pageSize * pageSize
    let flag =
      switch advice {
      case .normal: MADV_NORMAL
      case .sequential: MADV_SEQUENTIAL
      case .random: MADV_RANDOM
      case .willNeed: MADV_WILLNEED
      case .dontNeed: MADV_DONTNEED
      }
    madvise(UnsafeMutableRawPointer(mutating: base + start), range.upperBound - start, Int32(flag))
  }
}
