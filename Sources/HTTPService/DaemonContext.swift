// SPDX-License-Identifier: Apache-2.0
import Hummingbird
import NIOCore

/// What is known of a request besides its bytes.
struct DaemonContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Closed when the caller hangs up.
  let channel: any Channel
  /// Who asks; set by ``AccessMiddleware``.
  var caller = Caller.nobody
  /// What its body may take; set by ``RouteTable``.
  var body = BodyShare.none

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// Who asks.
enum Caller: Equatable, Sendable {
  case nobody
  /// Whoever may open the Unix socket may read the library itself.
  case socket
  /// The web page.
  case page
  case key(name: String, scope: KeyScope)

  /// Whether the caller may do what `scope` names.
  func may(_ scope: KeyScope) -> Bool {
    switch self {
    case .nobody: false
    case .socket: true
    case .page: scope <= .index
    case .key(_, let own): scope <= own
    }
  }
}

/// What one request may cost.
enum Limits {
  /// Of a request's body that may hold pictures …
  static let pictureBodyBytes = 48 << 20
  /// … that holds names …
  static let nameBodyBytes = 64 << 10
  /// … and that anybody may send.
  static let tokenBodyBytes = 4 << 10
  /// Of all bodies in flight together.
  static let bodiesBytes = 256 << 20
  /// Seconds for a body to arrive, beside those that its length takes at the slowest pace.
  static let bodySeconds = 30
  static let slowestBytesPerSecond = 256 << 10
  /// Characters of a text in a URL: written in percents it has to fit into a header.
  static let queryText = 2_000
  /// Hits in one answer.
  static let hits = 1_000
  /// Folders in one call for indexing.
  static let folders = 64
  /// Texts or pictures in one call for embeddings.
  static let inputs = 256
  /// Queries that wait for a compute thread.
  static let waitingQueries = 256
  /// A request that is not answered after so long is given up.
  static let seconds = 30
  /// What is in flight at SIGTERM is given up after so long.
  static let shutdownSeconds = 20
  /// Open connections, for each address that is listened on …
  static let connections = 4_096
  /// … and of each other machine.
  static let connectionsOfOne = 1_024
  /// Seconds after which a connection on which nothing arrives is closed.
  static let idleSeconds = 60
}
