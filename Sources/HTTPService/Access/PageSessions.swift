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
  static let cookieName = "duet_session"
  static let limit = 1_000

  private let hashes = Mutex<[String]>([])

  /// A new cookie for a caller who knows the token; nil for one who does not.
  func open(token given: String) -> String? {
    guard Secret.areEqual(Secret.hash(given), Secret.hash(token)) else { return nil }
    let cookie = Secret.random()
    hashes.withLock { hashes in
      if hashes.count >= PageSessions.limit { hashes.removeFirst() }
      hashes.append(Secret.hash(cookie))
    }
    return cookie
  }

  func holds(_ cookie: String) -> Bool {
    let hash = Secret.hash(cookie)
    return hashes.withLock { $0.reduce(false) { Secret.areEqual($1, hash) || $0 } }
  }
}
