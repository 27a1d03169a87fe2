// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Search

/// What the daemon answers to: every path with its methods, the scope that each takes, and 405 for the other methods.
final class RouteTable {
  typealias Handler = @Sendable (Request, DaemonContext) async throws -> Response

  let router: Router<DaemonContext>
  private let metrics: DaemonMetrics
  private let bodies: BodyBudget
  private(set) var methods: [String: [HTTPRequest.Method]] = [:]

  init(router: Router<DaemonContext>, metrics: DaemonMetrics, bodies: BodyBudget) {
    self.router = router
    self.metrics = metrics
    self.bodies = bodies
  }

  /// Adds a route. The caller's scope is checked before the handler can read anything of the body.
  ///
  /// - Parameters:
  ///   - scope: nil lets everybody in.
  ///   - bodyBytes: what the request's body may have.
  func on(
    _ method: HTTPRequest.Method, _ path: String, scope: KeyScope?, bodyBytes: Int = 0,
    _ handler: @escaping Handler
  ) {
    methods[path, default: []].append(method)
    let timer = metrics.requests(method: method.rawValue, path: path)
    router.on(RouterPath(path), method: method) { [bodies] request, context in
      let start = ContinuousClock.now
      var context = context
      context.body = bodies.share(limit: bodyBytes)
      defer { context.body.end() }
      do {
        if let scope { try context.require(scope) }
        let response = try await handler(request, context)
        timer.record(ContinuousClock.now - start, status: response.status.code)
        return response
      } catch {
        let problem = Problem(error)
        timer.record(ContinuousClock.now - start, status: problem.status.code)
        throw error
      }
    }
  }

  /// Answers every other method on the paths there are.
  func refuseOtherMethods() {
    let all: [HTTPRequest.Method] =
      [.get, .head, .post, .put, .delete, .patch, .options, .trace]
      + [HTTPRequest.Method("QUERY")].compactMap(\.self)
    for (path, methods) in methods {
      // The router answers HEAD wherever it answers GET.
      let known = methods + (methods.contains(.get) ? [.head] : [])
      let allowed = known.map(\.rawValue).sorted().joined(separator: ", ")
      for method in all where !known.contains(method) {
        router.on(RouterPath(path), method: method) { _, _ -> Response in
          var problem = Problem(.methodNotAllowed, "\(method) is not possible here; \(allowed) is")
          problem.headers[.allow] = allowed
          throw problem
        }
      }
    }
  }
}

extension Response {
  static func json(
    _ value: JSONText, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    var headers = headers
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: value.text)))
  }

  static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
    Response(
      status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
