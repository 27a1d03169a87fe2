// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `duet serve` on a Unix socket alone, as a process of its own.
struct ServedFolder {
  let duet: DuetProgram
  let daemon: RunningProgram
  /// Where it answers.
  let socket: String

  /// Starts a daemon and waits until it says that it listens.
  init(_ duet: DuetProgram, _ options: [String] = ["--no-tcp"]) async throws {
    self.duet = duet
    daemon = try duet.start(["serve"] + options)
    let line = try #require(await daemon.firstLine(of: "err"), "the daemon said nothing")
    try #require(line.hasPrefix("duet: listening on "), "\(line)")
    socket = String(line.dropFirst("duet: listening on ".count))
  }

  /// Asks over the socket; the answer with its head.
  func ask(_ method: String, _ path: String, body: String = "") async throws -> String {
    let head =
      "\(method) \(path) HTTP/1.1\r\nHost: duet\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
    let connection = try UnixSocket(FilePath(socket))
    try connection.write(Array((head + body).utf8))
    return String(decoding: try connection.readToEnd(limit: 64 << 20), as: UTF8.self)
  }

  /// How many of the command line's searches it has answered.
  func searches() async throws -> Int {
    let wanted = "duet_requests_total{method=\"POST\",path=\"/v1/command\",status=\"200\"} "
    let line = try await ask("GET", "/metrics").split(separator: "\n").first { $0.hasPrefix(wanted) }
    return line.flatMap { Double($0.dropFirst(wanted.count)) }.map { Int($0) } ?? 0
  }

  /// Ends it as a service manager does.
  func stop(_ signal: CInt = SIGTERM) async throws -> DuetProgram.Run {
    kill(daemon.process, signal)
    return try await daemon.finished()
  }

  /// Sockets and links in the folder where they are looked for.
  var sockets: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: duet.home.path("run/duet")).sorted()) ?? []
  }
}

@Suite struct `duet serve` {
  private func indexed() async throws -> (PictureFolder, DuetProgram) {
    let pictures = try PictureFolder.ofFive()
    var duet = try DuetProgram(in: pictures.path)
    duet.folders = [pictures.directory]
    let run = try await duet("index", ".", "--model", "builtin")
    try #require(run.status == 0, "\(run.err)")
    return (pictures, duet)
  }

  @Test func `a search prints the same with and without the daemon, and the daemon answers it`() async throws
  {
    let (pictures, duet) = try await indexed()
    let served = try await ServedFolder(duet)
    let bytes = try Fixture.bytes("Images/grey.jpg")
    let commands: [([String], status: Int32)] = [
      (["lighthouse"], 0), (["lighthouse", "--json"], 0), (["lighthouse", "-l", "--cut", "off"], 0),
      (["lighthouse", "-0", "--cut", "off"], 0), (["lighthouse", "--explain", "--json", "--cut", "off"], 0),
      (["lighthouse", "--explain", "--cut", "off"], 0), (["--image", "-", "-k", "3"], 0),
      (["--image", "2:-", "--json"], 0), (["--image", "grey.jpg", "--not-text", "sea", "--json"], 0),
      (["--image", "./grey.jpg", "-l"], 0), (["lighthouse", "--color", "always", "--cut", "off"], 0),
      (["lighthouse", "-g", "*.png", "--sort", "name"], 0), (["--item", "1", "--json"], 0),
      (["--text", "--json", "--cut", "off"], 0), (["xyzzy"], 1), (["xyzzy", "--json"], 1),
      (["lighthouse", "-g", "*.gif"], 1), (["--image", "none.png"], 2), (["--item", "999"], 2),
      (["--not-text", "a"], 2), (["--image", "rgb8.txt"], 2), (["--image", "-", "--image", "-"], 2),
      (["lighthouse", "--changed-within", "x"], 2), (["lighthouse", "--type", "gif"], 2),
    ]
    for (command, status) in commands {
      let before = try await served.searches()
      let asked = try await duet.run(["search"] + command, input: bytes)
      // What the daemon cannot answer the command tries by itself, and tells what is wrong.
      let answered = try await served.searches()
      #expect(answered == before + (status == 2 ? 0 : 1), "\(command)")
      let alone = try await duet.run(["search", "--no-daemon"] + command, input: bytes)
      #expect(try await served.searches() == answered)
      #expect(asked.output == alone.output, "\(command): \(asked.out) / \(alone.out)")
      #expect(asked.diagnostics == alone.diagnostics, "\(command): \(asked.err) / \(alone.err)")
      #expect(
        asked.status == alone.status && asked.status == status, "\(command): \(asked.status) \(asked.err)")
    }
    let answered = try await served.searches()
    // From another folder, paths are seen from there.
    try FileManager.default.createDirectory(
      at: pictures.directory.url.appending(path: "below"), withIntermediateDirectories: true)
    var below = duet
    below.folder = pictures.directory.path("below")
    let asked = try await below("search", "--image", "../grey.jpg", "-l", "-k", "1")
    #expect(asked.out == "\(pictures.directory.path("grey.jpg"))\n")
    #expect(
      asked.output
        == (try await below("search", "--no-daemon", "--image", "../grey.jpg", "-l", "-k", "1")).output)
    #expect(try await served.searches() == answered + 1)
    // What only the process itself can do is not asked for.
    #expect(try await duet("search", "lighthouse", "--model", "builtin").status == 0)
    #expect(try await duet("search", "lighthouse", "--max-memory", "100M").status == 0)
    // A folder whose name is no text has no name that the daemon could be told.
    var odd = duet
    odd.prefix = ["/bin/sh", "-c", #"cd "$(printf 'caf\351')" && exec "$0" "$@""#]
    let name = pictures.directory.path("") + "/caf"
    #expect(mkdir(name.utf8CString.dropLast() + [CChar(bitPattern: 0xE9), 0], 0o755) == 0)
    #expect(try await odd("search", "--image", "../grey.jpg", "-l", "-k", "1").out == asked.out)
    #expect(try await served.searches() == answered + 1)
    #expect(try await served.stop().status == 0)
  }

  @Test func `where the daemon has not found the model, a search looks for it by itself`() async throws {
    let pictures = try PictureFolder.ofFive()
    var duet = try DuetProgram(in: pictures.path)
    duet.folders = [pictures.directory]
    let (model, elsewhere) = (duet.home.path("model"), duet.home.path("elsewhere"))
    try FileManager.default.copyItem(atPath: Fixture.url("Models/minimal").path(), toPath: model)
    let indexed = try await duet("index", ".", "--model", model)
    try #require(indexed.status == 0, "\(indexed.err)")
    try FileManager.default.moveItem(atPath: model, toPath: elsewhere)
    let served = try await ServedFolder(duet)
    try FileManager.default.moveItem(atPath: elsewhere, toPath: model)
    let asked = try await duet("search", "--image", "grey.jpg", "-l")
    #expect(asked.status == 0 && asked.lines.count == 5, "\(asked.err)")
    #expect(asked.output == (try await duet("search", "--no-daemon", "--image", "grey.jpg", "-l")).output)
    let byText = try await duet("search", "a", "--cut", "off", "--json")
    #expect(byText.output == (try await duet("search", "--no-daemon", "a", "--cut", "off", "--json")).output)
    #expect(try await served.searches() == 0)
    #expect(try await served.stop().status == 0)
  }

  @Test func `a daemon of another precision does not answer plain searches`() async throws {
    let (_, duet) = try await indexed()
    let served = try await ServedFolder(duet, ["--no-tcp", "--precision", "int8"])
    let plain = try await duet("search", "lighthouse", "--json", "--cut", "off")
    #expect(
      plain.output == (try await duet("search", "--no-daemon", "lighthouse", "--json", "--cut", "off")).output
    )
    #expect(try await served.searches() == 0)
    // Whoever asks for its own is answered by it.
    let bytes = ["lighthouse", "--json", "--cut", "off", "--precision", "int8"]
    let asked = try await duet.run(["search"] + bytes)
    #expect(asked.status == 0 && asked.output != plain.output)
    #expect(asked.output == (try await duet.run(["search", "--no-daemon"] + bytes)).output)
    #expect(try await served.searches() == 1)
    #expect(try await served.stop().status == 0)
  }

  @Test func `a service manager is told when it is ready, and when its end begins`() async throws {
    var (_, duet) = try await indexed()
    let manager = try UnixMailbox(duet.home.path("notify"))
    duet.environment["NOTIFY_SOCKET"] = manager.path
    let served = try await ServedFolder(duet)
    #expect(manager.next(seconds: 60) == "READY=1")
    #expect(try await served.stop().status == 0)
    #expect(manager.next(seconds: 60) == "STOPPING=1")
  }

  @Test func `a socket that cannot have its name is an error, and nothing is left behind`() async throws {
    let (pictures, duet) = try await indexed()
    let long = duet.home.path(String(repeating: "x", count: 110))
    let run = try await duet("serve", "--no-tcp", "--socket", long)
    #expect(run.status == 2 && run.err.contains("name a shorter --socket"), "\(run.err)")
    let left = try FileManager.default.contentsOfDirectory(atPath: duet.home.path)
    #expect(!left.contains { $0.hasPrefix(".") }, "\(left)")
    withExtendedLifetime(pictures) {}
  }

  @Test func `the daemon sees what was indexed since it started`() async throws {
    let (pictures, duet) = try await indexed()
    let served = try await ServedFolder(duet)
    #expect(try await duet("search", "windmill").status == 1)
    try pictures.add("palette4.png", as: "new.png")
    try pictures.directory.write("a windmill\n", to: "new.txt")
    #expect(try await duet("index", ".").status == 0)
    #expect(try await duet("search", "windmill", "-l").out == "new.png\n")
    #expect(try await served.searches() == 2)
    #expect(try await served.stop().status == 0)
  }

  @Test func `another version, or what is no daemon, is not listened to, and standard input is not lost`()
    async throws
  {
    let (_, duet) = try await indexed()
    let bytes = try Fixture.bytes("Images/grey.jpg")
    let served = try await ServedFolder(duet)
    #expect(try await served.stop().status == 0)
    let replies = [
      "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "", "\u{0}", "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDuet-Output: 0 9223372036854775807 9223372036854775807\r\nContent-Length: 0\r\n\r\n",
    ]
    for reply in replies {
      let listener = try UnixListener(served.socket, reply: Array(reply.utf8))
      for command in [["--image", "-", "-l", "-k", "1"], ["lighthouse", "--json"]] {
        let asked = try await duet.run(["search"] + command, input: bytes)
        let alone = try await duet.run(["search", "--no-daemon"] + command, input: bytes)
        #expect(asked.status == 0 && asked.output == alone.output && asked.diagnostics == alone.diagnostics)
      }
      withExtendedLifetime(listener) {}
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a signal ends it with status 0 and takes socket and links away`(signal: CInt) async throws {
    let (_, duet) = try await indexed()
    let (other, keeper) = try await indexed()
    let served = try await ServedFolder(
      duet, ["--no-tcp", "--library", "one=\(duet.folder)", "--library", "two=\(other.path)"])
    #expect(served.sockets.count == 2)
    let mode = try FileManager.default.attributesOfItem(atPath: served.socket)[.posixPermissions] as? Int
    let folderMode =
      try FileManager.default.attributesOfItem(atPath: duet.home.path("run/duet"))[.posixPermissions] as? Int
    #expect(mode == 0o600 && folderMode == 0o700)
    // Both libraries' searches find their way.
    for folder in [duet.folder, other.path] {
      var there = duet
      there.folder = folder
      #expect(try await there("search", "lighthouse", "-l", "-k", "1").out == "rgb8.png\n")
    }
    #expect(try await served.searches() == 2)
    #expect(
      try await served.ask("GET", "/v1/search?q=lighthouse&library=two").contains("\"library\":\"two\""))
    let run = try await served.stop(signal)
    #expect(run.status == 0 && run.output.isEmpty, "\(run.status) \(run.err)")
    #expect(served.sockets.isEmpty)
    withExtendedLifetime(keeper) {}
    #expect(try await duet("search", "lighthouse").status == 0)
  }

  @Test func `what a killed daemon left behind is replaced, and until then searches answer themselves`()
    async throws
  {
    let (_, duet) = try await indexed()
    let first = try await ServedFolder(duet)
    #expect(try await first.stop(SIGKILL).status == 128 + SIGKILL)
    #expect(first.sockets.count == 1)
    let alone = try await duet("search", "lighthouse", "-l", "-k", "1")
    #expect(alone.status == 0 && alone.out == "rgb8.png\n" && alone.err.isEmpty)
    let second = try await ServedFolder(duet)
    #expect(second.socket == first.socket)
    #expect(try await duet("search", "lighthouse", "-l", "-k", "1").out == "rgb8.png\n")
    #expect(try await second.searches() == 1)
    #expect(try await second.stop().status == 0)
  }

  @Test
  func
    `a second daemon for the same library names the first, and a file in the socket's place is not removed`()
    async throws
  {
    let (pictures, duet) = try await indexed()
    let served = try await ServedFolder(duet)
    for options in [[], ["--socket", duet.home.path("other.sock")], ["--library", "x=\(pictures.path)"]] {
      let second = try await duet.run(["serve", "--no-tcp"] + options)
      #expect(second.status == 2 && second.err.contains(served.socket), "\(second.err)")
    }
    // The first goes on undisturbed.
    #expect(try await duet("search", "lighthouse").status == 0)
    #expect(try await served.searches() == 1)
    #expect(try await served.stop().status == 0)
    let inTheWay = try await duet("serve", "--no-tcp", "--socket", "rgb8.png")
    #expect(inTheWay.status == 2 && inTheWay.err.contains("rgb8.png"))
    #expect(
      [UInt8](try Data(contentsOf: pictures.directory.url.appending(path: "rgb8.png")))
        == (try Fixture.bytes("Images/rgb8.png")))
    #expect(try await DuetProgram()("serve", "--no-tcp").status == 2)
  }

  @Test func `on TCP it prints the page's address; a port that is taken ends the second daemon`() async throws
  {
    let (_, duet) = try await indexed()
    let (_, other) = try await indexed()
    let daemon = try duet.start(["serve", "--port", "0"])
    let page = try #require(await daemon.firstLine(of: "out"))
    let url = try #require(URL(string: page))
    let port = try #require(url.port)
    #expect(url.scheme == "http" && url.host() == "127.0.0.1" && url.fragment()?.hasPrefix("token=") == true)
    let second = try await other("serve", "--port", "\(port)")
    #expect(second.status == 2 && second.output.isEmpty, "\(second.err)")
    // Where it could not serve, it leaves nothing behind.
    #expect((try? FileManager.default.contentsOfDirectory(atPath: other.home.path("run/duet"))) ?? [] == [])
    kill(daemon.process, SIGTERM)
    #expect(try await daemon.finished().status == 0)
    withExtendedLifetime((duet, other)) {}
  }

  @Test func `keys are made, listed and revoked`() async throws {
    let duet = try DuetProgram()
    let made = try await duet("serve", "key", "create", "phone", "--scope", "index")
    #expect(made.status == 0 && made.out.hasPrefix("duet_"))
    #expect(try await duet("serve", "key", "create", "phone").status == 2)
    #expect(try await duet("serve", "key", "list").out == "phone\tindex\n")
    #expect(try await duet("serve", "key", "revoke", "phone").status == 0)
    #expect(try await duet("serve", "key", "list").out == "")
    #expect(try await duet("serve", "key", "revoke", "phone").status == 2)
  }

  @Test func `SIGTERM while it indexes saves the batch; kill -9 leaves a sound library`() async throws {
    for signal in [SIGTERM, SIGKILL] {
      let pictures = try PictureFolder(count: 10)
      var duet = try DuetProgram(in: pictures.path)
      duet.folders = [pictures.directory]
      #expect(try await duet("index", ".", "--model", "builtin").status == 0)
      let bytes = try Fixture.bytes("Images/rgb8.png")
      for number in 0..<600 {
        try pictures.directory.write(bytes + Array("more \(number)".utf8), to: "more/\(number).png")
      }
      let served = try await ServedFolder(duet)
      let answer = try await served.ask("POST", "/v1/index", body: "{}")
      #expect(answer.hasPrefix("HTTP/1.1 202"), "\(answer)")
      // Until it has something in hand.
      while !(try await served.ask("GET", "/v1/jobs/1")).contains("\"phase\":\"embedding\"") {
        if try await served.ask("GET", "/v1/jobs/1").contains("\"state\":\"done\"") { break }
      }
      let run = try await served.stop(signal)
      #expect(run.status == (signal == SIGTERM ? 0 : 128 + SIGKILL), "\(run.err)")
      let verified = try await duet("verify", "--json")
      #expect(verified.status == 0, "\(verified.out) \(verified.err)")
      #expect(try verified.json["sound"] as? Bool == true)
      #expect(try await duet("search", "--image", "more/1.png", "-l", "-k", "1").status == 0)
      #expect(try await duet("index", ".").status == 0)
      #expect(try (await duet("info", "--json").json["library"] as? [String: Any])?["items"] as? Int == 610)
    }
  }
}
