// SPDX-License-Identifier: Apache-2.0
import CoreMetrics
import Synchronization

/// Keeps metrics in memory and writes them as Prometheus reads them (text format 0.0.4).
///
/// Timers and recorders become histograms; a timer's are in seconds, from half a millisecond to ten seconds.
final class PrometheusRegistry: MetricsFactory {
  static let secondsBuckets = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// A metric's name and labels.
  struct Key: Hashable, Comparable {
    let name: String
    /// `a="1",b="2"`, escaped.
    let labels: String

    init(_ name: String, _ dimensions: [(String, String)]) {
      self.name = String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })
      labels = dimensions.map { name, value in
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
          "\n", with: "\\n")
        return "\(name)=\"\(escaped)\""
      }.joined(separator: ",")
    }

    static func < (a: Key, b: Key) -> Bool { (a.name, a.labels) < (b.name, b.labels) }

    /// `name_suffix{labels,more}`
    func text(_ suffix: String = "", _ more: String = "") -> String {
      let all = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
      return name + suffix + (all.isEmpty ? "" : "{\(all)}")
    }
  }

  private enum Value {
    case counter(Double)
    case gauge(Double)
    /// Of each bucket by itself, with one more for what is above all.
    case histogram(counts: [Int], sum: Double)
  }

  private let values = Mutex<[Key: Value]>([:])

  // MARK: - Text

  var text: String {
    let sorted = values.withLock { $0.sorted { $0.key < $1.key } }
    var lines: [String] = []
    var lastName = ""
    for (key, value) in sorted {
      if key.name != lastName { lines.append("# TYPE \(key.name) \(PrometheusRegistry.type(of: value))") }
      lastName = key.name
      lines += PrometheusRegistry.lines(key, value)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func type(of value: Value) -> String {
    switch value {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }

  private static func lines(_ key: Key, _ value: Value) -> [String] {
    switch value {
    case .counter(let number), .gauge(let number): return ["\(key.text()) \(number)"]
    case .histogram(let counts, let sum):
      var total = 0
      var lines = zip(secondsBuckets, counts).map { bound, count in
        total += count
        return "\(key.text("_bucket", "le=\"\(bound)\"")) \(total)"
      }
      total += counts.last ?? 0
      lines.append("\(key.text("_bucket", "le=\"+Inf\"")) \(total)")
      return lines + ["\(key.text("_sum")) \(sum)", "\(key.text("_count")) \(total)"]
    }
  }

  // MARK: - Recording

  fileprivate func add(_ amount: Double, to key: Key) {
    values.withLock { values in
      guard case .counter(let old)? = values[key] else {
        values[key] = .counter(amount)
        return
      }
      values[key] = .counter(old + amount)
    }
  }

  /// Sets a counter that is counted elsewhere.
  func setTotal(_ amount: Double, of key: Key) { values.withLock { $0[key] = .counter(amount) } }

  fileprivate func set(_ amount: Double, of key: Key) { values.withLock { $0[key] = .gauge(amount) } }

  fileprivate func observe(_ amount: Double, in key: Key) {
    let bounds = PrometheusRegistry.secondsBuckets
    let bucket = bounds.firstIndex { amount <= $0 } ?? bounds.count
    values.withLock { values in
      var (counts, sum) = ([Int](repeating: 0, count: bounds.count + 1), 0.0)
      if case .histogram(let oldCounts, let oldSum)? = values[key] { (counts, sum) = (oldCounts, oldSum) }
      values[key] = nil  // so that the array is changed in place
      counts[bucket] += 1
      values[key] = .histogram(counts: counts, sum: sum + amount)
    }
  }

  fileprivate func forget(_ key: Key) { values.withLock { $0[key] = nil } }

  // MARK: - MetricsFactory

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Instrument(self, Key(label, dimensions))
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Instrument(self, Key(label, dimensions))
  }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Instrument(self, Key(label, dimensions))
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Instrument(self, Key(label, dimensions))
  }

  func destroyCounter(_ handler: any CounterHandler) { (handler as? Instrument)?.destroy() }
  func destroyMeter(_ handler: any MeterHandler) { (handler as? Instrument)?.destroy() }
  func destroyRecorder(_ handler: any RecorderHandler) { (handler as? Instrument)?.destroy() }
  func destroyTimer(_ handler: any TimerHandler) { (handler as? Instrument)?.destroy() }
}

/// One metric, whatever its kind.
private final class Instrument: CounterHandler, MeterHandler, RecorderHandler, TimerHandler {
  private let registry: PrometheusRegistry
  private let key: PrometheusRegistry.Key

  init(_ registry: PrometheusRegistry, _ key: PrometheusRegistry.Key) {
    self.registry = registry
    self.key = key
  }

  func increment(by amount: Int64) { registry.add(Double(amount), to: key) }
  func reset() { registry.forget(key) }
  func set(_ value: Int64) { registry.set(Double(value), of: key) }
  func set(_ value: Double) { registry.set(value, of: key) }
  func increment(by amount: Double) { registry.add(amount, to: key) }
  func decrement(by amount: Double) { registry.add(-amount, to: key) }
  func record(_ value: Int64) { registry.observe(Double(value), in: key) }
  func record(_ value: Double) { registry.observe(value, in: key) }
  func recordNanoseconds(_ duration: Int64) { registry.observe(Double(duration) * 1e-9, in: key) }
  func destroy() { registry.forget(key) }
}
