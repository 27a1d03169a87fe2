// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// How callers reach the daemon.
enum Door: Sendable {
  /// The Unix socket: its permissions have let the caller in.
  case socket
  /// A TCP address.
  ///
  /// - `hosts`: names, without port, that the Host header may hold: a name that an attacker's server resolves to this
  ///   machine (DNS rebinding) is none of them.
  case tcp(hosts: Set<String>, isEncrypted: Bool)
}

/// Finds out who asks, and turns away whom the rules of DESIGN section 7 do not let in.
struct AccessMiddleware: RouterMiddleware {
  let door: Door
  let keys: KeyStore
  let sessions: PageSessions

  func handle(
    _ request: Request, context: DaemonContext,
    next: (Request, DaemonContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    switch door {
    case .socket: context.caller = .socket
    case .tcp(let hosts, let isEncrypted):
      try checkHost(request, hosts)
      try checkOrigin(request, isEncrypted: isEncrypted)
      context.caller = try caller(of: request)
    }
    return try await next(request, context)
  }

  private func checkHost(_ request: Request, _ hosts: Set<String>) throws {
    let authority = request.head.authority ?? ""
    guard hosts.contains(AccessMiddleware.name(of: authority).lowercased()) else {
      throw Problem(
        .misdirectedRequest,
        "this daemon is not known as '\(authority)': start it with --allow-host NAME to let it be")
    }
  }

  /// What a page of another origin may make a browser send carries that page's origin.
  private func checkOrigin(_ request: Request, isEncrypted: Bool) throws {
    let site = HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
    let isForeign =
      request.headers[.origin].map {
        $0 != (isEncrypted ? "https://" : "http://") + (request.head.authority ?? "")
      }
      ?? (site == "cross-site" && request.method != .get)
    if isForeign { throw Problem(.forbidden, "requests from pages of other origins are not answered") }
  }

  private func caller(of request: Request) throws -> Caller {
    if let header = request.headers[.authorization] {
      let parts = header.split(separator: " ", maxSplits: 1)
      if parts.count == 2, parts[0].lowercased() == "bearer",
        let entry = try keys.entry(of: parts[1].trimmingPrefix(" ").description)
      {
        return .key(name: entry.name, scope: entry.scope)
      }
      throw AccessMiddleware.unauthorized("the key is not known: 'duet serve key list' shows those there are")
    }
    let name = PageSessions.cookieName(for: request.head.authority ?? "")
    if let cookie = request.cookies[name]?.value, sessions.holds(cookie) { return .page }
    return .nobody
  }

  /// The host of `host:port`, brackets of IPv6 included.
  static func name(of authority: String) -> Substring {
    if authority.hasPrefix("[") { return authority.prefix { $0 != "]" } + "]" }
    return authority.prefix { $0 != ":" }
  }

  static func unauthorized(_ detail: String) -> Problem {
    var problem = Problem(.unauthorized, detail)
    problem.headers[.wwwAuthenticate] = "Bearer realm=\"duet\""
    return problem
  }
}

extension DaemonContext {
  /// - Throws: 401 for a caller who has not said who they are, 403 for one who may not do this.
  func require(_ scope: KeyScope) throws {
    if caller == .nobody {
      throw AccessMiddleware.unauthorized(
        "a key is needed: 'duet serve key create NAME' makes one; send it as 'Authorization: Bearer KEY'")
    }
    guard caller.may(scope) else {
      throw Problem(.forbidden, "this key may not do that: it takes one of scope '\(scope.rawValue)'")
    }
  }
}
