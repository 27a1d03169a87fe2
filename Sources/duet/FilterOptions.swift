// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Catalog
import Images
import Search
import SystemPackage

/// Which pictures a query is about. All of the options given must hold; of several globs, extensions or types any one.
struct FilterOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Paths below the indexed folder: 'holiday/**', '*.png', '!drafts/**' for all but these.",
      valueName: "glob"))
  var glob: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp("File names that end so: jpg.", valueName: "ext"))
  var `extension`: [String] = []
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Formats, by content: png, jpeg, webp.", valueName: "format"))
  var type: [String] = []
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("File size: +1M at least, -200k at most.", valueName: "size"))
  var size: [String] = []
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Width in pixels: +1920 at least, -500 at most, 640 exactly.", valueName: "pixels"))
  var width: [String] = []
  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("Height in pixels, likewise.", valueName: "pixels")
  )
  var height: [String] = []
  @Option(
    help: ArgumentHelp(
      "Taken at this time or later: 2024, 2024-05-01, '2024-05-01 18:30'.", valueName: "time"))
  var takenAfter: String?
  @Option(help: ArgumentHelp("Taken before this time.", valueName: "time"))
  var takenBefore: String?
  @Option(help: ArgumentHelp("File changed within: 90s, 30min, 12h, 2d, 3weeks.", valueName: "duration"))
  var changedWithin: String?
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A caption holds this, in any case.", valueName: "text"))
  var caption: [String] = []
  @Option(help: ArgumentHelp("Has this tag, in any case.", valueName: "tag"))
  var tag: [String] = []

  /// What the options say, one filter for each thing that is about paths.
  ///
  /// - Parameter now: seconds since 1970.
  func filters(now: Int64) throws -> [CatalogFilter] {
    var filter = CatalogFilter()
    filter.globs = glob
    filter.formats = Set(try type.map(FilterOptions.format))
    for text in size {
      try narrow(&filter.size, with: text, option: "--size", units: FilterOptions.sizeUnits)
    }
    for text in width { try narrow(&filter.width, with: text, option: "--width") }
    for text in height { try narrow(&filter.height, with: text, option: "--height") }
    filter.taken.lower = try takenAfter.map { try CivilTime(parsing: $0, option: "--taken-after").seconds }
    filter.taken.upper = try takenBefore.map {
      try CivilTime(parsing: $0, option: "--taken-before").seconds - 1
    }
    if let changedWithin {
      let (seconds, _) = try FilterOptions.quantity(
        changedWithin, option: "--changed-within", units: FilterOptions.timeUnits)
      filter.modified.lower = (now - min(seconds, now)) * 1_000_000_000
    }
    filter.captionContains = caption
    filter.tags = tag
    var extensions = CatalogFilter()
    extensions.globsIgnoreCase = true
    extensions.globs = `extension`.map {
      "*." + PathGlob.escaped($0.hasPrefix(".") ? String($0.dropFirst()) : $0)
    }
    return [filter, extensions].filter { !$0.isEmpty }
  }

  private static let sizeUnits: [String: Int64] = [
    "": 1, "b": 1, "k": 1_000, "kb": 1_000, "m": 1_000_000, "mb": 1_000_000, "g": 1_000_000_000,
    "gb": 1_000_000_000, "ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30,
    "gib": 1 << 30,
  ]
  private static let timeUnits: [String: Int64] = [
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3_600,
    "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800,
    "weeks": 604_800, "month": 2_592_000, "months": 2_592_000, "y": 31_536_000, "year": 31_536_000,
    "years": 31_536_000,
  ]

  private static func format(_ name: String) throws -> String {
    let lower = name.lowercased()
    guard let format = ImageFormat(rawValue: lower == "jpg" ? "jpeg" : lower), format.isSupported else {
      let known = ImageFormat.allCases.filter(\.isSupported).map(\.rawValue).joined(separator: ", ")
      throw SearchError(.invalidRequest, "--type \(name): the formats are \(known)")
    }
    return format.rawValue
  }

  private func narrow(
    _ bounds: inout CatalogFilter.Bounds, with text: String, option: String, units: [String: Int64] = ["": 1]
  ) throws {
    let (value, sign) = try FilterOptions.quantity(text, option: option, units: units)
    if sign != "-" { bounds.lower = max(bounds.lower ?? .min, value) }
    if sign != "+" { bounds.upper = min(bounds.upper ?? .max, value) }
  }

  /// `[+|-]NUMBER[UNIT]`, in the base unit.
  static func quantity(
    _ text: String, option: String, units: [String: Int64]
  ) throws -> (value: Int64, sign: Character?) {
    let sign = text.first.flatMap { "+-".contains($0) ? $0 : nil }
    let rest = sign == nil ? text[...] : text.dropFirst()
    let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
    guard let number = Double(digits), let unit = units[rest.dropFirst(digits.count).lowercased()],
      number * Double(unit) < 9e18
    else {
      let names = units.keys.filter { !$0.isEmpty }.sorted().joined(separator: ", ")
      throw SearchError(
        .invalidRequest,
        "\(option) \(text): a number is meant" + (names.isEmpty ? "" : ", with one of the units \(names)"))
    }
    return (Int64(number * Double(unit)), sign)
  }
}

/// A moment by the clock on the wall, as cameras note it.
struct CivilTime: Equatable {
  /// Seconds since 1970-01-01, as if that clock showed UTC.
  let seconds: Int64

  /// Parses `2024`, `2024-05`, `2024-05-01`, `2024-05-01 18:30`, `2024-05-01T18:30:05`: the start of that time.
  init(parsing text: String, option: String) throws {
    let fields = text.split(omittingEmptySubsequences: false) { "-: T".contains($0) }
    let numbers = fields.map { $0.allSatisfy { ("0"..."9").contains($0) } ? Int64($0) : nil }
    let shape = text.filter { "-: T".contains($0) }.replacing("T", with: " ")
    guard ["", "-", "--", "-- :", "-- ::"].contains(shape), !numbers.contains(nil), numbers[0] ?? 0 <= 9_999
    else {
      throw SearchError(
        .invalidRequest,
        "\(option) \(text): a time is written 2024, 2024-05, 2024-05-01 or '2024-05-01 18:30'")
    }
    let values = numbers.compactMap(\.self)
    func field(_ index: Int, _ missing: Int64) -> Int64 { index < values.count ? values[index] : missing }
    let (month, day) = (field(1, 1), field(2, 1))
    let (hour, minute, second) = (field(3, 0), field(4, 0), field(5, 0))
    guard (1...12).contains(month), (1...CivilTime.days(in: month, of: values[0])).contains(day), hour < 24,
      minute < 60, second < 61
    else {
      throw SearchError(.invalidRequest, "\(option) \(text): there is no such time")
    }
    seconds = CivilTime.days(values[0], month, day) * 86_400 + hour * 3_600 + minute * 60 + second
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    month == 12 ? 31 : days(year, month + 1, 1) - days(year, month, 1)
  }

  /// Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (years from March on).
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
