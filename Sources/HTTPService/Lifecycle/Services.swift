// SPDX-License-Identifier: Apache-2.0
import Compute
import Logging
import Search
import ServiceLifecycle

/// Opens the libraries' models behind addresses that are bound already; a query that comes earlier opens its own. `/readyz` says
/// 503 until all are open. Tells the service manager when all is ready, and when the end begins: it is the last of the
/// services, and the first to be ended.
struct OpeningService: Service {
  let state: DaemonState
  let ready: @Sendable () async throws -> Void

  func run() async throws {
    for library in state.libraries.all {
      try await ComputePool.shared.run { try library.open() }
    }
    try await ready()
    ServiceManager.notify("READY=1")
    try await gracefulShutdown()
    ServiceManager.notify("STOPPING=1")
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
  private var failure: (any Error)?
  private var waiting: [CheckedContinuation<Int?, any Error>] = []

  init(expected: Int) { self.expected = expected }

  func add(port: Int?) {
    count += 1
    if let port { self.port = port }
    guard count >= expected else { return }
    waiting.forEach { $0.resume(returning: self.port) }
    waiting = []
  }

  /// An address was bound, but cannot be reached.
  func fail(_ error: any Error) {
    failure = error
    giveUp(error)
  }

  /// Returns, when all are bound, the TCP port.
  ///
  /// - Throws: what ``fail(_:)`` was told; `CancellationError`: an address that cannot be had ends the daemon, and with it the
  ///   wait for that address.
  func wait() async throws -> Int? {
    if let failure { throw failure }
    if count >= expected { return port }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiting.append($0) }
    } onCancel: {
      Task { await giveUp(CancellationError()) }
    }
  }

  private func giveUp(_ reason: any Error) {
    waiting.forEach { $0.resume(throwing: reason) }
    waiting = []
  }
}
