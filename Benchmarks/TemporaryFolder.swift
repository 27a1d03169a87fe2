// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import SystemPackage

/// A folder for a benchmark's own files in `$TMPDIR`, removed with everything in it at the end.
final class TemporaryFolder {
  let path: FilePath

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/duet-bench-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw Errno(rawValue: errno) }
    path = FilePath(made)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path.string)
  }
}
