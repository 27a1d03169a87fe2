// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// The one owner of compute threads.
///
/// Two ways in: ``forEach(_:_:)`` splits one piece of work over the threads that are free right now, and ``run(_:)``
/// takes a whole job off the caller's executor, so that neither the cooperative pool nor an event loop ever computes.
/// Nested and concurrent calls share one budget of `threadCount` threads: when none is free, the caller works alone.
package final class ComputePool: Sendable {
  /// The process's pool: `DUET_THREADS` threads, or one for every CPU that is online.
  package static let shared = ComputePool(threadCount: ComputePool.defaultThreadCount)

  /// How many threads work at once, the caller of ``forEach(_:_:)`` included.
  package let threadCount: Int

  private let queue = DispatchQueue(label: "duet.compute", attributes: .concurrent)
  /// Threads lent to running ``forEach(_:_:)`` calls, beyond their callers.
  private let lent = Atomic<Int>(0)

  package init(threadCount: Int) {
    precondition(threadCount > 0, "a pool needs at least one thread")
    self.threadCount = threadCount
  }

  /// Calls `body` once for every index in `0..<count`, on up to `threadCount` threads, and returns when all are done.
  ///
  /// Indices are handed out in order, one at a time: make each worth some microseconds.
  package func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    guard count > 0 else { return }
    let helpers = borrow(upTo: min(count, threadCount) - 1)
    guard helpers > 0 else {
      for index in 0..<count { body(index) }
      return
    }
    defer { lent.subtract(helpers, ordering: .relaxed) }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: helpers + 1) { _ in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index)
      }
    }
  }

  /// Runs `body` on a compute thread and resumes with its result.
  package func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Swift.Result(catching: body)) }
    }
  }

  /// Takes as many of the `wanted` threads as are free.
  private func borrow(upTo wanted: Int) -> Int {
    var current = lent.load(ordering: .relaxed)
    while true {
      let taken = min(wanted, threadCount - 1 - current)
      guard taken > 0 else { return 0 }
      let (exchanged, original) = lent.weakCompareExchange(
        expected: current, desired: current + taken, ordering: .relaxed)
      if exchanged { return taken }
      current = original
    }
  }

  private static var defaultThreadCount: Int {
    if let wanted = getenv("DUET_THREADS").flatMap({ Int(String(cString: $0)) }), wanted > 0 {
      return min(wanted, 1024)
    }
    return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}
