// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Files

@Suite("Unix sockets")
struct UnixSocketTests {
  let folder: TemporaryDirectory
  let path: FilePath

  init() throws {
    folder = try TemporaryDirectory()
    path = FilePath(folder.path("socket"))
  }

  @Test("What is written comes back from a listener that sends it back")
  func roundTrip() throws {
    let listener = try UnixListener(path.string, reply: nil)
    #expect(UnixSocket.answers(path))
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let socket = try UnixSocket(path)
    try socket.write(bytes)
    #expect(try socket.readToEnd(limit: 1 << 20) == bytes)
    withExtendedLifetime(listener) {}
  }

  @Test("More than the limit is too large")
  func limit() throws {
    let listener = try UnixListener(path.string, reply: [UInt8](repeating: 1, count: 1_000))
    for (limit, isEnough) in [(1_000, true), (999, false), (0, false)] {
      let socket = try UnixSocket(path)
      try socket.write([0])
      if isEnough {
        #expect(try socket.readToEnd(limit: limit).count == 1_000)
      } else {
        let error = #expect(throws: FileError.self) { try socket.readToEnd(limit: limit) }
        #expect(error?.code == .tooLarge)
      }
    }
    withExtendedLifetime(listener) {}
  }

  @Test("Where nobody listens: no file, a socket that was left behind, a file")
  func nobody() throws {
    func code(_ path: FilePath) -> FileError.Code? {
      #expect(!UnixSocket.answers(path))
      return #expect(throws: FileError.self) { try UnixSocket(path) }?.code
    }
    #expect(code(path) == .notFound)
    #expect(code("") == .malformed)
    #expect(code(FilePath("/tmp/" + String(repeating: "x", count: 110))) == .malformed)
    #expect(code(FilePath(try folder.write("a file", to: "file"))) == .notFound)
    #expect(code(FilePath(folder.path)) != nil)
    // A listener that dies leaves its name behind.
    let other = FilePath(folder.path("left"))
    var listener: UnixListener? = try UnixListener(other.string, reply: nil)
    try FileManager.default.moveItem(atPath: other.string, toPath: path.string)
    #expect(UnixSocket.answers(path))
    listener = nil
    #expect(listener == nil && code(path) == .notFound)
  }

  @Test("A listener that lets nobody in any more is given up in time, and is known to be there")
  func fullQueue() throws {
    let listener = try UnixListener(path.string, reply: nil)
    // The first is talked to, eight and one more wait to be.
    let waiting = try (0..<10).map { _ in try UnixSocket(path) }
    let error = #expect(throws: FileError.self) { try UnixSocket(path) }
    #expect(error?.errno == .resourceTemporarilyUnavailable)
    #expect(UnixSocket.answers(path))
    withExtendedLifetime((listener, waiting)) {}
  }

  @Test("A listener that says nothing is given up in time")
  func timeout() throws {
    let listener = try UnixListener(path.string, reply: nil)
    let socket = try UnixSocket(path, timeout: 1)
    let error = #expect(throws: FileError.self) { try socket.readToEnd(limit: 10) }
    #expect(error?.code == .system)
    withExtendedLifetime(listener) {}
  }
}
