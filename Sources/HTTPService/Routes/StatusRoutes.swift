// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Hummingbird
import NIOCore
import Search
import SystemPackage

/// What the daemon says of itself: `/livez`, `/readyz`, `/metrics`, `/v1/stats`.
struct StatusRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.get, "/livez", scope: nil) { _, _ in .text("alive\n") }
    routes.on(.get, "/readyz", scope: nil) { _, _ in
      let waiting = daemon.libraries.all.filter { !$0.isOpen }.map(\.name)
      guard waiting.isEmpty else {
        throw Problem(.serviceUnavailable, "still opening \(waiting.joined(separator: ", "))", retryAfter: 1)
      }
      return .text("ready\n")
    }
    routes.on(.get, "/metrics", scope: .read) { _, _ in
      // Past the queue: how full it is, is worth knowing just when it is full.
      try await ComputePool.shared.run { daemon.recordGauges() }
      return .text(daemon.metrics.registry.text, type: "text/plain; version=0.0.4; charset=utf-8")
    }
    routes.on(.get, "/v1/stats", scope: .read) { _, context in
      let libraries = daemon.libraries.all
      let facts = try await daemon.scheduler.run(channel: context.channel) {
        try libraries.map { try $0.facts() }
      }
      return .json([
        "version": .string(daemon.version), "uptime_s": .number(daemon.uptime.rounded()),
        "queue": [
          "waiting": .int(daemon.scheduler.waitingCount), "capacity": .int(daemon.scheduler.capacity),
        ],
        "libraries": .array(facts),
      ])
    }
  }
}

extension ServedLibrary {
  /// On a compute thread.
  fileprivate func facts() throws -> JSONText {
    let snapshot = try snapshot()
    let identity = snapshot.state.space?.identity
    return [
      "name": .string(name), "items": .int(snapshot.state.itemCount),
      "captions": .int(try reader.catalog.captionCount()), "skipped": .int(try reader.catalog.skipCount()),
      "generation": .int(Int(snapshot.state.generation)), "segments": .int(snapshot.state.segments.count),
      "model": .optional(identity?.model), "dimension": identity.map { .int($0.dimension) } ?? .null,
      "roots": .strings(try roots().map(\.string)),
    ]
  }
}
