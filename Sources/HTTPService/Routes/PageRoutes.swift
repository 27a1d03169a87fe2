// SPDX-License-Identifier: Apache-2.0
import CWebPage
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// The web page, and the description of the API.
struct PageRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.get, "/", scope: nil) { request, _ in try PageFile.named("index.html").response(to: request) }
    routes.on(.get, "/assets/{name}", scope: nil) { request, context in
      try PageFile.named(context.parameters.get("name") ?? "").response(to: request)
    }
    routes.on(.get, "/openapi.json", scope: nil) { request, _ in
      try PageFile.named("openapi.json").response(to: request)
    }
    routes.on(.post, "/v1/session", scope: nil, bodyBytes: Limits.tokenBodyBytes) { request, context in
      let body = try await request.decoded(as: SessionBody.self, context)
      guard let cookie = daemon.sessions.open(token: body.token) else {
        throw AccessMiddleware.unauthorized(
          "open the address that 'duet serve' printed: its token is another one")
      }
      var response = Response(status: .noContent)
      let secure = daemon.isEncrypted ? "; Secure" : ""
      let name = PageSessions.cookieName(for: request.head.authority ?? "")
      response.headers[.setCookie] = "\(name)=\(cookie); Path=/; HttpOnly; SameSite=Strict\(secure)"
      return response
    }
  }
}

/// The body of `POST /v1/session`.
private struct SessionBody: Decodable {
  let token: String

  enum CodingKeys: String, CodingKey, CaseIterable {
    case token
  }

  init(from decoder: any Decoder) throws {
    token = try decoder.strictContainer(keyedBy: CodingKeys.self).decode(String.self, forKey: .token)
  }
}

/// A file that is part of the program.
struct PageFile: Sendable {
  let name: String
  let bytes: [UInt8]
  private let tag: String

  private static let all: [String: PageFile] = Dictionary(
    uniqueKeysWithValues: (0..<duet_page_file_count()).map { index in
      let file = duet_page_file_at(index)
      let page = PageFile(name: String(cString: file.name), bytes: (0..<file.count).map { file.bytes[$0] })
      return (page.name, page)
    })

  private init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    tag = "\"\(Secret.hash(String(decoding: bytes, as: UTF8.self)).prefix(16))\""
  }

  /// - Throws: ``Problem`` 404.
  static func named(_ name: String) throws -> PageFile {
    guard let file = all[name] else { throw Problem(.notFound, "there is no '\(name)' here") }
    return file
  }

  fileprivate func response(to request: Request) -> Response {
    var headers: HTTPFields = [.eTag: tag, .cacheControl: "no-cache"]
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
    headers[.contentType] = type
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  private var type: String {
    switch name.split(separator: ".").last {
    case "html": "text/html; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "js": "text/javascript; charset=utf-8"
    case "svg": "image/svg+xml"
    case "json": "application/json"
    default: "application/octet-stream"
    }
  }
}
