// SPDX-License-Identifier: Apache-2.0
import Catalog
import Foundation
import SystemPackage
import TestSupport

/// A catalog in a folder of its own, with one root and one space.
final class TestLibrary: Sendable {
  let folder: TemporaryDirectory
  let path: FilePath
  let store: CatalogStore
  let root: RootID
  let space: Space

  static let identity = SpaceIdentity(
    model: "tiny", weightsHash: "aa", preprocessing: "parity", dimension: 4, composeRule: "rawSum")

  init() throws {
    folder = try TemporaryDirectory()
    path = FilePath(folder.path("catalog.sqlite"))
    store = try CatalogStore.open(path, access: .readWrite)
    (root, space) = try store.write { transaction in
      (try transaction.addRoot("/photos", device: 7), try transaction.space(for: Self.identity))
    }
  }

  /// A file record whose content hash follows from `content`.
  func file(_ path: String, content: String? = nil, size: Int64 = 100, modified: Int64 = 1) -> FileRecord {
    var hash: [UInt8] = Array((content ?? path).utf8.prefix(64))
    while hash.count < 16 { hash.append(0) }
    return FileRecord(
      root: root, path: FilePath(path), size: size, modified: modified, inode: UInt64.max - 3, hash: hash)
  }

  static let picture = PictureRecord(format: "jpeg", width: 640, height: 480)

  /// Adds an item with captions and tags in a transaction of its own.
  @discardableResult
  func add(
    _ path: String, captions: [String] = [], tags: [String] = [], picture: PictureRecord = picture
  ) throws -> ItemID {
    try store.write { transaction in
      let id = try transaction.insertItem(file(path), picture)
      if !captions.isEmpty {
        try transaction.replaceCaptions(of: id, with: captions.map { Caption($0, source: .sidecar) })
      }
      if !tags.isEmpty { try transaction.replaceTags(of: id, with: tags) }
      return id
    }
  }

  /// Gives items image vectors whose first value is the item's id.
  func addVectors(_ items: [ItemID], field: VectorField = .image) throws {
    try store.write { transaction in
      try transaction.addVectors(
        space: space.id, field: field, keys: items.map { FreshVectorKey(item: $0) },
        vectors: items.flatMap { [Float($0), 0.5, -0.25, 1e-30] })
    }
  }
}

extension CatalogError.Code {
  /// The code of the error that `body` throws; nil when it throws none.
  static func of(_ body: () throws -> Void) throws -> CatalogError.Code? {
    do {
      try body()
      return nil
    } catch let error as CatalogError {
      return error.code
    }
  }
}
