// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import HTTPTypes
import Hummingbird
import Images
import Logging
import NIOCore
import Search

/// What a caller is told when a request cannot be answered: `application/problem+json` (RFC 9457).
struct Problem: Error, HTTPResponseError {
  let status: HTTPResponse.Status
  /// What is wrong with this request, and what to do about it.
  let detail: String
  /// The field of the request that is meant.
  var field: String?
  /// Seconds after which to ask again.
  var retryAfter: Int?
  var headers: HTTPFields = [:]

  init(_ status: HTTPResponse.Status, _ detail: String, field: String? = nil, retryAfter: Int? = nil) {
    self.status = status
    self.detail = detail
    self.field = field
    self.retryAfter = retryAfter
  }

  func response(from request: Request, context: some RequestContext) -> Response {
    var fields: [(String, JSONText)] = [
      ("type", "about:blank"), ("title", .string(status.reasonPhrase)), ("status", .int(status.code)),
      ("detail", .string(detail)), ("instance", .string(request.uri.path)),
    ]
    if let field { fields.append(("field", .string(field))) }
    var headers = headers
    headers[.contentType] = "application/problem+json"
    if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
    // The rest of a body that was not read would be taken for the next request.
    if [.contentTooLarge, .requestTimeout].contains(status) { headers[.connection] = "close" }
    return Response(
      status: status, headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(string: JSONText.object(fields).text)))
  }
}

extension Problem {
  /// What an error means to a caller: 500 for what is no fault of the request's.
  init(_ error: any Error) {
    switch error {
    case let problem as Problem: self = problem
    case let error as SearchError: self.init(error)
    case let error as ImageError: self.init(.unprocessableContent, "\(error)")
    case let error as CatalogError where error.code == .invalidRequest:
      self.init(.unprocessableContent, "\(error)")
    case let error as CatalogError where error.code == .busy:
      self.init(.serviceUnavailable, "\(error)", retryAfter: 1)
    case let error as HTTPError:
      self.init(error.status, error.body ?? "\(error.status.reasonPhrase)")
    case is CancellationError:
      self.init(.serviceUnavailable, "the daemon is stopping, or the caller went away", retryAfter: 1)
    default: self.init(.internalServerError, "\(error)")
    }
  }

  private init(_ error: SearchError) {
    switch error.code {
    case .libraryNotFound: self.init(.notFound, "\(error)")
    case .libraryBusy: self.init(.serviceUnavailable, "\(error)", retryAfter: 1)
    case .invalidRequest, .modelMismatch, .unreadableInput: self.init(.unprocessableContent, "\(error)")
    case .interrupted: self.init(.serviceUnavailable, "\(error)", retryAfter: 1)
    case .libraryUnusable, .storage: self.init(.internalServerError, "\(error)")
    }
  }
}

/// Turns every error into a problem, so that no answer is empty.
struct ProblemMiddleware: RouterMiddleware {
  func handle(
    _ request: Request, context: DaemonContext,
    next: (Request, DaemonContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let problem = Problem(error)
      if problem.status.kind == .serverError, problem.retryAfter == nil {
        context.logger.error("\(request.method) \(request.uri.path): \(error)")
      }
      return problem.response(from: request, context: context)
    }
  }
}
