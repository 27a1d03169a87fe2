// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
import Synchronization

/// The cookies of the web page. The token in the address that `duet serve` prints is exchanged for one.
///
/// Cookies live as long as the daemon, at most ``limit`` of them; they are kept as hashes.
final class PageSessions: Sendable {
  /// In the printed address, as long as the daemon runs.
  let token = Secret.random()
  static let limit = 1_000

  private struct Cookies {
    /// The oldest first.
    var hashes: [String] = []
    var known: Set<String> = []
  }

  private let cookies = Mutex(Cookies())

  /// The cookie's name, for the `host:port` that a browser asked for: browsers send a host's cookies to all of its ports, and
  /// two daemons on one host must not take each other's for their own.
  static func cookieName(for authority: String) -> String {
    let port = authority.dropFirst(AccessMiddleware.name(of: authority).count).filter(\.isNumber)
    return port.isEmpty ? "duet_session" : "duet_session_\(port)"
  }

  /// A new cookie for a caller who knows the token; nil for one who does not.
  func open(token given: String) -> String? {
    guard Secret.areEqual(Secret.hash(given), Secret.hash(token)) else { return nil }
    let cookie = Secret.random()
    let hash = Secret.hash(cookie)
    cookies.withLock { cookies in
      if cookies.hashes.count >= PageSessions.limit { cookies.known.remove(cookies.hashes.removeFirst()) }
      cookies.hashes.append(hash)
      cookies.known.insert(hash)
    }
    return cookie
  }

  /// Whether a cookie is one of those. Looked up by its hash: the time that takes tells nothing of the cookie.
  func holds(_ cookie: String) -> Bool {
    let hash = Secret.hash(cookie)
    return cookies.withLock { $0.known.contains(hash) }
  }
}
