// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Synchronization

/// How many connections each machine has open, so that one of them cannot take all there are.
///
/// This machine's own are not counted: what stands in front of the daemon here, a proxy say, is one address for everybody.
final class ConnectionCounts: Sendable {
  private let limit: Int
  private let counts = Mutex<[String: Int]>([:])

  init(limit: Int = Limits.connectionsOfOne) { self.limit = limit }

  /// Counts a connection, unless that is one too many.
  fileprivate func open(_ address: String) -> Bool {
    counts.withLock { counts in
      guard counts[address, default: 0] < limit else { return false }
      counts[address, default: 0] += 1
      return true
    }
  }

  fileprivate func close(_ address: String) {
    counts.withLock { counts in
      let left = counts[address, default: 0] - 1
      counts[address] = left > 0 ? left : nil
    }
  }
}

/// Closes a connection of a machine that has too many, as soon as it is there.
final class ConnectionLimit: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Any

  private let counts: ConnectionCounts

  init(_ counts: ConnectionCounts) { self.counts = counts }

  func channelActive(context: ChannelHandlerContext) {
    if let address = context.remoteAddress?.ipAddress, !ConnectionLimit.isOfThisMachine(address) {
      guard counts.open(address) else {
        context.close(promise: nil)
        return
      }
      context.channel.closeFuture.whenComplete { [counts] _ in counts.close(address) }
    }
    context.fireChannelActive()
  }

  private static func isOfThisMachine(_ address: String) -> Bool {
    address == "::1" || address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
  }
}
