// SPDX-License-Identifier: Apache-2.0
import Compute
import Logging
import Search
import ServiceLifecycle

/// Opens the libraries' models behind addresses that are bound already; a query that comes earlier opens its own. `/readyz` says
/// 503 until all are open.
struct OpeningService: Service {
  let state: DaemonState
  let ready: @Sendable () async throws -> Void

  func run() async throws {
    for library in state.libraries.all {
      try await ComputePool.shared.run { try library.open() }
    }
    try await ready()
    try await gracefulShutdown()
  }
}

/// Lets what is being indexed save its batch before the daemon ends.
struct IndexService: Service {
  let jobs: IndexJobs

  func run() async throws {
    try? await gracefulShutdown()
    await jobs.stop()
  }
}

/// Collects the addresses that are bound.
actor BoundAddresses {
  private let expected: Int
  private var count = 0
  private var port: Int?
  private var waiting: [CheckedContinuation<Int?, any Error>] = []

  init(expected: Int) { self.expected = expected }

  func add(port: Int?) {
    count += 1
    if let port { self.port = port }
    guard count >= expected else { return }
    waiting.forEach { $0.resume(returning: self.port) }
    waiting = []
  }

  /// Returns, when all are bound, the TCP port.
  ///
  /// - Throws: `CancellationError`: an address that cannot be had ends the daemon, and with it the wait for that address.
  func wait() async throws -> Int? {
    if count >= expected { return port }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiting.append($0) }
    } onCancel: {
      Task { await giveUp() }
    }
  }

  private func giveUp() {
    waiting.forEach { $0.resume(throwing: CancellationError()) }
    waiting = []
  }
}
