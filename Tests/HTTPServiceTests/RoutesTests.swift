// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import HTTPService

@Suite("Routes, and what is written of them")
struct RoutesTests {
  let daemon: TestDaemon

  init() async throws { daemon = try await TestDaemon.shared.value }

  /// Every path with its methods, as the daemon has them.
  private var table: [String: Set<String>] {
    daemon.daemon.routes(.tcp(hosts: [], isEncrypted: false)).methods.mapValues {
      Set($0.map { $0.rawValue.lowercased() })
    }
  }

  private func described() async throws -> [String: Any] { try await daemon.get("/openapi.json").json }

  /// A path that can be asked for.
  private func filled(_ path: String) -> String {
    path.replacing("{id}", with: "1").replacing("{job}", with: "none").replacing("{name}", with: "none")
  }

  @Test("openapi.json describes the routes that there are, and no others")
  func openAPI() async throws {
    let json = try await described()
    #expect((json["openapi"] as? String)?.hasPrefix("3.1") == true)
    let paths = try #require(json["paths"] as? [String: [String: Any]])
    var described = paths.mapValues { Set($0.keys) }
    // The page itself is no part of the API.
    var there = table
    for path in ["/", "/assets/{name}"] {
      described[path] = nil
      #expect(there.removeValue(forKey: path) == ["get"])
    }
    #expect(described == there)
  }

  @Test(
    "Every operation names the errors that every one of them has, and its parameters are those of the path")
  func operations() async throws {
    let paths = try #require(try await described()["paths"] as? [String: [String: [String: Any]]])
    var names: Set<String> = []
    for (path, operations) in paths {
      for (method, operation) in operations {
        let name = try #require(operation["operationId"] as? String)
        #expect(names.insert(name).inserted, "\(name) twice")
        let responses = try #require(operation["responses"] as? [String: Any])
        #expect(responses.keys.contains { $0.hasPrefix("2") }, "\(method) \(path)")
        let parameters = (operation["parameters"] as? [[String: Any]] ?? [])
          .filter { $0["in"] as? String == "path" }.compactMap { $0["name"] as? String }
        let placeholders = path.split(separator: "{").dropFirst().map { String($0.prefix { $0 != "}" }) }
        #expect(parameters == placeholders, "\(method) \(path)")
      }
    }
  }

  @Test("Another method than a path has is 405, with those it has")
  func methods() async throws {
    for (path, methods) in table {
      let allowed = methods.union(methods.contains("get") ? ["head"] : [])
      for method in ["get", "head", "post", "put", "delete", "patch", "options", "trace"]
      where !allowed.contains(method) {
        let answer = try await daemon.ask(HTTPRequest.Method(method.uppercased())!, filled(path))
        #expect(answer.status == 405, "\(method) \(path)")
        let named = answer.headers[.allow].map {
          $0.lowercased().split(separator: ",").map { $0.filter { $0 != " " } }
        }
        #expect(Set(named ?? []) == allowed, "\(path)")
      }
    }
  }

  @Test("HEAD is GET without the body")
  func head() async throws {
    for path in ["/livez", "/readyz", "/openapi.json", "/v1/search?q=sea", "/"] {
      let (head, get) = (try await daemon.ask(.head, path), try await daemon.get(path))
      #expect(head.status == 200 && head.body.isEmpty && !get.body.isEmpty, "\(path): \(head.status)")
      #expect(head.headers[.contentType] == get.headers[.contentType])
      #expect(head.headers[.contentLength] == "\(get.body.count)", "\(path)")
    }
    #expect(try await daemon.ask(.head, "/v1/items/999999").status == 404)
  }

  @Test("Every error has a body that says what is wrong, and every answer the headers that protect browsers")
  func errors() async throws {
    let key = try daemon.keys.create(name: "errors", scope: .read, now: 0)
    let read: HTTPFields = [.authorization: "Bearer \(key)"]
    let origin: HTTPFields = [.origin: "http://evil.example"]
    let wrong: [(Int, Answer)] = [
      (404, try await daemon.get("/nowhere")), (404, try await daemon.get("/v1/items/999999")),
      (405, try await daemon.ask(.delete, "/v1/search")),
      (404, try await daemon.ask(HTTPRequest.Method("PROPFIND")!, "/nowhere")),
      (415, try await daemon.ask(.post, "/v1/search")),
      (400, try await daemon.send(text: "{", to: "/v1/search")),
      (422, try await daemon.search(["terms": [["wight": 1]]])),
      (
        413,
        try await daemon.ask(
          .post, "/v1/search", [.contentType: "application/json", .contentLength: "999999999999"])
      ),
      (401, try await daemon.ask(.get, "/v1/stats", by: .tcp)),
      (404, try await daemon.ask(.get, "/nowhere", by: .tcp)),
      (403, try await daemon.ask(.delete, "/v1/jobs/1", read, by: .tcp)),
      (403, try await daemon.ask(.get, "/livez", origin, by: .tcp)),
      (421, try await daemon.ask(.get, "/livez", by: .tcp, host: "evil.example")),
    ]
    for (status, answer) in wrong {
      #expect(answer.status == status)
      #expect(answer.headers[.contentType] == "application/problem+json", "\(status)")
      let json = try answer.json
      #expect(json["type"] as? String == "about:blank" && json["status"] as? Int == status)
      #expect((json["title"] as? String)?.isEmpty == false && (json["detail"] as? String)?.isEmpty == false)
      expectProtection(answer)
    }
    let id = try await daemon.id(of: "red.png")
    for path in [
      "/livez", "/openapi.json", "/v1/stats", "/v1/items/\(id)/original", "/v1/items/\(id)/thumbnail",
    ] {
      let answer = try await daemon.get(path)
      #expect(answer.status == 200)
      expectProtection(answer)
    }
    expectProtection(try await daemon.ask(.head, "/livez"))
  }

  private func expectProtection(_ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) {
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { answer.headers[$0] } }
    #expect(header("X-Content-Type-Options") == "nosniff", sourceLocation: sourceLocation)
    #expect(header("Cross-Origin-Resource-Policy") == "same-origin", sourceLocation: sourceLocation)
    #expect(header("Referrer-Policy") == "same-origin", sourceLocation: sourceLocation)
    let policy = header("Content-Security-Policy") ?? ""
    #expect(
      policy.contains("default-src 'none'") && !policy.contains("unsafe"), sourceLocation: sourceLocation)
    #expect(header("Access-Control-Allow-Origin") == nil, sourceLocation: sourceLocation)
  }

  @Test("The page and all that it names are served without a key, with their types and tags")
  func page() async throws {
    let page = try await daemon.ask(.get, "/", by: .tcp)
    #expect(page.status == 200 && page.headers[.contentType] == "text/html; charset=utf-8")
    let names = page.text.matches(of: #/"(\/assets\/[^"]+)"/#).map { String($0.1) }
    #expect(names.count >= 3)
    for name in names {
      let answer = try await daemon.ask(.get, name, by: .tcp)
      #expect(answer.status == 200 && !answer.body.isEmpty, "\(name)")
      #expect(answer.headers[.contentType] != "application/octet-stream", "\(name)")
      let tag = try #require(answer.headers[.eTag])
      let again = try await daemon.ask(.get, name, [.ifNoneMatch: tag], by: .tcp)
      #expect(again.status == 304 && again.body.isEmpty)
    }
    #expect(try await daemon.get("/assets/none.js").status == 404)
  }

  @Test("What the daemon says of itself")
  func status() async throws {
    #expect(try await daemon.get("/livez").text == "alive\n")
    #expect(try await daemon.get("/readyz").text == "ready\n")
    let stats = try await daemon.get("/v1/stats").json
    let library = try #require((stats["libraries"] as? [[String: Any]])?.first)
    #expect(stats["version"] as? String == TestDaemon.version && library["name"] as? String == "pictures")
    #expect(library["items"] as? Int == TestDaemon.pictures.count && library["captions"] as? Int == 2)
    #expect(library["model"] as? String == "builtin" && library["dimension"] as? Int == 128)
    #expect(library["roots"] as? [String] == [daemon.folder.path("pictures")])
  }

  @Test("A library whose model is not open yet is not ready")
  func notReady() async throws {
    let library = try ServedLibrary(name: "new", location: daemon.library.location)
    let state = DaemonState(version: "1", libraries: ServedLibraries(all: [library]))
    let fresh = Daemon(
      Daemon.Configuration(
        libraries: [("new", library.location)], version: "1", keys: "/nowhere/keys.json"),
      state: state, logger: .init(label: "test"))
    let responder = fresh.routes(.socket).router.buildResponder()
    let answer = try await daemon.ask(.get, "/readyz", through: responder, host: "a")
    #expect(answer.status == 503 && answer.headers[.retryAfter] != nil && answer.text.contains("new"))
    #expect(try await daemon.ask(.get, "/livez", through: responder, host: "a").status == 200)
  }
}
