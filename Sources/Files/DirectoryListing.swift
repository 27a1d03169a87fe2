// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import SystemPackage

/// The entries of one folder, read at once and closed again, sorted.
struct DirectoryListing {
  struct Entry {
    /// The name's bytes, which need not be UTF-8.
    let name: [UInt8]
    let kind: FileStatus.Kind
  }

  /// Sorted by name; a folder sorts as if its name ended in `/`, so that a walk meets whole paths in byte
  /// order.
  let entries: [Entry]
  /// The folder itself.
  let status: FileStatus

  /// Reads `folder`, a path relative to an open folder.
  init(of folder: FilePath, relativeTo base: CInt, followsLinks: Bool = false) throws(FileError) {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLinks ? 0 : O_NOFOLLOW)
    let descriptor = folder.withPlatformString { openat(base, $0, flags) }
    guard descriptor >= 0 else { throw FileError(.lastError, "open the folder", folder) }
    guard let stream = fdopendir(descriptor) else {
      let failure = Errno.lastError
      close(descriptor)
      throw FileError(failure, "open the folder", folder)
    }
    defer { closedir(stream) }
    status = try FileStatus(of: FileDescriptor(rawValue: descriptor), path: folder)
    var entries: [Entry] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let failure = Errno.lastError
        guard failure.rawValue == 0 else { throw FileError(failure, "read the folder", folder) }
        break
      }
      let name = Self.name(of: entry)
      if name == [0x2E] || name == [0x2E, 0x2E] { continue }
      let kind = Self.kind(ofType: Int(entry.pointee.d_type), name: name, in: descriptor)
      entries.append(Entry(name: name, kind: kind))
    }
    self.entries = entries.sorted(by: Self.comesBefore)
  }

  private static func kind(ofType type: Int, name: [UInt8], in folder: CInt) -> FileStatus.Kind {
    switch type {
    case Int(DT_REG): .regular
    case Int(DT_DIR): .directory
    case Int(DT_LNK): .symbolicLink
    // Some file systems do not keep the type with the name.
    case Int(DT_UNKNOWN): FileStatus.at(folder, FilePath(bytes: name), followsLinks: false)?.kind ?? .other
    default: .other
    }
  }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    // Read through the pointer: a copy of the struct would cut what the kernel wrote behind a short record.
    let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
    let start = UnsafeRawPointer(entry) + offset
    return [UInt8](
      UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
  }

  private static func comesBefore(_ a: Entry, _ b: Entry) -> Bool {
    let shared = min(a.name.count, b.name.count)
    for index in 0..<shared where a.name[index] != b.name[index] { return a.name[index] < b.name[index] }
    return a.following(shared) < b.following(shared)
  }
}

extension DirectoryListing.Entry {
  /// The byte of the sort key after `count` equal ones.
  fileprivate func following(_ count: Int) -> UInt8 {
    if name.count > count { return name[count] }
    return kind == .directory ? UInt8(ascii: "/") : 0
  }
}

extension FilePath {
  /// A path from bytes that need not be UTF-8.
  init(bytes: [UInt8]) {
    self = (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
    }
  }
}
