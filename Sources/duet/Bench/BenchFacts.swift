// SPDX-License-Identifier: Apache-2.0
import Files
import SystemPackage

/// What the figures were measured on.
enum BenchFacts {
  static var machine: [(String, String)] {
    ProgramFacts.rows + [
      ("processor", field("model name", of: "/proc/cpuinfo") ?? "unknown"),
      ("memory", field("MemTotal", of: "/proc/meminfo") ?? "unknown"),
      ("kernel", (try? readText("/proc/sys/kernel/osrelease")) ?? "unknown"),
    ]
  }

  private static func field(_ name: String, of path: String) -> String? {
    let line = (try? readText(path))?.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == " " || $0 == "\t" }) }
  }

  private static func readText(_ path: String) throws -> String {
    String(decoding: try readPrefix(FilePath(path), count: 1 << 16), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: true).joined(separator: "\n")
  }
}
