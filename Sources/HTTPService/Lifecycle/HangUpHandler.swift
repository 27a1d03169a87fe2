// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Closes a connection whose caller has gone, so that queries of theirs that still wait are dropped.
///
/// Hummingbird keeps a half-closed connection open until it has answered; callers of HTTP do not close one half.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Any

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }
}
