// SPDX-License-Identifier: Apache-2.0
import Compute
import HTTPTypes
import NIOCore
import Synchronization

/// Runs queries on compute threads, a bounded number of them waiting: the one way from HTTP to the engine.
///
/// Whoever drains the queue takes all that is waiting, up to ``batch``, and embeds its texts at once before it answers
/// query by query: a second text costs little beside the first one's pass over the weights.
final class QueryScheduler: Sendable {
  /// A query that waits.
  private struct Waiting: Sendable {
    let id: UInt64
    /// Whose connection it came by.
    let channel: ObjectIdentifier?
    let texts: TextRequest?
    let answer: @Sendable () -> Void
    /// Ends the query without an answer.
    let giveUp: @Sendable (any Error) -> Void
  }

  /// Texts that a query is going to embed, and with what.
  struct TextRequest: Sendable {
    let texts: [String]
    let embedder: CachingEmbedder
  }

  private struct State {
    var waiting: [Waiting] = []
    var drains = 0
    var nextID: UInt64 = 0
    /// Channels that tell when they close. Each is asked once, however many queries come by it.
    var watched: Set<ObjectIdentifier> = []
  }

  /// Queries that may wait; more are refused with 429.
  let capacity: Int
  private let width: Int
  private let batch = 16
  private let pool: ComputePool
  private let state = Mutex(State())

  init(capacity: Int = Limits.waitingQueries, pool: ComputePool = .shared) {
    self.capacity = capacity
    self.pool = pool
    width = pool.threadCount
  }

  /// Queries that wait right now.
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Runs `work` on a compute thread.
  ///
  /// - Parameters:
  ///   - texts: what it will embed, so that it can be embedded together with others'.
  ///   - channel: when it closes while the query stands in the queue, the work is not done. What was taken out of the queue
  ///     is: up to ``batch`` queries at once are.
  /// - Throws: ``Problem`` 429 when too many wait, 503 after ``Limits/seconds``; what `work` throws; `CancellationError`.
  func run<Result: Sendable>(
    texts: TextRequest? = nil, channel: (any Channel)? = nil, _ work: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try Task.checkCancellation()
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let deadline = Task { [weak self] in
      try await Task.sleep(for: .seconds(Limits.seconds))
      self?.withdraw(
        id,
        Problem(.serviceUnavailable, "no turn came in \(Limits.seconds) s: ask again later", retryAfter: 1))
    }
    defer { deadline.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Result, any Error>) in
        let entry = Waiting(
          id: id, channel: channel.map { ObjectIdentifier($0) }, texts: texts,
          answer: { continuation.resume(with: Swift.Result(catching: work)) },
          giveUp: { continuation.resume(throwing: $0) })
        guard enqueue(entry) else {
          continuation.resume(
            throwing: Problem(
              .tooManyRequests, "\(capacity) queries are waiting already: ask again later", retryAfter: 1))
          return
        }
        // What ended the query before it stood in the queue found nothing to take out.
        if let channel { watch(channel) }
        if Task.isCancelled { withdraw(id) }
      }
    } onCancel: {
      withdraw(id)
    }
  }

  /// Takes a query that still waits out of the queue.
  private func withdraw(_ id: UInt64, _ reason: any Error = CancellationError()) {
    let withdrawn = state.withLock { state -> Waiting? in
      guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
      return state.waiting.remove(at: index)
    }
    withdrawn?.giveUp(reason)
  }

  /// Takes the queries of a connection out of the queue when it closes.
  private func watch(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    guard state.withLock({ $0.watched.insert(id).inserted }) else { return }
    // The closure keeps the channel, and thereby its identifier, until it has closed.
    channel.closeFuture.whenComplete { [weak self] _ in self?.closed(channel) }
  }

  private func closed(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    let withdrawn = state.withLock { state in
      state.watched.remove(id)
      let withdrawn = state.waiting.filter { $0.channel == id }
      state.waiting.removeAll { $0.channel == id }
      return withdrawn
    }
    withdrawn.forEach { $0.giveUp(CancellationError()) }
  }

  private func enqueue(_ entry: Waiting) -> Bool {
    let (isTaken, startsDrain) = state.withLock { state in
      guard state.waiting.count < capacity else { return (false, false) }
      state.waiting.append(entry)
      let starts = state.drains < width
      if starts { state.drains += 1 }
      return (true, starts)
    }
    if startsDrain { Task { try? await pool.run { self.drain() } } }
    return isTaken
  }

  /// Answers until nobody waits.
  private func drain() {
    while true {
      let taken = state.withLock { state -> [Waiting] in
        // What waits is shared with the other threads that drain.
        let count = min(batch, (state.waiting.count + width - 1) / width)
        guard count > 0 else {
          state.drains -= 1
          return []
        }
        defer { state.waiting.removeFirst(count) }
        return Array(state.waiting.prefix(count))
      }
      if taken.isEmpty { return }
      embedTogether(taken.compactMap(\.texts))
      for entry in taken { entry.answer() }
    }
  }

  /// Embeds the texts of several queries in one pass; each finds its own in the cache. What fails here fails there again,
  /// and is told to the query it belongs to.
  private func embedTogether(_ requests: [TextRequest]) {
    // One text gains nothing.
    guard requests.reduce(0, { $0 + $1.texts.count }) > 1 else { return }
    for (_, group) in Dictionary(grouping: requests, by: { ObjectIdentifier($0.embedder) }) {
      group[0].embedder.embedAhead(group.flatMap(\.texts))
    }
  }
}
