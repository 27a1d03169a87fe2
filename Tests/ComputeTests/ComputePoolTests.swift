// SPDX-License-Identifier: Apache-2.0
import Compute
import Synchronization
import Testing

@Suite struct ComputePoolTests {
  @Test(arguments: [1, 2, 5], [0, 1, 3, 1000])
  func `forEach visits every index once`(threads: Int, count: Int) {
    let visits = Mutex([Int](repeating: 0, count: count))
    ComputePool(threadCount: threads).forEach(count) { index in visits.withLock { $0[index] += 1 } }
    #expect(visits.withLock { $0 } == [Int](repeating: 1, count: count))
  }

  @Test func `nested calls finish and stay within the budget`() {
    let pool = ComputePool(threadCount: 2)
    let running = Atomic<Int>(0)
    let most = Mutex(0)
    pool.forEach(8) { _ in
      pool.forEach(8) { _ in
        let now = running.add(1, ordering: .relaxed).newValue
        most.withLock { $0 = max($0, now) }
        running.subtract(1, ordering: .relaxed)
      }
    }
    #expect(most.withLock { $0 } <= 2)
  }

  @Test func `run returns what the job returns and throws what it throws`() async throws {
    struct Failure: Error {}
    #expect(try await ComputePool.shared.run { 6 * 7 } == 42)
    await #expect(throws: Failure.self) { try await ComputePool.shared.run { throw Failure() } }
  }
}
