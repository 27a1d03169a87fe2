// SPDX-License-Identifier: Apache-2.0
import HTTPTypes

/// `Range: bytes=…` (RFC 9110, section 14).
enum ByteRange {
  /// - Returns: nil for what is to be ignored: another unit, several ranges, or what is no range at all.
  /// - Throws: ``Problem`` 416 when nothing of the file is asked for.
  static func parse(_ header: String, size: Int) throws -> Range<Int>? {
    guard header.hasPrefix("bytes="), !header.contains(",") else { return nil }
    let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy(\.isASCIIDigit) }) else { return nil }
    let range: Range<Int>
    switch (Int(ends[0]), Int(ends[1])) {
    case (let first?, let last?) where first <= last: range = first..<max(first, min(last, size - 1) + 1)
    case (let first?, nil) where ends[1].isEmpty: range = first..<max(first, size)
    case (nil, let count?) where ends[0].isEmpty: range = max(0, size - count)..<size
    default: return nil
    }
    guard !range.isEmpty, range.lowerBound < size else {
      var problem = Problem(.rangeNotSatisfiable, "the file has \(size) bytes")
      problem.headers[.contentRange] = "bytes */\(size)"
      throw problem
    }
    return range
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
