// SPDX-License-Identifier: Apache-2.0
import Compute
import Dispatch
import HTTPTypes
import Images
import NIOCore
import NIOEmbedded
import Synchronization
import TestSupport
import Testing

@testable import Embedders
@testable import HTTPService

/// Keeps a compute thread busy until it is opened.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let arrivals: AsyncStream<Void>
  private let arrive: AsyncStream<Void>.Continuation

  init() { (arrivals, arrive) = AsyncStream.makeStream() }

  /// On a compute thread.
  func pass() {
    arrive.yield()
    semaphore.wait()
  }

  /// Waits until somebody stands at the gate.
  func isReached() async {
    for await _ in arrivals { return }
  }

  func open() { semaphore.signal() }
}

/// A model that counts its passes: a text's vector is its length.
final class CountingEmbedder: Embedder {
  let id = "counting"
  let dimension = 2
  let composeRule = ComposeRule.rawSum
  let imageInput: ImageInput? = nil
  let embedsTexts = true
  let backgroundTexts: [String] = []
  private let asked = Mutex<[[String]]>([])

  /// The texts of every pass.
  var passes: [[String]] { asked.withLock { $0 } }

  func identity(view: ImageView) -> ModelIdentity {
    ModelIdentity(id: id, weightsHash: "0", dimension: 2, preprocessing: "none", composeRule: composeRule)
  }

  func warmUp(texts: Bool, images: Bool) {}

  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections {
    asked.withLock { $0.append(texts) }
    return TextProjections(
      projections: Projections(dimension: 2, values: texts.flatMap { [Float($0.utf8.count), 0.1] }),
      droppedTokens: texts.map { $0.utf8.count / 10 })
  }

  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage { PreparedImage(image: image) }

  func projectImages(_ images: [PreparedImage]) -> Projections { Projections(dimension: 2, values: []) }
}

@Suite("The queue of queries")
struct QuerySchedulerTests {
  private let scheduler = QueryScheduler(capacity: 3, pool: ComputePool(threadCount: 1))
  private let gate = Gate()

  /// Keeps the only thread busy.
  private func block() async -> Task<Void, any Error> {
    let task = Task { [scheduler, gate] in try await scheduler.run { gate.pass() } }
    await gate.isReached()
    return task
  }

  private func waitUntil(waiting count: Int) async {
    while scheduler.waitingCount != count { await Task.yield() }
  }

  private struct Failure: Error, Equatable { let number: Int }

  @Test("Results and errors are the work's own")
  func results() async throws {
    #expect(try await scheduler.run { 6 * 7 } == 42)
    await #expect(throws: Failure(number: 3)) { try await scheduler.run { throw Failure(number: 3) } }
    try await withThrowingTaskGroup(of: Int.self) { group in
      let wide = QueryScheduler(capacity: 1_000)
      for number in 0..<200 { group.addTask { try await wide.run { number } } }
      var sum = 0
      for try await number in group { sum += number }
      #expect(sum == 199 * 100)
    }
  }

  @Test("Who comes when too many wait is sent away at once; the others are answered in their order")
  func capacity() async throws {
    let blocked = await block()
    let order = Mutexed<[Int]>([])
    var waiting: [Task<Void, any Error>] = []
    for number in 0..<3 {
      waiting.append(Task { [scheduler] in try await scheduler.run { order.change { $0.append(number) } } })
      await waitUntil(waiting: number + 1)
    }
    let error = await #expect(throws: Problem.self) {
      try await scheduler.run { order.change { $0.append(99) } }
    }
    #expect(error?.status == .tooManyRequests && error?.retryAfter == 1)
    gate.open()
    for task in waiting { try await task.value }
    try await blocked.value
    #expect(order.value == [0, 1, 2] && scheduler.waitingCount == 0)
    #expect(try await scheduler.run { true })
  }

  @Test("A caller over capacity is told to come again, as a problem")
  func tooManyRequests() async throws {
    let full = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3)], captions: [:],
      scheduler: QueryScheduler(capacity: 0, pool: ComputePool(threadCount: 1)))
    let answer = try await full.get("/v1/search?q=a")
    #expect(answer.status == 429 && answer.headers[.retryAfter] == "1")
    #expect(answer.headers[.contentType] == "application/problem+json")
  }

  @Test("The work of a caller who has gone is not done")
  func hungUp() async throws {
    let (gone, stays) = (NIOAsyncTestingChannel(), NIOAsyncTestingChannel())
    let blocked = await block()
    let ran = Counter()
    let first = Task { [scheduler] in try await scheduler.run(channel: gone) { ran.add() } }
    let second = Task { [scheduler] in try await scheduler.run(channel: stays) { ran.add(10) } }
    await waitUntil(waiting: 2)
    try await gone.close()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(scheduler.waitingCount == 1)
    // One that hung up before its query was read.
    let late = Task { [scheduler] in try await scheduler.run(channel: gone) { ran.add() } }
    await #expect(throws: CancellationError.self) { try await late.value }
    gate.open()
    _ = try await second.value
    try await blocked.value
    #expect(ran.value == 10)
    _ = try await scheduler.run(channel: stays) { ran.add() }
    #expect(ran.value == 11)
    try await stays.close()
  }

  @Test("The work of a task that was cancelled is not done")
  func cancelled() async throws {
    let blocked = await block()
    let ran = Counter()
    let task = Task { [scheduler] in try await scheduler.run { ran.add() } }
    await waitUntil(waiting: 1)
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(scheduler.waitingCount == 0)
    // One that was cancelled before it asked.
    let early = Task { [scheduler] in
      while !Task.isCancelled { await Task.yield() }
      return try await scheduler.run { ran.add() }
    }
    early.cancel()
    gate.open()
    await #expect(throws: CancellationError.self) { try await early.value }
    try await blocked.value
    #expect(try await scheduler.run { ran.value } == 0)
  }

  @Test("The texts of all who wait are embedded in one pass, and each finds its own")
  func together() async throws {
    let model = CountingEmbedder()
    let embedder = CachingEmbedder(model)
    let blocked = await block()
    var waiting: [Task<[Float], any Error>] = []
    for (index, texts) in [["a", "bb"], ["ccc"], ["bb", "dddd"]].enumerated() {
      waiting.append(
        Task { [scheduler] in
          try await scheduler.run(texts: .init(texts: texts, embedder: embedder)) {
            try texts.map { try embedder.projectTexts([$0]).projections[0][0] }
          }
        })
      await waitUntil(waiting: index + 1)
    }
    gate.open()
    let values = [try await waiting[0].value, try await waiting[1].value, try await waiting[2].value]
    try await blocked.value
    #expect(values == [[1, 2], [3], [2, 4]])
    #expect(model.passes.count == 1 && model.passes.first?.sorted() == ["a", "bb", "ccc", "dddd"])
  }

  @Test("The texts of a query that waits alone are embedded in one pass, too")
  func alone() async throws {
    let model = CountingEmbedder()
    let embedder = CachingEmbedder(model)
    for texts in [["a", "bb", "ccc"], ["dddd"]] {
      try await scheduler.run(texts: .init(texts: texts, embedder: embedder)) {
        for text in texts { _ = try embedder.projectTexts([text]) }
      }
    }
    #expect(model.passes.map { $0.sorted() } == [["a", "bb", "ccc"], ["dddd"]])
  }

  @Test("A call for many embeddings lets queries that came after it go before its end")
  func turns() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3)], captions: [:],
      scheduler: QueryScheduler(pool: ComputePool(threadCount: 1)))
    let (scheduler, gate) = (daemon.daemon.state.scheduler, gate)
    let embedder = try #require(daemon.library.embedder)
    let blocked = Task { try await scheduler.run { gate.pass() } }
    await gate.isReached()
    let texts = (0..<64).map { "text \($0)" }
    async let call = daemon.send(["input": texts], to: "/v1/embeddings")
    while scheduler.waitingCount < 1 { await Task.yield() }
    async let query = scheduler.run { embedder.counts.misses + embedder.counts.hits }
    while scheduler.waitingCount < 2 { await Task.yield() }
    gate.open()
    try await blocked.value
    let embeddedBefore = try await query
    #expect(try await call.status == 200)
    #expect(embeddedBefore <= 8 && embedder.counts.misses + embedder.counts.hits >= 64)
  }
}

/// A value that any thread may change.
final class Mutexed<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  init(_ value: Value) { mutex = Mutex(value) }

  var value: Value { mutex.withLock { $0 } }

  func change(_ body: @Sendable (inout Value) -> Void) {
    mutex.withLock { value in
      var copy = value
      body(&copy)
      value = copy
    }
  }
}

@Suite("Remembered texts")
struct CachingEmbedderTests {
  @Test("A remembered vector is the same bits as a fresh one")
  func bits() throws {
    let base = try ModelRegistry.open(.builtin)
    let caching = CachingEmbedder(base)
    let texts = ["a red circle", "blaues Meer", "", "雪山", "a red circle"]
    let fresh = try base.projectTexts(texts)
    #expect(try caching.projectTexts(texts) == fresh)
    #expect(try caching.projectTexts(texts) == fresh)
    for (row, text) in texts.enumerated() {
      #expect(try caching.projectTexts([text]).projections[0] == fresh.projections[row])
    }
    let ahead = CachingEmbedder(base)
    ahead.embedAhead(texts)
    #expect(try ahead.projectTexts(texts) == fresh && ahead.counts.misses == 0)
    #expect(try caching.projectTexts(texts, inBulk: true) == (try base.projectTexts(texts, inBulk: true)))
    #expect(caching.id == base.id && caching.dimension == base.dimension)
    #expect(try caching.identity(view: .library) == base.identity(view: .library))
  }

  @Test("What is known is not computed again, and what is not is computed in one pass")
  func counts() throws {
    let model = CountingEmbedder()
    let caching = CachingEmbedder(model)
    _ = try caching.projectTexts(["a", "bb"])
    let mixed = try caching.projectTexts(["bb", String(repeating: "c", count: 30), "a"])
    #expect(mixed.projections.values == [2, 0.1, 30, 0.1, 1, 0.1] && mixed.droppedTokens == [0, 3, 0])
    #expect(model.passes == [["a", "bb"], [String(repeating: "c", count: 30)]])
    #expect(caching.counts.hits == 2 && caching.counts.misses == 3)
  }

  @Test("The least used give way, and long texts are not kept")
  func eviction() throws {
    let model = CountingEmbedder()
    let caching = CachingEmbedder(model)
    let limit = CachingEmbedder.limit
    for number in 0..<limit { _ = try caching.projectTexts(["\(number)"]) }
    _ = try caching.projectTexts(["0"])
    #expect(model.passes.count == limit)
    _ = try caching.projectTexts(["one more"])
    _ = try caching.projectTexts(["0"])
    _ = try caching.projectTexts(["\(limit - 1)"])
    #expect(model.passes.count == limit + 1, "what was used last is still there")
    _ = try caching.projectTexts(["1"])
    #expect(model.passes.count == limit + 2, "what was used the longest ago is gone")
    let long = String(repeating: "x", count: CachingEmbedder.longestText + 1)
    for _ in 0..<2 { _ = try caching.projectTexts([long]) }
    caching.embedAhead([long])
    #expect(model.passes.count == limit + 4)
    let longest = String(long.dropLast())
    for _ in 0..<2 { _ = try caching.projectTexts([longest]) }
    #expect(model.passes.count == limit + 5)
  }
}
