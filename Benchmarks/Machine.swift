// SPDX-License-Identifier: Apache-2.0
import Compute
import Glibc
import LinearAlgebra

/// What was measured on.
enum Machine {
  /// One line for the top of a table.
  static var description: String {
    let parts = [
      "\(processor) (\(CPU.levelName))",
      "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) CPUs, \(ComputePool.shared.threadCount) used",
      "\((Double(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))) / 0x1p30).digits(0)) GiB",
      BLASLibrary.name, "load \(load.digits(2)) before",
    ]
    return parts.joined(separator: " · ")
  }

  /// Pages of mapped files that this process has in memory, in kB.
  static var mappedMemory: Int {
    let line = lines(of: "/proc/self/status").first { $0.hasPrefix("RssFile:") } ?? ""
    return Int(line.filter(\.isNumber)) ?? 0
  }

  private static var processor: String {
    for line in lines(of: "/proc/cpuinfo") where line.hasPrefix("model name") {
      if let colon = line.firstIndex(of: ":") { return String(line[line.index(colon, offsetBy: 2)...]) }
    }
    return "CPU"
  }

  /// What else this machine has been doing for the last minute.
  private static var load: Double {
    var average = 0.0
    getloadavg(&average, 1)
    return average
  }

  private static func lines(of file: String) -> [String] {
    guard let stream = fopen(file, "r") else { return [] }
    defer { fclose(stream) }
    var lines: [String] = []
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    while getline(&line, &capacity, stream) > 0 {
      if let line { lines.append(String(cString: line).filter { $0 != "\n" }) }
    }
    free(line)
    return lines
  }
}

/// A table in Markdown, printed row by row as the figures come.
struct Table {
  init(_ columns: String...) {
    print("| " + columns.joined(separator: " | ") + " |")
    print("|---|" + String(repeating: "---:|", count: columns.count - 1))
  }

  func row(_ cells: String...) {
    print("| " + cells.joined(separator: " | ") + " |")
    fflush(nil)
  }
}
