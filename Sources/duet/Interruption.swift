// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// Ctrl-C during long work: the first one finishes the batch and saves, the second one ends the process at once.
///
/// SIGTERM is a first Ctrl-C. Commands that change nothing do without: the default action ends them with status 130
/// as the shell sees it.
enum Interruption {
  /// Made with the first work, and kept: Dispatch does not deliver a signal whose source was made a second time.
  private static let signals = Signals()

  /// Runs `work` in a task that the first signal cancels. One work at a time; between two a signal ends the process.
  ///
  /// - Parameter notice: what the first signal is answered with.
  static func cancelling<Result: Sendable>(
    notice: String = "finishing this batch", _ work: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let task = Task { try await work() }
    signals.begin(notice: notice) { task.cancel() }
    defer { signals.end() }
    return try await task.value
  }

  /// Tells the first signal from the later ones.
  private final class Signals: Sendable {
    private struct Work {
      let notice: String
      let cancel: @Sendable () -> Void
      var wasCancelled = false
    }

    private let work = Mutex<Work?>(nil)

    init() {
      for number in [SIGINT, SIGTERM] {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        // The handler keeps its source, for as long as the process lives.
        source.setEventHandler { withExtendedLifetime(source) { self.arrived(number) } }
        source.resume()
      }
    }

    func begin(notice: String, cancel: @escaping @Sendable () -> Void) {
      work.withLock { $0 = Work(notice: notice, cancel: cancel) }
    }

    func end() {
      work.withLock { $0 = nil }
    }

    private func arrived(_ number: Int32) {
      let first = work.withLock { work -> Work? in
        guard let current = work, !current.wasCancelled else { return nil }
        work?.wasCancelled = true
        return current
      }
      guard let first else { _exit(128 + number) }
      Diagnostics.line("\n\(first.notice); press Ctrl-C again to stop at once")
      first.cancel()
    }
  }
}
