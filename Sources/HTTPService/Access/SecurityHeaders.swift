// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// Headers that tell browsers to trust nothing but what is served here.
struct SecurityHeaders: RouterMiddleware {
  static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    + "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

  private static let fields = [
    ("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"), ("Content-Security-Policy", policy),
  ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }

  func handle(
    _ request: Request, context: DaemonContext,
    next: (Request, DaemonContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    for (name, value) in SecurityHeaders.fields { response.headers[name] = value }
    return response
  }
}
