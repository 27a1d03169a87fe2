// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Files
import Glibc
import Search
import SystemPackage

/// `--index`: which library a command is about.
struct LibraryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The library's folder, or one that has a library (default: $DUET_INDEX, else the nearest .duet upward).",
      valueName: "dir"), completion: .directory)
  var index: String?

  @Flag(help: "Use a library on a network disk all the same, where a crash may damage it.")
  var allowNetworkDisk = false

  /// Where libraries are looked for.
  func environment() throws -> LibraryLocation.Environment {
    var environment = LibraryLocation.Environment(
      workingDirectory: try Paths.workingDirectory(),
      override: (index ?? Process.environment("DUET_INDEX")).map { FilePath($0) },
      sharedLibraries: BaseDirectories.current.data.appending("libraries"))
    environment.allowsNetworkDisk = allowNetworkDisk
    return environment
  }

  /// The library that exists, or the error that says how to make one.
  func find() throws -> LibraryLocation {
    try LibraryLocation.find(in: try environment())
  }

  /// Opens the library for reading.
  func open(maxMemory: ByteCount? = nil) throws -> LibraryReader {
    try LibraryReader(try find(), memoryLimit: maxMemory?.count)
  }
}

/// Paths as people type them.
enum Paths {
  /// The working directory, links resolved.
  static func workingDirectory() throws -> FilePath {
    guard let path = realpath(".", nil) else {
      throw SearchError(.invalidRequest, "the working directory is gone: change to another folder")
    }
    defer { free(path) }
    return FilePath(platformString: path)
  }

  /// The absolute path of something that is there, links resolved, so that one folder has one name.
  static func resolve(_ typed: String) throws -> FilePath {
    guard let path = realpath(typed, nil) else {
      throw SearchError(.invalidRequest, "\(typed): \(String(cString: strerror(errno)))")
    }
    defer { free(path) }
    let resolved = FilePath(platformString: path)
    // Paths are kept and printed as text.
    guard String(validating: resolved) != nil else {
      throw SearchError(.invalidRequest, "\(resolved): the path is not UTF-8: rename the folder")
    }
    return resolved
  }

  /// The absolute path of something that may be gone: links are not resolved.
  static func absolute(_ typed: String) throws -> FilePath {
    try workingDirectory().pushing(FilePath(typed)).lexicallyNormalized()
  }
}

/// A number of bytes as people type it: 800M, 2G, 65536.
struct ByteCount: ExpressibleByArgument {
  let count: Int

  init?(argument: String) {
    let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
    let shift = argument.last.flatMap { units[Character($0.lowercased())] }
    guard let number = Int(shift == nil ? argument : String(argument.dropLast())), number >= 0,
      number <= Int.max >> (shift ?? 0)
    else { return nil }
    count = number << (shift ?? 0)
  }
}
