// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPService

@Suite("Connections of one machine")
struct ConnectionLimitTests {
  private let counts = ConnectionCounts(limit: 2)

  private func connect(_ address: String) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel(handler: ConnectionLimit(counts))
    channel.remoteAddress = try SocketAddress(ipAddress: address, port: 4_711)
    channel.pipeline.fireChannelActive()
    channel.embeddedEventLoop.run()
    return channel
  }

  /// Closes a connection; whether it was still open.
  @discardableResult
  private func close(_ channel: EmbeddedChannel) -> Bool {
    let closes = (try? channel.close().wait()) != nil
    channel.embeddedEventLoop.run()
    return closes
  }

  @Test("One too many is closed, others' are not, and what ends makes room")
  func limit() throws {
    let held = [try connect("192.0.2.1"), try connect("192.0.2.1"), try connect("2001:db8::1")]
    #expect(try !close(connect("192.0.2.1")))
    #expect(try close(connect("192.0.2.2")) && close(connect("2001:db8::1")))
    // One that was refused gave no place back that it never had.
    #expect(try !close(connect("192.0.2.1")))
    #expect(close(held[0]))
    for _ in 0..<2 { #expect(try close(connect("192.0.2.1"))) }
    let third = try connect("192.0.2.1")
    #expect(try !close(connect("192.0.2.1")))
    for channel in held.dropFirst() + [third] { #expect(close(channel)) }
  }

  @Test(
    "This machine's own are not counted", arguments: ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
  func own(_ address: String) throws {
    let held = try (0..<5).map { _ in try connect(address) }
    for channel in held { #expect(close(channel)) }
  }
}
