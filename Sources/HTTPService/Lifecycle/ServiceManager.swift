// SPDX-License-Identifier: Apache-2.0
import Files
import Glibc
import SystemPackage

/// systemd, or whatever else started the daemon and wants to know how it is (sd_notify(3)).
enum ServiceManager {
  /// Sends a line to the socket that `NOTIFY_SOCKET` names; without one nobody wants to know.
  static func notify(_ line: String) {
    guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), name.hasPrefix("/") else { return }
    try? UnixSocket.send(Array(line.utf8), to: FilePath(name))
  }
}
