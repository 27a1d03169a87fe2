// SPDX-License-Identifier: Apache-2.0
import Images
import Search
import SystemPackage

/// Standard input as a picture; it can be read once.
struct StandardInput {
  private var isRead = false
  /// What another process has read of its own.
  private let bytes: [UInt8]?

  /// - Parameter bytes: nil for this process's standard input.
  init(bytes: [UInt8]? = nil) { self.bytes = bytes }

  /// A picture term: a file, or `-` (with a weight: `2:-`) for standard input.
  mutating func image(_ argument: String, role: Term.Role, option: String) throws -> Term {
    let parsed = WeightedArgument(parsing: argument)
    guard parsed.value == "-" else { return try .imageFile(argument, role: role, option: option) }
    return try Term(
      .imageBytes(try read()), role: role, weight: parsed.weight, label: "\(option) \(argument)")
  }

  /// All of it, up to the size that a picture may have.
  mutating func read() throws -> [UInt8] {
    guard !isRead else {
      throw SearchError(.invalidRequest, "standard input (-) holds one picture: name it once")
    }
    isRead = true
    if let bytes { return bytes }
    let limit = ImageLimits.standard.maxBytes
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try chunk.withUnsafeMutableBytes { try FileDescriptor.standardInput.read(into: $0) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw SearchError(.unreadableInput, "standard input: more than \(limit) bytes are no picture")
      }
    }
  }
}
