import CoreMetrics
import Foundation
// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Metrics
import TestSupport
import Testing

@testable import HTTPService

@Suite("Metrics")
struct MetricsTests {
  @Test("Counters, gauges and histograms, with their types and escaped labels")
  func text() {
    let registry = PrometheusRegistry()
    CoreMetrics.Counter(label: "b_total", dimensions: [("path", "a\"b\\c\nd")], factory: registry).increment(
      by: 3)
    CoreMetrics.Counter(label: "b_total", dimensions: [("path", "z")], factory: registry).increment()
    CoreMetrics.Meter(label: "a.gauge", dimensions: [], factory: registry).set(2.5)
    let timer = CoreMetrics.Timer(label: "c_seconds", dimensions: [("m", "GET")], factory: registry)
    for milliseconds in [0.4, 0.5, 3, 20_000] { timer.recordNanoseconds(Int64(milliseconds * 1e6)) }
    let lines = registry.text.split(separator: "\n").map(String.init)
    #expect(
      lines.prefix(5) == [
        "# TYPE a_gauge gauge", "a_gauge 2.5", "# TYPE b_total counter",
        #"b_total{path="a\"b\\c\nd"} 3.0"#, #"b_total{path="z"} 1.0"#,
      ])
    #expect(lines[5] == "# TYPE c_seconds histogram")
    let counts = lines.filter { $0.hasPrefix("c_seconds_bucket") }.compactMap {
      $0.split(separator: " ").last
    }
    .compactMap { Int($0) }
    #expect(counts == [2, 2, 2] + [Int](repeating: 3, count: 11) + [4])
    #expect(lines.contains(#"c_seconds_bucket{m="GET",le="0.0005"} 2"#))
    #expect(lines.contains(#"c_seconds_bucket{m="GET",le="+Inf"} 4"#))
    #expect(lines.contains(#"c_seconds_count{m="GET"} 4"#))
    let sum = lines.first { $0.hasPrefix("c_seconds_sum") }?.split(separator: " ").last.flatMap { Double($0) }
    #expect(abs((sum ?? 0) - 20.0039) < 1e-9)
    #expect(registry.text.hasSuffix("\n") && lines.filter { $0.hasPrefix("# TYPE b_total") }.count == 1)
  }

  @Test("Any number of threads may record at once")
  func concurrent() async {
    let registry = PrometheusRegistry()
    let counter = CoreMetrics.Counter(label: "n", dimensions: [], factory: registry)
    let timer = CoreMetrics.Timer(label: "t", dimensions: [], factory: registry)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<500 {
            counter.increment()
            timer.recordNanoseconds(1_000)
          }
        }
      }
    }
    #expect(registry.text.contains("n 4000.0\n") && registry.text.contains("t_count 4000\n"))
  }

  @Test("The daemon counts what it answers")
  func daemon() async throws {
    let daemon = try await TestDaemon(
      pictures: ["a.png": TinyPNG.encode(1, 2, 3), "b.png": TinyPNG.encode(9, 9, 9)], captions: [:])
    #expect(!(try await daemon.get("/metrics").text.contains("duet_search_seconds_count")))
    #expect(try await daemon.get("/v1/search?q=sea").status == 200)
    #expect(try await daemon.get("/v1/items/999").status == 404)
    let answer = try await daemon.get("/metrics")
    #expect(answer.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
    let lines = answer.text.split(separator: "\n").map(String.init)
    #expect(lines.contains("duet_search_seconds_count 1") && lines.contains("duet_engine_seconds_count 1"))
    #expect(lines.contains(#"duet_requests_total{method="GET",path="/v1/search",status="200"} 1.0"#))
    #expect(lines.contains(#"duet_requests_total{method="GET",path="/v1/items/{id}",status="404"} 1.0"#))
    #expect(lines.contains(#"duet_items{library="pictures"} 2.0"#))
    #expect(lines.contains(#"duet_skipped_files{library="pictures"} 0.0"#))
    #expect(lines.contains("# TYPE duet_text_cache_hits_total counter"))
    // The second time the text is remembered.
    func number(_ name: String) async throws -> Double? {
      try await daemon.get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(name) }?
        .split(separator: " ").last.flatMap { Double($0) }
    }
    let (hits, misses) = (
      try #require(try await number("duet_text_cache_hits_total")),
      try await number("duet_text_cache_misses_total")
    )
    #expect(try await daemon.get("/v1/search?q=sea").status == 200)
    #expect(try await number("duet_text_cache_hits_total") == hits + 1)
    #expect(try await number("duet_text_cache_misses_total") == misses)
    // Every line is a comment, or a name with a number.
    for line in lines where !line.hasPrefix("#") {
      #expect(line.contains(#/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eInf]+$/#), "\(line)")
    }
  }
}
