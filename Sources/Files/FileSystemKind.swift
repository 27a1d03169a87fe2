// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// Whether a file system is a disk of this machine or somebody else's.
///
/// SQLite's locks and our maps are only to be trusted on the former.
package enum FileSystemKind: Sendable, Hashable {
  /// A disk of this machine, its memory, or its host's disk.
  case local
  /// A server's disk; with the name the kernel gives its type ("nfs4", "cifs", "fuse.sshfs").
  case network(String)

  /// Whether it is a network file system.
  package var isNetwork: Bool { self != .local }

  /// Looks at the file system that holds `path`. Where /proc is missing everything counts as local.
  package init(of path: FilePath) throws(FileError) {
    let descriptor: FileDescriptor
    do {
      descriptor = try FileDescriptor.open(
        path, .readOnly, options: [.closeOnExec, Self.pathOnly])
    } catch {
      throw FileError(error as? Errno ?? .ioError, "open", path)
    }
    defer { try? descriptor.close() }
    self.init(of: descriptor)
  }

  /// Linux's O_PATH, which Swift's Glibc leaves out: no permission to read is needed, and a pipe does not
  /// make us wait.
  private static let pathOnly = FileDescriptor.OpenOptions(rawValue: 0o10_000_000)

  init(of descriptor: FileDescriptor) {
    guard
      let facts = try? readFile(FilePath("/proc/self/fdinfo/\(descriptor.rawValue)"), limit: 1 << 20),
      let mount = Self.mountID(in: String(decoding: facts, as: UTF8.self)),
      let table = try? readFile("/proc/self/mountinfo", limit: 64 << 20),
      let type = Self.type(ofMount: mount, in: String(decoding: table, as: UTF8.self))
    else {
      self = .local
      return
    }
    self.init(type: type)
  }

  /// Judges a file system type as the kernel names it.
  init(type: String) {
    self = Self.networkTypes.contains(type) ? .network(type) : .local
  }

  /// Disks of other machines, and disks that several machines write at once. FUSE serves local disks too
  /// (ntfs-3g and exfat as "fuseblk"), so only its known servers are listed.
  private static let networkTypes: Set<String> = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ncpfs", "ceph", "lustre", "gpfs", "beegfs",
    "ocfs2",
    "gfs2", "pvfs2", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.goofys", "fuse.mount-s3",
    "fuse.davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.curlftpfs",
    "fuse.gvfsd-fuse", "fuse.smbnetfs", "fuse.juicefs", "fuse.google-drive-ocamlfuse", "fuse.onedriver",
  ]

  /// The `mnt_id:` line of /proc/self/fdinfo/N; see proc(5).
  static func mountID(in facts: String) -> String? {
    for line in facts.split(separator: "\n") where line.hasPrefix("mnt_id:") {
      return line.split(whereSeparator: { $0 == "\t" || $0 == " " }).last.map(String.init)
    }
    return nil
  }

  /// The type of a mount in /proc/self/mountinfo: the field after the lone hyphen; see proc(5).
  static func type(ofMount mount: String, in table: String) -> String? {
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.first.map(String.init) == mount, let dash = fields.firstIndex(of: "-"),
        dash + 1 < fields.count
      else { continue }
      return String(fields[dash + 1])
    }
    return nil
  }
}
