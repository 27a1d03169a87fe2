// SPDX-License-Identifier: Apache-2.0
import Files
import Glibc
package import Search
package import SystemPackage

/// The names by which the command line finds the daemon of a library: `RUNTIME/<hash of the library's folder>.sock`, links to
/// the daemon's one socket.
package struct SocketLinks: Sendable {
  private let socket: FilePath
  private let links: [FilePath]
  /// Where the socket is bound: in a folder that nobody else may enter. It gets its name when its permissions are set, so that
  /// there is no moment in which others could connect.
  let bindPath: FilePath
  /// What the path of a socket may have, in bytes.
  private static let longestPath = 107

  /// Where the daemon of a library answers, if one does.
  package static func path(of library: LibraryLocation, runtime: FilePath = BaseDirectories.current.runtime)
    -> FilePath
  {
    let hash = ContentHash(of: Array(library.directory.string.utf8))
    return runtime.appending("\(hash.description.prefix(16)).sock")
  }

  /// Whether there may be a daemon for a library.
  package static func exists(for library: LibraryLocation) -> Bool {
    (try? FileStatus(of: path(of: library), followsLinks: true)) != nil
  }

  /// Makes the socket's folder, which only its owner may enter, and the links. What a daemon that was killed left behind is
  /// replaced.
  ///
  /// - Throws: ``SearchError``: `libraryBusy` when another daemon answers on the socket, or serves one of the libraries;
  ///   `invalidRequest` when the socket's name is that of a file of another kind.
  init(socket: FilePath, libraries: [LibraryLocation]) throws {
    self.socket = socket
    let links = libraries.map { SocketLinks.path(of: $0) }
    self.links = links.filter { $0 != socket }
    for (link, library) in zip(links, libraries) where UnixSocket.answers(link) {
      throw SearchError(.libraryBusy, "a daemon serves \(library.directory) already, at \(link)")
    }
    guard !UnixSocket.answers(socket) else {
      throw SearchError(
        .libraryBusy, "a daemon answers at \(socket) already: stop it, or name another --socket")
    }
    guard SocketLinks.isReplaceable(socket) else {
      throw SearchError(.invalidRequest, "\(socket) is a file, not a socket: name another --socket")
    }
    do {
      try Folders.create(socket.removingLastComponent(), permissions: 0o700)
      for link in self.links { try Folders.create(link.removingLastComponent(), permissions: 0o700) }
    } catch {
      throw SearchError(.storage, "\(socket.removingLastComponent()): \(error.message)")
    }
    bindPath = try SocketLinks.privateFolder(beside: socket).appending("s")
    guard max(socket.string.utf8.count, bindPath.string.utf8.count) <= SocketLinks.longestPath else {
      rmdir(bindPath.removingLastComponent().string)
      throw SearchError(
        .invalidRequest,
        "\(socket): the path of a socket has at most \(SocketLinks.longestPath) bytes: name a shorter --socket"
      )
    }
  }

  private static func privateFolder(beside socket: FilePath) throws -> FilePath {
    var name = Array(socket.removingLastComponent().appending(".XXXXXX").string.utf8CString)
    guard mkdtemp(&name) != nil else {
      throw SearchError(
        .storage, "\(socket.removingLastComponent()): no socket can be made there: \(Errno(rawValue: errno))")
    }
    return FilePath(String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Gives the socket its permissions and its name, and makes the links to it.
  ///
  /// - Throws: ``SearchError``, `storage`.
  func publish() throws {
    func check(_ result: CInt, _ path: FilePath) throws {
      guard result == 0 else {
        throw SearchError(.storage, "\(path): the socket cannot be named so: \(Errno(rawValue: errno))")
      }
    }
    try check(chmod(bindPath.string, 0o600), bindPath)
    try check(rename(bindPath.string, socket.string), socket)
    rmdir(bindPath.removingLastComponent().string)
    for link in links {
      unlink(link.string)
      try check(symlink(socket.string, link.string), link)
    }
  }

  /// Whether a name is free, or a socket's or a link's that a daemon left behind.
  private static func isReplaceable(_ path: FilePath) -> Bool {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { return true }
    return [S_IFSOCK, S_IFLNK].contains(status.st_mode & S_IFMT)
  }

  /// Removes the links, and the socket; those of another daemon that has taken the place of this one stay.
  func remove() {
    unlink(bindPath.string)
    rmdir(bindPath.removingLastComponent().string)
    guard !UnixSocket.answers(socket) else { return }
    links.forEach { unlink($0.string) }
    unlink(socket.string)
  }
}
