// SPDX-License-Identifier: Apache-2.0
import CoreMetrics
import Metrics
import Synchronization

/// What the daemon measures of itself, through swift-metrics.
final class DaemonMetrics: Sendable {
  let registry = PrometheusRegistry()
  /// From a search's arrival to its answer, waiting included.
  let search: Stopwatch
  /// The same of calls for embeddings.
  let embed: Stopwatch
  /// The engine's part of a search.
  let engine: Stopwatch

  init() {
    search = Stopwatch("duet_search_seconds", registry)
    embed = Stopwatch("duet_embed_seconds", registry)
    engine = Stopwatch("duet_engine_seconds", registry)
  }

  /// Counts and times the requests of one route.
  func requests(method: String, path: String) -> RequestTimer {
    RequestTimer(registry: registry, method: method, path: path)
  }

  func gauge(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
    Meter(label: name, dimensions: labels, factory: registry).set(value)
  }

  /// A total that is counted elsewhere, as it stands now.
  func total(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
    registry.setTotal(Double(value), of: PrometheusRegistry.Key(name, labels))
  }
}

/// A histogram of how long something takes.
struct Stopwatch: Sendable {
  private let timer: Metrics.Timer

  init(_ label: String, _ registry: PrometheusRegistry) {
    timer = Metrics.Timer(label: label, dimensions: [], factory: registry)
  }

  func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { timer.recordNanoseconds((ContinuousClock.now - start).nanoseconds) }
    return try body()
  }

  func measure<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    let start = ContinuousClock.now
    defer { timer.recordNanoseconds((ContinuousClock.now - start).nanoseconds) }
    return try await body()
  }
}

/// The requests of one route: how many, by status, and how long they took.
final class RequestTimer: Sendable {
  private let registry: PrometheusRegistry
  private let labels: [(String, String)]
  private let timer: Metrics.Timer
  private let counters = Mutex<[Int: Counter]>([:])

  init(registry: PrometheusRegistry, method: String, path: String) {
    self.registry = registry
    labels = [("method", method), ("path", path)]
    timer = Metrics.Timer(label: "duet_request_seconds", dimensions: labels, factory: registry)
  }

  func record(_ duration: Duration, status: Int) {
    timer.recordNanoseconds(duration.nanoseconds)
    let counter = counters.withLock { counters in
      if let known = counters[status] { return known }
      let made = Counter(
        label: "duet_requests_total", dimensions: labels + [("status", "\(status)")], factory: registry)
      counters[status] = made
      return made
    }
    counter.increment()
  }
}

extension Duration {
  var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
