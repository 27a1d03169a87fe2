// SPDX-License-Identifier: Apache-2.0
import Histogram
import Search

/// How long something took, many times: an HdrHistogram of nanoseconds, three digits exact.
struct Latencies: Sendable {
  /// What was measured, in a few words.
  let name: String
  /// How many requests could be in flight at once.
  let concurrency: Int
  private var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000_000)
  /// Seconds from the first to the last; 0 when they were not run against a clock.
  var duration = 0.0
  /// Requests a second that were sent by the clock; nil when each waited for the one before.
  var rate: Double?
  /// Answers that were refusals (429), and answers that were wrong or did not come.
  var refused = 0
  var failed = 0

  init(_ name: String, concurrency: Int = 1) {
    self.name = name
    self.concurrency = concurrency
  }

  mutating func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    histogram.record(UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000)))
  }

  mutating func merge(_ other: Latencies) {
    histogram.add(other.histogram)
    refused += other.refused
    failed += other.failed
  }

  var count: Int { Int(histogram.totalCount) }

  /// Milliseconds below which a share of them, in percent, lies.
  func percentile(_ percent: Double) -> Double { Double(histogram.valueAtPercentile(percent)) / 1e6 }

  /// What is read off: the median, the tail, the worst.
  static let percents = [50.0, 95, 99, 99.9, 100]

  /// Answers a second; nil for what was run one by one.
  var throughput: Double? { duration > 0 ? Double(count) / duration : nil }

  var json: JSONText {
    .object([
      ("type", "latency"), ("name", .string(name)), ("concurrency", .int(concurrency)),
      ("count", .int(count)),
      ("rate", rate.map(JSONText.number) ?? .null), ("throughput", throughput.map(JSONText.number) ?? .null),
      ("p50_ms", .number(percentile(50))), ("p95_ms", .number(percentile(95))),
      ("p99_ms", .number(percentile(99))),
      ("p999_ms", .number(percentile(99.9))), ("max_ms", .number(percentile(100))),
      ("refused", .int(refused)),
      ("failed", .int(failed)),
    ])
  }
}
