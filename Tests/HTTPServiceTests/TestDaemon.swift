// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import Files
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

/// A daemon without addresses, asked in this process: a folder of small pictures, their library made with the built-in
/// model, and the routes behind both doors.
final class TestDaemon: Sendable {
  static let version = "1.2.3"

  let folder: TemporaryDirectory
  let daemon: Daemon
  let keys: KeyStore
  let channel = NIOAsyncTestingChannel()
  private let socket: any HTTPResponder<DaemonContext>
  private let tcp: any HTTPResponder<DaemonContext>

  /// One for the suites that change nothing.
  static let shared = Task { try await TestDaemon() }

  init(
    pictures: [String: [UInt8]] = TestDaemon.pictures, captions: [String: String] = TestDaemon.captions,
    scheduler: QueryScheduler = QueryScheduler(), bodies: BodyBudget = BodyBudget()
  ) async throws {
    folder = try TemporaryDirectory()
    for (name, bytes) in pictures { try folder.write(bytes, to: "pictures/\(name)") }
    for (name, caption) in captions { try folder.write(caption + "\n", to: "pictures/\(name)") }
    let root = FilePath(folder.path("pictures"))
    let location = LibraryLocation(directory: root.appending(".duet"))
    try await TestDaemon.index(root, location)
    keys = KeyStore(FilePath(folder.path("config/keys.json")))
    let configuration = Daemon.Configuration(
      libraries: [("pictures", location)], version: TestDaemon.version,
      keys: FilePath(folder.path("config/keys.json")))
    let library = try ServedLibrary(name: "pictures", location: location)
    let folder = folder
    let state = DaemonState(
      version: TestDaemon.version, libraries: ServedLibraries(all: [library]),
      cache: BaseDirectories(environment: { $0 == "XDG_CACHE_HOME" ? folder.path("cache") : nil }),
      scheduler: scheduler, bodies: bodies)
    daemon = Daemon(
      configuration, state: state, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    socket = daemon.routes(.socket).router.buildResponder()
    tcp = daemon.routes(.tcp(hosts: ["localhost"], isEncrypted: false)).router.buildResponder()
    try await ComputePool.shared.run { try library.open() }
  }

  /// Colours in folders, one of them with a name full of pattern characters, two with captions.
  static let pictures: [String: [UInt8]] = [
    "red.png": TinyPNG.encode(230, 20, 20), "green.png": TinyPNG.encode(20, 200, 40),
    "blue.png": TinyPNG.encode(20, 40, 230), "holiday/sea.png": TinyPNG.encode(30, 90, 200, side: 12),
    "holiday/sand.png": TinyPNG.encode(220, 200, 120, side: 12),
    "holiday/deep/night.png": TinyPNG.encode(5, 5, 20),
    "a[1]*{x,y}!?/odd.png": TinyPNG.encode(200, 60, 200), "a1zx/decoy.png": TinyPNG.encode(100, 60, 100),
    "grey.png": TinyPNG.encode(128, 128, 128, side: 40), "white.png": TinyPNG.encode(255, 255, 255),
    "yellow.png": TinyPNG.encode(240, 240, 10), "teal.png": TinyPNG.encode(0, 128, 128),
  ]
  static let captions = ["red.txt": "a lighthouse at dusk", "holiday/sea.txt": "the quiet lighthouse sea"]

  /// Brings a library up to date as `duet index` does.
  static func index(_ root: FilePath, _ location: LibraryLocation) async throws {
    let choice = try await ComputePool.shared.run { try ModelChoice.open(named: "builtin") }
    var options = IngestOptions()
    options.folders = [root]
    let ingestor = try Ingestor(location: location, embedder: choice.embedder, options: options)
    try ingestor.remember(choice)
    _ = try await ingestor.run()
    try ingestor.close()
  }

  /// Makes another state of the library.
  func add(_ name: String, _ bytes: [UInt8]) async throws {
    try folder.write(bytes, to: "pictures/\(name)")
    try await reindex()
  }

  func reindex() async throws {
    try await TestDaemon.index(FilePath(folder.path("pictures")), library.location)
  }

  var library: ServedLibrary { daemon.state.libraries.all[0] }

  /// Runs `body` on a compute thread with the library's state.
  func onSnapshot<Result: Sendable>(_ body: @escaping @Sendable (LibrarySnapshot) throws -> Result)
    async throws
    -> Result
  {
    let library = library
    return try await ComputePool.shared.run { try body(try library.snapshot()) }
  }

  /// The number of a picture, by its path below the root.
  func id(of name: String) async throws -> Int64 {
    let hits = try await search(["terms": [["vector": [Float](repeating: 1, count: 128)]], "limit": 100]).hits
    return try #require(hits.first { $0["relative"] as? String == name }?["id"] as? Int64)
  }

  // MARK: - Asking

  /// What stands beside a request that came by ``channel``.
  var context: DaemonContext {
    DaemonContext(
      source: ApplicationRequestContextSource(
        channel: channel, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
  }

  enum Entrance { case socket, tcp }

  func ask(
    _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], body: RequestBody,
    through responder: any HTTPResponder<DaemonContext>, host: String
  ) async throws -> Answer {
    let request = Request(
      head: HTTPRequest(method: method, scheme: "http", authority: host, path: path, headerFields: headers),
      body: body)
    let response = try await responder.respond(to: request, context: context)
    let writer = CollectingWriter()
    try await response.body.write(writer)
    return Answer(status: response.status.code, headers: response.headers, body: writer.bytes)
  }

  func ask(
    _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], bytes: [UInt8] = [],
    through responder: any HTTPResponder<DaemonContext>, host: String
  ) async throws -> Answer {
    try await ask(
      method, path, headers, body: RequestBody(buffer: ByteBuffer(bytes: bytes)), through: responder,
      host: host)
  }

  func ask(
    _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], body: RequestBody,
    by entrance: Entrance = .socket, host: String = "localhost"
  ) async throws -> Answer {
    try await ask(
      method, path, headers, body: body, through: entrance == .socket ? socket : tcp, host: host)
  }

  func ask(
    _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], bytes: [UInt8] = [],
    by entrance: Entrance = .socket, host: String = "localhost"
  ) async throws -> Answer {
    try await ask(
      method, path, headers, body: RequestBody(buffer: ByteBuffer(bytes: bytes)), by: entrance, host: host)
  }

  func get(_ path: String, _ headers: HTTPFields = [:]) async throws -> Answer {
    try await ask(.get, path, headers)
  }

  /// Sends a body as JSON.
  func send(
    _ json: Any, to path: String, _ headers: HTTPFields = [:], by entrance: Entrance = .socket
  ) async throws -> Answer {
    var headers = headers
    headers[.contentType] = "application/json"
    let bytes = [UInt8](try JSONSerialization.data(withJSONObject: json, options: .fragmentsAllowed))
    return try await ask(.post, path, headers, bytes: bytes, by: entrance)
  }

  /// Sends a body as it is written.
  func send(text: String, to path: String) async throws -> Answer {
    try await ask(.post, path, [.contentType: "application/json"], bytes: Array(text.utf8))
  }

  func search(_ json: [String: Any]) async throws -> Answer { try await send(json, to: "/v1/search") }
}

/// What came back.
struct Answer {
  let status: Int
  let headers: HTTPFields
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }

  var json: [String: Any] {
    get throws {
      try #require(
        try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
        "\(status): no JSON object: \(text)")
    }
  }

  var hits: [[String: Any]] {
    get throws { try #require(try json["hits"] as? [[String: Any]], "\(status): \(text)") }
  }

  /// The hits' paths below the root, in order.
  var names: [String] { get throws { try hits.compactMap { $0["relative"] as? String } } }
  var cursor: String? { get throws { try json["cursor"] as? String } }

  /// `status field`, of a problem.
  var problem: String {
    get throws { "\(status) \(try json["field"] as? String ?? "-")" }
  }
}

/// Keeps what is written to it.
final class CollectingWriter: ResponseBodyWriter, Sendable {
  private let collected = Mutex<[UInt8]>([])

  var bytes: [UInt8] { collected.withLock { $0 } }

  func write(_ buffer: ByteBuffer) async throws {
    collected.withLock { $0 += Array(buffer.readableBytesView) }
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
