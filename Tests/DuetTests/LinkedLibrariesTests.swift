// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite struct `Linked libraries` {
  /// Loaded by those that README names, or by builds that link the Swift runtime dynamically.
  private static let indirect = [
    "linux-vdso", "ld-linux", "libopenblas", "libblis", "libgfortran", "libquadmath", "libsharpyuv",
    "libgomp",
    "libpthread", "libdl", "librt", "libswift", "libBlocksRuntime", "libdispatch", "libFoundation",
    "lib_Foundation",
    "lib_Internal",
  ]

  @Test func `are those that README names`() throws {
    let readme = try String(contentsOf: Fixture.repository.appending(path: "README.md"), encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["ldd", DuetProgram.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try #require(try pipe.fileHandleForReading.readToEnd())
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let libraries = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { line in
      line.split(separator: " ").first.map { $0.trimmingCharacters(in: .whitespaces) }
    }.map { $0.split(separator: "/").last.map { String($0) } ?? $0 }
    #expect(
      libraries.contains { $0.hasPrefix("libblas") } && libraries.contains { $0.hasPrefix("libsqlite3") })
    #expect(!String(decoding: output, as: UTF8.self).contains("not found"))
    for library in libraries where !Self.indirect.contains(where: library.hasPrefix) {
      let name = library.split(separator: ".").first ?? ""
      #expect(readme.contains(name), "README does not name \(library)")
    }
  }
}
