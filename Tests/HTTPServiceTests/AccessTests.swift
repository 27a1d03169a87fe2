// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("Who may do what")
struct AccessTests {
  let daemon: TestDaemon

  init() async throws { daemon = try await TestDaemon.shared.value }

  private func key(_ scope: KeyScope) throws -> (name: String, key: String) {
    let name = UUID().uuidString
    return (name, try daemon.keys.create(name: name, scope: scope, now: 0))
  }

  private func bearer(_ key: String) -> HTTPFields { [.authorization: "Bearer \(key)"] }

  private func tcp(
    _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], host: String = "localhost"
  ) async throws -> Answer {
    try await daemon.ask(method, path, headers, by: .tcp, host: host)
  }

  @Test("Whoever may open the socket needs no key, whatever the host is called")
  func socket() async throws {
    #expect(try await daemon.get("/v1/stats").status == 200)
    #expect(try await daemon.ask(.get, "/v1/stats", host: "anything:1").status == 200)
  }

  @Test("Over TCP nobody gets in without a key, or with a wrong one")
  func withoutKey() async throws {
    for path in ["/v1/stats", "/v1/search?q=a", "/v1/items/1", "/metrics", "/v1/jobs"] {
      let answer = try await tcp(.get, path)
      #expect(answer.status == 401 && answer.headers[.wwwAuthenticate] == "Bearer realm=\"duet\"", "\(path)")
    }
    for wrong in ["Bearer duet_wrong", "Bearer", "Bearer ", "Basic YTpi", "", "duet_wrong"] {
      let answer = try await tcp(.get, "/v1/stats", [.authorization: wrong])
      #expect(answer.status == 401 && answer.headers[.wwwAuthenticate] != nil, "\(wrong)")
    }
    // A key that is wrong is not made good by what needs none.
    #expect(try await tcp(.get, "/livez").status == 200)
    #expect(try await tcp(.get, "/readyz").status == 200)
    #expect(try await tcp(.get, "/openapi.json").status == 200)
  }

  @Test("A key may do what its scope says, and nothing once it is revoked")
  func scopes() async throws {
    let (name, read) = try key(.read)
    let (_, index) = try key(.index)
    for header in ["Bearer \(read)", "bearer \(read)", "BEARER  \(read)"] {
      #expect(try await tcp(.get, "/v1/stats", [.authorization: header]).status == 200, "\(header)")
    }
    let body = ["folders": ["/not/there"]]
    let refused = try await daemon.send(body, to: "/v1/index", bearer(read), by: .tcp)
    #expect(refused.status == 403 && refused.text.contains("'index'"))
    #expect(try await tcp(.delete, "/v1/jobs/1", bearer(read)).status == 403)
    // It gets as far as the folders, which are wrong.
    #expect(try await daemon.send(body, to: "/v1/index", bearer(index), by: .tcp).problem == "422 folders[0]")
    #expect(try await tcp(.get, "/v1/stats", bearer(index)).status == 200)
    try daemon.keys.revoke(name: name)
    #expect(try await tcp(.get, "/v1/stats", bearer(read)).status == 401)
    #expect(try await tcp(.get, "/v1/stats", bearer(index)).status == 200)
  }

  @Test("The page exchanges the printed token for a cookie, and the cookie lets it in")
  func page() async throws {
    let token = daemon.daemon.state.sessions.token
    let opened = try await daemon.send(["token": token], to: "/v1/session", by: .tcp)
    #expect(opened.status == 204)
    let cookie = try #require(opened.headers[.setCookie])
    let attributes = cookie.split(separator: ";").map { $0.drop { $0 == " " } }
    #expect(attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"))
    #expect(attributes.contains("Path=/") && !attributes.contains("Secure"))
    let pair = String(try #require(attributes.first))
    #expect(pair.hasPrefix("duet_session=") && !pair.contains(token))
    #expect(try await tcp(.get, "/v1/stats", [.cookie: pair]).status == 200)
    #expect(try await tcp(.get, "/v1/stats", [.cookie: "other=1; \(pair)"]).status == 200)
    let index = try await daemon.send(["folders": ["/not/there"]], to: "/v1/index", [.cookie: pair], by: .tcp)
    #expect(try index.problem == "422 folders[0]")
    for wrong in [
      "duet_session=", "duet_session=\(token)", "duet_session=x", pair + "x", String(pair.dropLast()),
    ] {
      #expect(try await tcp(.get, "/v1/stats", [.cookie: wrong]).status == 401, "\(wrong)")
    }
    for wrong in ["", "x", String(token.dropLast()), token + "x"] {
      let answer = try await daemon.send(["token": wrong], to: "/v1/session", by: .tcp)
      #expect(answer.status == 401 && answer.headers[.setCookie] == nil)
    }
  }

  @Test("A cookie is of the port that was asked: another daemon on the same host has its own")
  func cookiePort() async throws {
    let token = daemon.daemon.state.sessions.token
    let opened = try await daemon.ask(
      .post, "/v1/session", [.contentType: "application/json"], bytes: Array("{\"token\":\"\(token)\"}".utf8),
      by: .tcp, host: "localhost:7878")
    let cookie = try #require(opened.headers[.setCookie]).prefix { $0 != ";" }
    let value = cookie.split(separator: "=", maxSplits: 1)[1]
    #expect(cookie.hasPrefix("duet_session_7878="))
    func status(_ name: String, host: String) async throws -> Int {
      try await tcp(.get, "/v1/stats", [.cookie: "duet_session_1=x; \(name)=\(value)"], host: host).status
    }
    #expect(try await status("duet_session_7878", host: "localhost:7878") == 200)
    #expect(try await status("duet_session_7878", host: "localhost:7879") == 401)
    #expect(try await status("duet_session", host: "localhost:7878") == 401)
    #expect(PageSessions.cookieName(for: "[::1]:80") == "duet_session_80")
    #expect(PageSessions.cookieName(for: "[::1]") == "duet_session")
  }

  @Test("Cookies beyond the limit push out the oldest")
  func manyCookies() throws {
    let sessions = PageSessions()
    let cookies = try (0...PageSessions.limit).map { _ in try #require(sessions.open(token: sessions.token)) }
    #expect(!sessions.holds(cookies[0]) && sessions.holds(cookies[1]) && sessions.holds(cookies.last!))
    #expect(Set(cookies).count == cookies.count)
  }

  @Test("Over TLS the cookie stays on TLS")
  func secureCookie() async throws {
    let state = DaemonState(
      version: "1", libraries: daemon.daemon.state.libraries, isEncrypted: true)
    let secure = Daemon(
      Daemon.Configuration(
        libraries: [("pictures", daemon.library.location)], version: "1", keys: "/nowhere/keys.json"),
      state: state, logger: .init(label: "test"))
    let answer = try await daemon.ask(
      .post, "/v1/session", [.contentType: "application/json"],
      bytes: Array("{\"token\":\"\(state.sessions.token)\"}".utf8),
      through: secure.routes(.tcp(hosts: ["localhost"], isEncrypted: true)).router.buildResponder(),
      host: "localhost")
    #expect(answer.headers[.setCookie]?.hasSuffix("; Secure") == true)
  }

  @Test("Another name for this machine is misdirected: it may be an attacker's")
  func foreignHost() async throws {
    let (_, key) = try key(.admin)
    for host in ["evil.example", "evil.example:7878", "localhost.evil.example", "", "[::2]", "127.0.0.1"] {
      #expect(try await tcp(.get, "/v1/stats", bearer(key), host: host).status == 421, "\(host)")
      #expect(try await tcp(.get, "/livez", host: host).status == 421, "\(host)")
    }
    for host in ["localhost", "localhost:7878", "LOCALHOST:1"] {
      #expect(try await tcp(.get, "/v1/stats", bearer(key), host: host).status == 200, "\(host)")
    }
  }

  @Test("Pages of other origins are not answered")
  func foreignOrigin() async throws {
    let (_, key) = try key(.admin)
    func status(_ method: HTTPRequest.Method, _ more: HTTPFields, _ path: String = "/v1/stats") async throws
      -> Int
    {
      var headers = bearer(key)
      headers.append(contentsOf: more)
      return try await tcp(method, path, headers, host: "localhost:7878").status
    }
    for origin in [
      "https://evil.example", "null", "http://localhost:7879", "https://localhost:7878", "http://localhost",
      "http://localhost:7878.evil.example", "",
    ] {
      #expect(try await status(.get, [.origin: origin]) == 403, "\(origin)")
    }
    #expect(try await status(.get, [.origin: "http://localhost:7878"]) == 200)
    let site = HTTPField.Name("Sec-Fetch-Site")!
    #expect(try await status(.post, [site: "cross-site"], "/v1/search") == 403)
    #expect(try await status(.delete, [site: "cross-site"], "/v1/jobs/1") == 403)
    #expect(try await status(.post, [site: "same-origin"], "/v1/search") == 415)
    #expect(try await status(.get, [site: "cross-site"]) == 200)
  }

  @Test("The command line's own route is on the socket only")
  func commandRoute() async throws {
    let daemon = Daemon(
      Daemon.Configuration(
        libraries: [("pictures", self.daemon.library.location)], version: "1", keys: "/nowhere/keys.json"),
      state: self.daemon.daemon.state, logger: .init(label: "test"), answerCommand: { _, _, _ in .init() })
    for (door, status) in [(Door.tcp(hosts: ["localhost"], isEncrypted: false), 404), (.socket, 415)] {
      let answer = try await self.daemon.ask(
        .post, CommandRoutes.path, through: daemon.routes(door).router.buildResponder(), host: "localhost")
      #expect(answer.status == status)
    }
  }
}

@Suite("The file of keys")
struct KeyStoreTests {
  let folder: TemporaryDirectory
  let path: FilePath
  let store: KeyStore

  init() throws {
    folder = try TemporaryDirectory()
    path = FilePath(folder.path("config/duet/keys.json"))
    store = KeyStore(path)
  }

  @Test("It is its owner's alone, and holds no key but its hash")
  func file() throws {
    #expect(try store.entries() == [])
    let key = try store.create(name: "phone", scope: .read, now: 1_700_000_000)
    #expect(try FileStatus(of: path).permissions & 0o777 == 0o600)
    let text = String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self)
    #expect(!text.contains(key) && !text.contains(key.dropFirst(5)))
    #expect(text.contains(Secret.hash(key)) && key.utf8.count >= 48)
    #expect(try store.entry(of: key)?.name == "phone")
    let entries = try KeyStore(path).entries()
    #expect(
      entries.map(\.name) == ["phone"] && entries[0].scope == .read && entries[0].created == 1_700_000_000)
    #expect(try store.entry(of: Secret.hash(key)) == nil && store.entry(of: "") == nil)
  }

  @Test("Names are single words, each once; an unknown one cannot be revoked")
  func names() throws {
    let first = try store.create(name: "a", scope: .read, now: 0)
    let second = try store.create(name: "b", scope: .index, now: 0)
    let taken = #expect(throws: SearchError.self) { try store.create(name: "a", scope: .admin, now: 0) }
    #expect(taken?.code == .invalidRequest)
    for wrong in ["", "two words", "line\nfeed", String(repeating: "x", count: 101)] {
      let error = #expect(throws: SearchError.self) { try store.create(name: wrong, scope: .read, now: 0) }
      #expect(error?.code == .invalidRequest)
    }
    let unknown = #expect(throws: SearchError.self) { try store.revoke(name: "c") }
    #expect(unknown?.code == .invalidRequest)
    // Another process revokes one.
    #expect(try store.entry(of: first) != nil)
    try KeyStore(path).revoke(name: "a")
    #expect(try store.entry(of: first) == nil && store.entry(of: second)?.scope == .index)
  }

  @Test("Keys that are made and revoked at once do not push each other out")
  func concurrent() async throws {
    let path = path
    let keys = try await withThrowingTaskGroup(of: String.self) { group in
      for number in 0..<16 {
        group.addTask { try KeyStore(path).create(name: "key\(number)", scope: .read, now: 0) }
      }
      return try await group.reduce(into: [String]()) { $0.append($1) }
    }
    for key in keys { #expect(try store.entry(of: key) != nil) }
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<16 { group.addTask { try? KeyStore(path).revoke(name: "key\(number)") } }
    }
    #expect(try store.entries() == [])
  }

  @Test("A damaged file is an error that names it, and lets nobody in")
  func damaged() throws {
    let key = try store.create(name: "a", scope: .read, now: 0)
    for text in ["", "{", "{\"keys\":5}", "{\"keys\":[{\"name\":\"a\"}]}", "\u{0}"] {
      try folder.write(text, to: "config/duet/keys.json")
      let error = #expect(throws: SearchError.self) { try KeyStore(path).entry(of: key) }
      #expect(error?.code == .storage && error?.message.contains(path.string) == true)
      #expect(throws: SearchError.self) { try KeyStore(path).create(name: "b", scope: .read, now: 0) }
    }
  }

  @Test("Secrets are compared to the last byte")
  func comparison() {
    #expect(Secret.areEqual("", "") && Secret.areEqual("abc", "abc"))
    for (a, b) in [
      ("abc", "abd"), ("abc", "bbc"), ("abc", "ab"), ("", "a"), ("abc", "abcd"), ("é", "e\u{301}"),
    ] {
      #expect(!Secret.areEqual(a, b) && !Secret.areEqual(b, a))
    }
    let secrets = (0..<100).map { _ in Secret.random() }
    #expect(Set(secrets).count == 100)
    #expect(
      secrets.allSatisfy {
        $0.utf8.count == 43 && $0.allSatisfy { $0.isLetter || $0.isNumber || "-_".contains($0) }
      })
    #expect(Secret.hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
