// SPDX-License-Identifier: Apache-2.0
import Compute
import Files
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import LinearAlgebra
package import Logging
import NIOCore
import NIOSSL
package import Search
import ServiceLifecycle
package import SystemPackage
import UnixSignals

/// The engine behind HTTP: one or several libraries with their models open, on a Unix socket and on TCP.
///
///     let daemon = try Daemon(configuration, logger: logger)
///     try await daemon.run { print($0) }
package struct Daemon: Sendable {
  package struct Configuration: Sendable {
    /// What is served, and what callers name it; at least one.
    package var libraries: [(name: String, location: LibraryLocation)]
    package var version: String
    /// The Unix socket; nil for none.
    package var socket: FilePath?
    /// The TCP address; nil for none.
    package var address: (host: String, port: Int)?
    /// Names besides the address's own that the Host header may hold.
    package var allowedHosts: [String] = []
    /// Certificate chain and private key, in PEM files: TCP is encrypted.
    package var certificate: (chain: FilePath, key: FilePath)?
    /// The file of keys.
    package var keys: FilePath
    /// Whether folders are followed.
    package var watches = false
    /// What the libraries' models compute with.
    package var precision = Precision.fastestFaithful

    package init(libraries: [(name: String, location: LibraryLocation)], version: String, keys: FilePath) {
      self.libraries = libraries
      self.version = version
      self.keys = keys
    }
  }

  private let configuration: Configuration
  private let logger: Logger
  let state: DaemonState
  private let keys: KeyStore
  /// How the CLI's commands are answered, see ``CommandRoutes``.
  private let answerCommand: CommandRoutes.Answer?

  /// - Throws: ``SearchError`` for a library that cannot be opened.
  package init(
    _ configuration: Configuration, logger: Logger, answerCommand: CommandRoutes.Answer? = nil
  ) throws {
    let libraries = try configuration.libraries.map {
      try ServedLibrary(name: $0.name, location: $0.location, precision: configuration.precision)
    }
    let state = DaemonState(
      version: configuration.version, libraries: ServedLibraries(all: libraries),
      isEncrypted: configuration.certificate != nil)
    self.init(configuration, state: state, logger: logger, answerCommand: answerCommand)
  }

  init(
    _ configuration: Configuration, state: DaemonState, logger: Logger,
    answerCommand: CommandRoutes.Answer? = nil
  ) {
    self.configuration = configuration
    self.state = state
    self.logger = logger
    self.answerCommand = answerCommand
    keys = KeyStore(configuration.keys)
  }

  /// Serves until SIGTERM or SIGINT, or until the task is cancelled; then finishes what is in flight, saves what is being
  /// indexed, and removes the socket.
  ///
  /// - Parameter ready: called when all addresses are bound and all models are open, with the page's address.
  /// - Throws: ``SearchError`` when an address cannot be had, or a library cannot be opened.
  package func run(ready: @escaping @Sendable (_ page: String?) -> Void) async throws {
    raiseFileLimit()
    let bound = BoundAddresses(
      expected: (configuration.socket == nil ? 0 : 1) + (configuration.address == nil ? 0 : 1))
    var services: [any Service] = []
    let links = try configuration.socket.map {
      try SocketLinks(socket: $0, libraries: configuration.libraries.map(\.location))
    }
    defer { links?.remove() }
    if let links {
      services.append(
        application(.unixDomainSocket(path: links.bindPath.string), .socket, server: http1) { _ in
          do {
            try links.publish()
            await bound.add(port: nil)
          } catch {
            await bound.fail(error)
          }
        })
    }
    if let (host, port) = configuration.address {
      let door = Door.tcp(hosts: allowedHosts(host), isEncrypted: state.isEncrypted)
      services.append(
        application(.hostname(host, port: port), door, server: try encrypted(http1)) { channel in
          await bound.add(port: channel.localAddress?.port)
        })
    }
    services.append(IndexService(jobs: state.jobs))
    if configuration.watches {
      services += state.libraries.all.map { WatchService(library: $0, logger: logger) }
    }
    services.append(
      OpeningService(state: state) {
        let port = try await bound.wait()
        ready(page(port: port))
      })
    var lifecycle = ServiceGroupConfiguration(
      services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger)
    // A caller who does not read the answer must not keep the daemon from ending.
    lifecycle.maximumGracefulShutdownDuration = .seconds(Limits.shutdownSeconds)
    let group = ServiceGroup(configuration: lifecycle)
    do {
      try await group.run()
    } catch {
      throw (error as? SearchError) ?? SearchError(.storage, "cannot serve", cause: error)
    }
  }

  private var http1: HTTPServerBuilder {
    let counts = ConnectionCounts()
    return .http1(
      configuration: HTTP1Channel.Configuration(
        additionalChannelHandlers: [ConnectionLimit(counts), HangUpHandler()],
        idleTimeout: .seconds(Int64(Limits.idleSeconds))))
  }

  private func encrypted(_ server: HTTPServerBuilder) throws -> HTTPServerBuilder {
    guard let (chain, key) = configuration.certificate else { return server }
    do {
      let certificates = try NIOSSLCertificate.fromPEMFile(chain.string).map {
        NIOSSLCertificateSource.certificate($0)
      }
      let configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: certificates,
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key.string, format: .pem)))
      return try .tls(server, tlsConfiguration: configuration)
    } catch {
      throw SearchError(
        .invalidRequest, "the certificate \(chain) or its key \(key) cannot be used", cause: error)
    }
  }

  private func application(
    _ address: BindAddress, _ door: Door, server: HTTPServerBuilder,
    running: @escaping @Sendable (any Channel) async -> Void
  ) -> any Service {
    Application(
      router: routes(door).router, server: server,
      configuration: ApplicationConfiguration(
        address: address, serverName: nil, backlog: 1024,
        availableConnectionsDelegate: MaximumAvailableConnections(Limits.connections)),
      onServerRunning: running, logger: logger)
  }

  /// All routes behind one door.
  func routes(_ door: Door) -> RouteTable {
    let router = Router(context: DaemonContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: SecurityHeaders())
    router.add(middleware: ProblemMiddleware())
    router.add(middleware: AccessMiddleware(door: door, keys: keys, sessions: state.sessions))
    let routes = RouteTable(router: router, metrics: state.metrics, bodies: state.bodies)
    SearchRoutes(daemon: state).add(to: routes)
    ItemRoutes(daemon: state).add(to: routes)
    IndexRoutes(daemon: state).add(to: routes)
    EmbeddingRoutes(daemon: state).add(to: routes)
    StatusRoutes(daemon: state).add(to: routes)
    PageRoutes(daemon: state).add(to: routes)
    if case .socket = door, let answerCommand {
      CommandRoutes(daemon: state, answer: answerCommand).add(to: routes)
    }
    routes.refuseOtherMethods()
    return routes
  }

  private func allowedHosts(_ host: String) -> Set<String> {
    let own = (host.contains(":") ? "[\(host)]" : host).lowercased()
    return Set(["localhost", "127.0.0.1", "[::1]", own] + configuration.allowedHosts.map { $0.lowercased() })
  }

  /// `http://127.0.0.1:7878/#token=…`: what follows # stays in the browser.
  private func page(port: Int?) -> String? {
    guard let (host, _) = configuration.address, let port else { return nil }
    let anywhere = ["0.0.0.0", "::"].contains(host)
    let name = anywhere ? "127.0.0.1" : host.contains(":") ? "[\(host)]" : host
    return "http\(state.isEncrypted ? "s" : "")://\(name):\(port)/#token=\(state.sessions.token)"
  }

  /// A connection takes a descriptor, and many systems grant a thousand unless asked for more.
  private func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
