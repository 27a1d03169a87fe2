// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// A folder of small pictures to index.
struct PictureFolder {
  let directory: TemporaryDirectory

  /// Copies fixtures into a new folder, each under its own name.
  init(_ pictures: String...) throws {
    directory = try TemporaryDirectory()
    for picture in pictures { try add(picture, as: picture) }
  }

  /// A folder of five pictures in three formats, one with a caption.
  static func ofFive() throws -> PictureFolder {
    let folder = try PictureFolder("rgb8.png", "palette8.png", "grey.jpg", "rgb-420.jpg", "lossy.webp")
    try folder.directory.write("a lighthouse at dusk\n", to: "rgb8.txt")
    return folder
  }

  /// Any number of different pictures: a fixture with some bytes behind its end.
  init(count: Int, of picture: String = "rgb8.png") throws {
    directory = try TemporaryDirectory()
    let bytes = try Fixture.bytes("Images/\(picture)")
    for index in 0..<count { try directory.write(bytes + Array("\(index)".utf8), to: "\(index).png") }
  }

  var path: String { directory.path }

  /// Copies a fixture.
  func add(_ picture: String, as name: String) throws {
    try directory.write(try Fixture.bytes("Images/\(picture)"), to: name)
  }

  func move(_ name: String, to other: String) throws {
    try FileManager.default.createDirectory(
      at: directory.url.appending(path: other).deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: directory.path(name), toPath: directory.path(other))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: directory.path(name))
  }

  /// The library's segment files.
  var segments: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: directory.path(".duet/segments")).sorted()
        .map { directory.path(".duet/segments/\($0)") }
    }
  }
}
