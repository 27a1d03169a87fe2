// SPDX-License-Identifier: Apache-2.0
import Catalog
import Glibc
import Search

/// What `duet bench` found, in the forms that it is wanted in.
struct BenchReport {
  /// Names and values: machine, library, memory.
  let facts: [(String, String)]
  let stages: [Latencies]

  private static let columns = [
    "measured", "at once", "rate", "count", "p50", "p95", "p99", "p99.9", "max ms", "429", "failed",
  ]

  /// For people.
  var table: String {
    let rows = stages.map { stage in
      [
        stage.name, stage.concurrency.grouped, stage.rate.map { $0.formatted(digits: 0) } ?? "",
        stage.count.grouped,
      ] + Latencies.percents.map { stage.percentile($0).formatted(digits: 2) } + [
        "\(stage.refused)", "\(stage.failed)",
      ]
    }
    return Table(facts).text + "\n\n" + Columns(rows: [BenchReport.columns] + rows).text
  }

  /// For spreadsheets: the same rows.
  var csv: String {
    let head = "name,concurrency,rate,count,p50_ms,p95_ms,p99_ms,p999_ms,max_ms,refused,failed"
    let rows = stages.map { stage in
      let numbers = Latencies.percents.map { stage.percentile($0).formatted(digits: 4) }
      return
        ([
          stage.name, "\(stage.concurrency)", stage.rate.map { $0.formatted(digits: 1) } ?? "",
          "\(stage.count)",
        ]
        + numbers + ["\(stage.refused)", "\(stage.failed)"]).joined(separator: ",")
    }
    return ([head] + rows).joined(separator: "\n") + "\n"
  }

  /// For programs: an object a line, facts first.
  var jsonLines: [JSONText] {
    [.object([("type", "facts")] + facts.map { ($0.0, .string($0.1)) })] + stages.map(\.json)
  }

  // MARK: - The plot

  private static let (width, height, left, top) = (720.0, 420.0, 70.0, 40.0)
  private static let colours = [
    "#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#4b5563", "#be185d",
  ]
  /// Where the horizontal axis has its marks: each step is ten times as rare.
  private static let marks = [0, 90, 99, 99.9, 99.99]

  /// Latency over percentile, both by powers of ten, a line for each stage.
  var svg: String {
    let all = stages.flatMap { [$0.percentile(50), $0.percentile(100)] }.filter { $0 > 0 }
    let low = BenchReport.floorOfTen(all.min() ?? 0.1)
    let high = max(low * 10, BenchReport.floorOfTen(all.max() ?? 1) * 10)
    let (w, h) = (BenchReport.width, BenchReport.height)
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(w) + 260) \(Int(h) + 100)\" "
        + "font-family=\"sans-serif\" font-size=\"13\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
    ]
    for mark in BenchReport.marks {
      let x = BenchReport.x(mark)
      parts.append(BenchReport.line(x, BenchReport.top, x, BenchReport.top + h, "#e5e7eb"))
      parts.append("<text x=\"\(x)\" y=\"\(BenchReport.top + h + 20)\" text-anchor=\"middle\">\(mark)</text>")
    }
    var value = low
    while value <= high * 1.01 {
      let y = BenchReport.y(value, low, high)
      parts.append(BenchReport.line(BenchReport.left, y, BenchReport.left + w, y, "#e5e7eb"))
      parts.append("<text x=\"\(BenchReport.left - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(value)</text>")
      value *= 10
    }
    parts.append("<text x=\"\(BenchReport.left)\" y=\"24\">milliseconds by percentile</text>")
    for (index, stage) in stages.enumerated() {
      let colour = BenchReport.colours[index % BenchReport.colours.count]
      let points = BenchReport.percentiles(of: stage.count).map { percent in
        "\(BenchReport.x(percent)),\(BenchReport.y(max(low, stage.percentile(percent)), low, high))"
      }
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\"\(points.joined(separator: " "))\"/>"
      )
      let y = BenchReport.top + 14 + 20 * Double(index)
      let name = stage.concurrency > 1 ? "\(stage.name), \(stage.concurrency) at once" : stage.name
      parts.append("<text x=\"\(BenchReport.left + w + 14)\" y=\"\(y)\" fill=\"\(colour)\">\(name)</text>")
    }
    return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  /// Percentiles that so many measurements can tell.
  private static func percentiles(of count: Int) -> [Double] {
    let all: [Double] = (0...40).map { step in 100 - 100 / pow(10, Double(step) / 10) }
    return all.filter { percent in (100 - percent) * Double(count) >= 100 }
  }

  private static func x(_ percent: Double) -> Double {
    left + width * min(4, -log10(max(1e-4, 1 - percent / 100))) / 4
  }

  private static func y(_ value: Double, _ low: Double, _ high: Double) -> Double {
    top + height * (1 - log10(value / low) / log10(high / low))
  }

  private static func floorOfTen(_ value: Double) -> Double { pow(10, log10(value).rounded(.down)) }

  private static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String) -> String
  {
    "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"\(colour)\"/>"
  }
}
