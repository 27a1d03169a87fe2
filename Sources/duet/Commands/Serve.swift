// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
// C's `stdout` is a variable.
@preconcurrency import Glibc
import HTTPService
import Logging
import Search
import SystemPackage

/// `duet serve`: the daemon.
struct Serve: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      abstract: "Serve libraries to browsers, programs, and 'duet search'.",
      subcommands: [ServeRun.self, ServeKey.self], defaultSubcommand: ServeRun.self)
  }
}

/// `duet serve run`, which is what `duet serve` means.
struct ServeRun: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "run",
      abstract: "Serve libraries until SIGTERM or Ctrl-C (this is what 'duet serve' does).",
      discussion: Help.examples(
        """
        duet serve                                       this library's page on http://127.0.0.1:7878
        duet serve --library photos=~/Photos --library art=~/Art --watch
        duet serve --host 0.0.0.0 --allow-host nas.local --tls-cert chain.pem --tls-key key.pem
        duet serve key create phone --scope read
        """,
        before: """
          The page's address, with its token, is printed on standard output. Programs send a key ('duet serve key \
          create NAME') as 'Authorization: Bearer KEY'; the Unix socket, which only its owner may open, needs none. \
          /openapi.json describes the API.
          """,
        after: "Exit status: 0 stopped by a signal, 2 error."))
  }

  @Option(
    help: ArgumentHelp(
      "A library, and what callers name it; may be given several times (default: the one that --index means).",
      valueName: "name=dir"))
  var library: [String] = []
  @OptionGroup var place: LibraryOptions
  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"
  @Option(help: ArgumentHelp("The TCP port; 0 for any that is free.", valueName: "port"))
  var port = 7878
  @Flag(help: "Listen on the Unix socket only.")
  var noTcp = false
  @Option(
    help: ArgumentHelp("The Unix socket (default: $XDG_RUNTIME_DIR/duet/…).", valueName: "path"),
    completion: .file())
  var socket: String?
  @Flag(help: "Do not listen on a Unix socket.")
  var noSocket = false
  @Option(help: ArgumentHelp("A name by which browsers may call this machine.", valueName: "name"))
  var allowHost: [String] = []
  @Option(
    help: ArgumentHelp("The certificate chain (PEM): TCP is encrypted.", valueName: "file"),
    completion: .file())
  var tlsCert: String?
  @Option(help: ArgumentHelp("The certificate's private key (PEM).", valueName: "file"), completion: .file())
  var tlsKey: String?
  @Flag(help: "Follow the libraries' folders, and bring them up to date when something changes.")
  var watch = false
  @Option(help: .precision)
  var precision = PrecisionChoice.auto
  @Option(
    help: ArgumentHelp("What is logged to standard error: debug, info, notice, error.", valueName: "level"))
  var logLevel = LogLevel.notice

  func validate() throws {
    if noTcp && noSocket { throw ValidationError("with --no-tcp and --no-socket nobody could ask") }
    if (tlsCert == nil) != (tlsKey == nil) {
      throw ValidationError("--tls-cert and --tls-key belong together")
    }
    if !(0...65_535).contains(port) { throw ValidationError("--port \(port): ports are 0 to 65535") }
  }

  func run() async throws {
    var configuration = Daemon.Configuration(
      libraries: try libraries(), version: Duet.version, keys: ServeKey.file)
    if !noSocket {
      configuration.socket =
        try socket.map { try Paths.absolute($0) } ?? SocketLinks.path(of: configuration.libraries[0].location)
    }
    configuration.address = noTcp ? nil : (host, port)
    configuration.allowedHosts = allowHost
    if let tlsCert, let tlsKey { configuration.certificate = (FilePath(tlsCert), FilePath(tlsKey)) }
    configuration.watches = watch
    configuration.precision = precision.precision
    var logger = Logger(label: "duet") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = logLevel.level
    let daemon = try Daemon(configuration, logger: logger, answerCommand: Search.answer)
    let socket = configuration.socket
    try await daemon.run { page in
      if let socket { Diagnostics.note("listening on \(socket)") }
      if let page {
        print(page)
        // Whoever started the daemon waits for the address.
        fflush(stdout)
      }
    }
  }

  private func libraries() throws -> [(name: String, location: LibraryLocation)] {
    guard !library.isEmpty else {
      let location = try place.find()
      let folder = location.directory.removingLastComponent()
      return [(folder.lastComponent?.string ?? "library", location)]
    }
    var seen: Set<String> = []
    return try library.map { argument in
      let parts = argument.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, seen.insert(String(parts[0])).inserted else {
        throw SearchError(
          .invalidRequest, "--library \(argument): give each a name of its own: photos=~/Photos")
      }
      var environment = try place.environment()
      environment.override = FilePath(String(parts[1]))
      return (String(parts[0]), try LibraryLocation.find(in: environment))
    }
  }
}

/// `--log-level`.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
  case debug, info, notice, error

  var level: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .error: .error
    }
  }
}

/// `duet serve key`: who may ask over TCP.
struct ServeKey: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "key", abstract: "Make, list and revoke the keys that programs show.",
      subcommands: [Create.self, List.self, Revoke.self])
  }

  static var file: FilePath { BaseDirectories.current.config.appending("keys.json") }

  struct Create: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Make a key and print it; it cannot be shown again.",
        discussion: Help.examples("duet serve key create phone --scope read"))
    }

    @Argument(help: "One word by which to know it.")
    var name: String
    @Option(help: ArgumentHelp("read, index (read, and start indexing) or admin.", valueName: "scope"))
    var scope = KeyScope.read

    func run() throws {
      print(try KeyStore(ServeKey.file).create(name: name, scope: scope, now: Int64(time(nil))))
    }
  }

  struct List: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(abstract: "List the keys' names and scopes.")
    }

    func run() throws {
      for entry in try KeyStore(ServeKey.file).entries() { print("\(entry.name)\t\(entry.scope.rawValue)") }
    }
  }

  struct Revoke: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(abstract: "Make a key worthless, at once.")
    }

    @Argument(help: "The key's name.")
    var name: String

    func run() throws { try KeyStore(ServeKey.file).revoke(name: name) }
  }
}

extension KeyScope: ExpressibleByArgument {
  /// As they are typed.
  package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
