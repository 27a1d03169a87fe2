// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// The id of an item. Never reused, also not after the item is gone.
package typealias ItemID = Int64
/// The id of a root.
package typealias RootID = Int64
/// The id of an embedding space.
package typealias SpaceID = Int64
/// The id of a segment.
package typealias SegmentID = Int64
/// The id of a caption file.
package typealias CaptionFileID = Int64
/// A commit number: each commit that changes anything has the next one.
package typealias Generation = Int64

/// A folder whose pictures belong to the library.
package struct Root: Hashable, Sendable {
  package let id: RootID
  /// As the library's owner wrote it: absolute, or relative to the library.
  package let path: FilePath
  /// The device it was last seen on (`st_dev`), to notice a disk that is not mounted.
  package let device: Int64?
  /// When it was last walked, in seconds since 1970.
  package let lastSeen: Int64?

  package init(id: RootID, path: FilePath, device: Int64?, lastSeen: Int64?) {
    self.id = id
    self.path = path
    self.device = device
    self.lastSeen = lastSeen
  }
}

/// A file as change detection sees it. Paths are relative to the root and compared by their bytes.
package struct FileRecord: Hashable, Sendable {
  package var root: RootID
  package var path: FilePath
  /// In bytes.
  package var size: Int64
  /// Modification time in nanoseconds since 1970.
  package var modified: Int64
  package var inode: UInt64
  /// The content hash, 8 to 64 bytes.
  package var hash: [UInt8]

  package init(root: RootID, path: FilePath, size: Int64, modified: Int64, inode: UInt64, hash: [UInt8]) {
    self.root = root
    self.path = path
    self.size = size
    self.modified = modified
    self.inode = inode
    self.hash = hash
  }
}

/// What is known of a picture without looking at its pixels.
package struct PictureRecord: Hashable, Sendable {
  /// Lower-case name of the format: `png`, `jpeg`, `webp`, …
  package var format: String
  /// As stored, before orientation.
  package var width: Int
  package var height: Int
  /// EXIF orientation, 1 to 8.
  package var orientation: Int
  /// When the picture was taken: the camera's wall clock read as if it were UTC, in seconds since 1970.
  package var taken: Int64?
  package var cameraMake: String?
  package var cameraModel: String?

  package init(
    format: String, width: Int, height: Int, orientation: Int = 1, taken: Int64? = nil,
    cameraMake: String? = nil, cameraModel: String? = nil
  ) {
    self.format = format
    self.width = width
    self.height = height
    self.orientation = orientation
    self.taken = taken
    self.cameraMake = cameraMake
    self.cameraModel = cameraModel
  }
}

/// One picture of the library.
package struct Item: Hashable, Sendable {
  package let id: ItemID
  package var file: FileRecord
  package var picture: PictureRecord
  /// The commit that brought it in.
  package let added: Generation
  /// The last commit that changed its content or its place.
  package let changed: Generation
}

/// A text that describes an item.
package struct Caption: Hashable, Sendable {
  /// Where a caption comes from.
  package enum Source: String, Sendable, CaseIterable {
    /// `name.txt` beside the picture.
    case sidecar
    /// A caption file of many pictures.
    case file
    /// EXIF, IPTC, XMP or PNG text inside the picture.
    case embedded
    /// Given by hand.
    case user
  }

  package var text: String
  package var source: Source
  /// The sidecar or caption file it was read from, where it has a row of its own.
  package var sourceFile: CaptionFileID?
  /// Known to say nothing about the picture (a camera's default): words only, never embedded.
  package var isBoilerplate: Bool

  package init(
    _ text: String, source: Source, sourceFile: CaptionFileID? = nil, isBoilerplate: Bool = false
  ) {
    self.text = text
    self.source = source
    self.sourceFile = sourceFile
    self.isBoilerplate = isBoilerplate
  }
}

/// A sidecar or caption file whose changes are watched.
package struct CaptionFileRecord: Hashable, Sendable {
  package let id: CaptionFileID
  package let file: FileRecord
}

/// A file that was looked at and not taken in.
package struct Skip: Hashable, Sendable {
  package var root: RootID
  /// Relative to the root; a name that is not UTF-8 is kept repaired, for showing only.
  package var path: String
  /// One word to count by: `truncated`, `unsupported`, `unreadable`, …
  package var reason: String
  package var message: String
  /// The size and time it had, so that an unchanged file need not be tried again.
  package var size: Int64?
  package var modified: Int64?

  package init(
    root: RootID, path: String, reason: String, message: String, size: Int64? = nil, modified: Int64? = nil
  ) {
    self.root = root
    self.path = path
    self.reason = reason
    self.message = message
    self.size = size
    self.modified = modified
  }
}
