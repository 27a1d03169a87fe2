// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// Ctrl-C during long work: the first one finishes the batch and saves, the second one ends the process at once.
///
/// SIGTERM is a first Ctrl-C. Commands that change nothing do without: the default action ends them with status 130
/// as the shell sees it.
enum Interruption {
  /// Runs `work` in a task that the first signal cancels.
  static func cancelling<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws
    -> Result
  {
    let task = Task { try await work() }
    let signals = Signals(cancel: { task.cancel() })
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      return (number, source)
    }
    for (number, source) in sources {
      source.setEventHandler { signals.arrived(number) }
      source.resume()
    }
    defer {
      for (number, source) in sources {
        source.cancel()
        signal(number, SIG_DFL)
      }
    }
    return try await task.value
  }

  /// Tells the first signal from the later ones.
  private final class Signals: Sendable {
    private let count = Atomic<Int>(0)
    private let cancel: @Sendable () -> Void

    init(cancel: @escaping @Sendable () -> Void) {
      self.cancel = cancel
    }

    func arrived(_ number: Int32) {
      guard count.add(1, ordering: .relaxed).newValue == 1 else { _exit(128 + number) }
      Diagnostics.line("\nfinishing this batch; press Ctrl-C again to stop at once")
      cancel()
    }
  }
}
