// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import SystemPackage

/// Where Duet keeps what is not in a library: the XDG base directories, with `duet` appended.
///
/// A variable that is unset, empty or not absolute counts as unset, as the specification (0.8) demands.
package struct BaseDirectories: Sendable, Hashable {
  /// What must not be lost: libraries of folders that cannot hold their own.
  package let data: FilePath
  /// What can be made again: hashes, thumbnails, packed weights.
  package let cache: FilePath
  /// Settings.
  package let config: FilePath
  /// Sockets; a folder of the user's own on every path. Under the cache when the session gives none.
  package let runtime: FilePath
  /// The user's home, `/` when nothing tells.
  package let home: FilePath

  /// The directories of this process.
  package static var current: BaseDirectories {
    BaseDirectories(
      environment: { name in getenv(name).map { String(cString: $0) } },
      accountHome: getpwuid(getuid()).flatMap { $0.pointee.pw_dir.map { String(cString: $0) } })
  }

  /// The directories that an environment means.
  package init(environment: (String) -> String?, accountHome: String? = nil) {
    func absolute(_ name: String) -> FilePath? {
      guard let value = environment(name), value.hasPrefix("/") else { return nil }
      return FilePath(value).lexicallyNormalized()
    }
    let home = absolute("HOME") ?? accountHome.flatMap { $0.hasPrefix("/") ? FilePath($0) : nil } ?? "/"
    self.home = home
    data = (absolute("XDG_DATA_HOME") ?? home.appending(".local").appending("share")).appending("duet")
    cache = (absolute("XDG_CACHE_HOME") ?? home.appending(".cache")).appending("duet")
    config = (absolute("XDG_CONFIG_HOME") ?? home.appending(".config")).appending("duet")
    runtime = absolute("XDG_RUNTIME_DIR").map { $0.appending("duet") } ?? cache.appending("run")
  }
}
