// SPDX-License-Identifier: Apache-2.0

/// Names and what they stand for, in two columns.
struct Table {
  let rows: [(name: String, value: String)]

  init(_ rows: [(String, String)]) {
    self.rows = rows.map { (name: $0.0, value: $0.1) }
  }

  /// Lines without trailing blanks, the second column aligned.
  var text: String {
    let width = rows.map(\.name.displayWidth).max() ?? 0
    return rows.map { row in
      guard !row.value.isEmpty else { return row.name }
      return row.name.padded(to: width + 2) + row.value.onOneLine
    }.joined(separator: "\n")
  }
}

/// Several columns of short texts.
struct Columns {
  let rows: [[String]]

  /// Lines without trailing blanks; every column as wide as its widest cell.
  var text: String {
    let rows = rows.map { $0.map(\.onOneLine) }
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].displayWidth : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell.padded(to: widths[column])
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Int {
  /// As a size of a file: "512 B", "3.4 kB", "120 MB".
  var asFileSize: String {
    var (size, unit) = (Double(self), 0)
    let units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 999.5, unit < units.count - 1 {
      size /= 1000
      unit += 1
    }
    return "\(size.formatted(digits: unit > 0 && size < 9.95 ? 1 : 0)) \(units[unit])"
  }
}

/// Points in time as text.
enum Timestamp {
  /// "2026-11-24 05:10 UTC", from seconds since 1970.
  ///
  /// Civil date from days: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (years from March on).
  static func text(_ seconds: Int64) -> String {
    let (days, rest) = (seconds.flooredQuotient(86_400), seconds - seconds.flooredQuotient(86_400) * 86_400)
    let shifted = days + 719_468
    let era = shifted.flooredQuotient(146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
    return "\(year)-\(twoDigits(civilMonth))-\(twoDigits(day)) \(twoDigits(rest / 3600)):"
      + "\(twoDigits(rest % 3600 / 60)) UTC"
  }

  private static func twoDigits(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
}

extension Int64 {
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
