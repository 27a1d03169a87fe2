// SPDX-License-Identifier: Apache-2.0
import Compute
import Synchronization

/// Whether a task was cancelled, for work on a compute thread, where no task is the current one.
final class CancellationFlag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }

  /// Ends work that has been cancelled.
  ///
  /// - Throws: `CancellationError`.
  func check() throws {
    if isSet { throw CancellationError() }
  }

  /// Runs `body` on a compute thread; the flag that it gets is set when the calling task is cancelled.
  static func run<Result: Sendable>(
    _ body: @escaping @Sendable (CancellationFlag) throws -> Result
  ) async throws -> Result {
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
      try await ComputePool.shared.run { try body(flag) }
    } onCancel: {
      flag.value.store(true, ordering: .relaxed)
    }
  }
}
