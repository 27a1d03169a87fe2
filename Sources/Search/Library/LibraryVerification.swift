// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
package import SystemPackage
import VectorIndexes

/// What reading everything that a library has brought to light.
///
/// Damage is what a query would suffer from. Retired files, orphans and changed pictures are no damage: the next run of
/// `duet index` deals with them.
package struct LibraryVerification: Sendable {
  /// The library.
  package let directory: FilePath
  /// What contradicts itself, a sentence each.
  package private(set) var damage: [String] = []
  package private(set) var items = 0
  /// Vectors in live segments and in the catalog, those of removed items left out.
  package private(set) var vectors = 0
  /// Live segments.
  package private(set) var segments = 0
  /// Files of retired segments, which a later commit unlinks.
  package private(set) var retiredFiles: [String] = []
  /// Files in the library that nothing names.
  package private(set) var orphans: [String] = []
  /// Roots that are not there, as when a disk is not mounted.
  package private(set) var absentRoots: [FilePath] = []
  /// Pictures that are gone from roots that are there.
  package private(set) var missingFiles = 0
  /// Pictures of another size or time than the catalog has.
  package private(set) var changedFiles = 0

  package var isSound: Bool { damage.isEmpty }

  private init(_ location: LibraryLocation) {
    directory = location.directory
  }

  /// Reads the whole library. Takes as long as reading all its bytes does, and memory for the ids of its items.
  ///
  /// A commit in the meantime may unlink what is being read: then it begins again.
  /// - Throws: ``SearchError`` when the catalog cannot be opened.
  package static func run(on location: LibraryLocation) throws -> LibraryVerification {
    let store = try Library.opening { try CatalogStore.open(location.catalog, access: .readOnly) }
    var findings = LibraryVerification(location)
    for _ in 0..<3 {
      let generation = try Library.opening { try store.generation() }
      findings = LibraryVerification(location)
      try Library.opening { try findings.inspect(location, store) }
      if try findings.isSound || Library.opening({ try store.generation() }) == generation { break }
    }
    return findings
  }

  private mutating func inspect(_ location: LibraryLocation, _ store: CatalogStore) throws {
    damage += try store.verify()
    let known = try inspectItems(location, store)
    items = known.count
    let spaces = try store.spaces()
    let live = try store.liveSegments()
    segments = live.count
    for space in spaces where space.state != .retired {
      let snapshot = try store.snapshot(space: space.id)
      for field in VectorField.allCases {
        var embedded = Set((snapshot.fresh[field]?.keys ?? []).map(\.item))
        vectors += snapshot.fresh[field]?.count ?? 0
        for record in snapshot.segments(of: field) {
          do throws(IndexError) {
            let dead = Set(snapshot.tombstones[record.id] ?? [])
            embedded.formUnion(try inspect(record, space, dead: dead, known: known, at: location))
          } catch {
            damage.append(error.message)
          }
        }
        if field == .image { try inspectCoverage(embedded, of: known, in: space, store) }
      }
    }
    try inspectFiles(location, store)
  }

  /// Looks each picture's file up; returns the ids of all items.
  private mutating func inspectItems(_ location: LibraryLocation, _ store: CatalogStore) throws -> Set<ItemID>
  {
    var known: Set<ItemID> = []
    var (missing, changed) = (0, 0)
    for root in try store.roots() {
      let folder = location.resolve(root: root.path)
      let isThere = (try? FileStatus(of: folder))?.kind == .directory
      if !isThere { absentRoots.append(folder) }
      try store.forEachKnownFile(root: root.id) { item in
        known.insert(item.id)
        guard isThere else { return }
        guard let status = try? FileStatus(of: folder.pushing(item.file.path), followsLinks: false) else {
          missing += 1
          return
        }
        if !item.file.matches(status) { changed += 1 }
      }
    }
    (missingFiles, changedFiles) = (missing, changed)
    return known
  }

  /// Reads a live segment; returns the items that it has vectors of.
  private mutating func inspect(
    _ record: SegmentRecord, _ space: Space, dead: Set<ItemID>, known: Set<ItemID>,
    at location: LibraryLocation
  ) throws(IndexError) -> Set<ItemID> {
    let segment = try Segment(location.segment(record.file), size: Int(record.bytes))
    try segment.verify()
    if segment.count != record.count || segment.dimension != space.identity.dimension
      || segment.fingerprint != space.identity.fingerprint
    {
      damage.append("\(segment.path) is not the segment that the catalog names")
    }
    var embedded: Set<ItemID> = []
    var (strangers, outside) = (0, 0)
    for slot in 0..<segment.count {
      let item = segment.key(slot).item
      if !record.items.contains(item) { outside += 1 }
      if dead.contains(item) { continue }
      vectors += 1
      embedded.insert(item)
      if !known.contains(item) { strangers += 1 }
    }
    if strangers > 0 { damage.append("\(segment.path) has \(strangers) vectors of items that are not there") }
    if outside > 0 {
      damage.append("\(segment.path) has \(outside) vectors outside the range that the catalog names")
    }
    return embedded
  }

  /// Every picture has a vector, or waits for one.
  private mutating func inspectCoverage(
    _ embedded: Set<ItemID>, of known: Set<ItemID>, in space: Space, _ store: CatalogStore
  ) throws {
    var lacking = known.subtracting(embedded)
    var last: ItemID = 0
    while !lacking.isEmpty {
      let pending = try store.pendingItems(space: space.id, field: .image, after: last, limit: 4096)
      guard let end = pending.last else { break }
      lacking.subtract(pending)
      last = end
    }
    if !lacking.isEmpty {
      damage.append("\(lacking.count) pictures have no vector and do not wait for one")
    }
  }

  /// Files beside those of live segments.
  private mutating func inspectFiles(_ location: LibraryLocation, _ store: CatalogStore) throws {
    let live = Set(try store.liveSegments().map(\.file))
    let named = try store.namedSegmentFiles()
    let names = (try? Folders.names(in: location.segments)) ?? []
    retiredFiles = names.filter { named.contains($0) && !live.contains($0) }.sorted()
    orphans = names.filter { !named.contains($0) }.sorted()
  }
}
