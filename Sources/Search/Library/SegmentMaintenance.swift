// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import LinearAlgebra
import SystemPackage
import VectorIndexes

/// Makes segments of fresh vectors, larger segments of small ones, and clears away what nothing names any more.
///
/// A segment file is complete and synced before a transaction names it live; a retired one is unlinked only at a later
/// commit. So whatever moment ends the process, every file that the catalog names is whole.
struct SegmentMaintenance: Sendable {
  /// So many segments of about one size become one (size-tiered merging, as in log-structured merge trees).
  static let fanOut = 8
  /// A segment of which this share is dead is written anew.
  static let deadShare = 0.25

  let location: LibraryLocation
  let store: CatalogStore
  let space: Space
  /// How segments that are written store numbers.
  let storage: RowStorage

  // MARK: - Fresh vectors

  /// Turns the fresh vectors of each field into a segment, where there are at least `limit`.
  func flush(keepingFewerThan limit: Int) throws {
    for field in VectorField.allCases where try store.freshCount(space: space.id, field: field) >= limit {
      let snapshot = try store.snapshot(space: space.id)
      guard let fresh = snapshot.fresh[field], fresh.count > 0 else { continue }
      let file = SegmentFileName.make()
      let dimension = fresh.dimension
      try write(file, field: field, count: fresh.count) { writer in
        for (row, key) in fresh.keys.enumerated() {
          let vector = Array(fresh.vectors[row * dimension..<(row + 1) * dimension])
          try writer.append(VectorKey(item: key.item, ordinal: key.ordinal), vector)
        }
      } publish: { segment, transaction in
        try transaction.publishSegment(segment, fresh: fresh, readAt: snapshot.generation)
      } items: {
        guard let first = fresh.keys.first, let last = fresh.keys.last else { return nil }
        return first.item...last.item
      }
    }
  }

  // MARK: - Merging

  /// Merges until no tier of a field has ``fanOut`` segments and none is mostly dead. Does nothing while another
  /// process merges.
  ///
  /// What is merged is read to the end and checked; a segment that proves damaged is retired.
  /// - Returns: the files of damaged segments; their items wait to be embedded anew.
  /// - Throws: `CancellationError` when `cancellation` is set before a merge is done; what it merged stays as it was.
  func merge(_ cancellation: CancellationFlag) throws -> [String] {
    guard let lock = try? FileLock(location.mergeLock) else { return [] }
    defer { lock.unlock() }
    var lost: [String] = []
    for field in VectorField.allCases {
      while !cancellation.isSet {
        let snapshot = try store.snapshot(space: space.id)
        guard let group = Self.nextMerge(snapshot.segments(of: field), dead: snapshot.tombstones) else {
          break
        }
        let damaged = group.filter { (try? verified($0)) == nil }
        if damaged.isEmpty {
          try merge(group, field: field, snapshot, cancellation)
        } else {
          lost += try retireLostSegments(checkingAll: true)
        }
      }
    }
    return lost
  }

  /// The segments to merge next: the smallest tier that is full, else one that is mostly dead.
  static func nextMerge(_ segments: [SegmentRecord], dead: [SegmentID: [ItemID]]) -> [SegmentRecord]? {
    let tiers = Dictionary(grouping: segments) { tier(of: $0.count) }
    for tier in tiers.keys.sorted() {
      if let members = tiers[tier], members.count >= fanOut {
        return Array(members.sorted { $0.id < $1.id }.prefix(fanOut))
      }
    }
    return segments.first { Double(dead[$0.id]?.count ?? 0) > deadShare * Double($0.count) }.map { [$0] }
  }

  /// The power of ``fanOut`` nearest below a segment's size.
  static func tier(of count: Int) -> Int {
    var (tier, size) = (0, fanOut)
    while size <= count {
      tier += 1
      size *= fanOut
    }
    return tier
  }

  private func merge(
    _ group: [SegmentRecord], field: VectorField, _ snapshot: CatalogSnapshot,
    _ cancellation: CancellationFlag
  ) throws {
    let sources = try group.map { try Segment(location.segment($0.file), size: Int($0.bytes)) }
    for source in sources { source.willReadAll() }
    var rows: [(key: VectorKey, source: Int, slot: Int)] = []
    for (index, source) in sources.enumerated() {
      let dead = source.bitmap(of: snapshot.tombstones[group[index].id] ?? [])
      for slot in 0..<source.count where !dead.contains(slot) {
        rows.append((source.key(slot), index, slot))
      }
    }
    rows.sort { $0.key < $1.key }
    let replaced = group.map(\.id)
    guard let first = rows.first, let last = rows.last else {
      try store.write { transaction in
        _ = try transaction.publishSegment(nil, replacing: replaced, readAt: snapshot.generation)
      }
      return
    }
    try write(SegmentFileName.make(), field: field, count: rows.count, cancellation) { writer in
      if let largest = sources.max(by: { $0.count < $1.count }) { writer.keepLists(of: largest) }
      for row in rows { try writer.append(slot: row.slot, of: sources[row.source]) }
    } publish: { segment, transaction in
      try transaction.publishSegment(segment, replacing: replaced, readAt: snapshot.generation)
    } items: {
      first.key.item...last.key.item
    }
  }

  /// Writes a segment file, then names it live in one transaction; on failure no file is left.
  private func write(
    _ file: String, field: VectorField, count: Int, _ cancellation: CancellationFlag? = nil,
    rows: (SegmentWriter) throws -> Void,
    publish: (NewSegment, CatalogTransaction) throws -> SegmentID?, items: () -> ClosedRange<ItemID>?
  ) throws {
    guard let items = items() else { return }
    let path = location.segment(file)
    let writer = try SegmentWriter(
      to: path, id: .random(in: 1 ... .max), fingerprint: space.identity.fingerprint,
      dimension: space.identity.dimension, count: count, storage: storage)
    try rows(writer)
    let bytes = try writer.finish { _ in try cancellation?.check() }
    let segment = NewSegment(
      space: space.id, field: field, file: file, count: count, bytes: Int64(bytes), items: items)
    do {
      _ = try store.write { try publish(segment, $0) }
    } catch {
      _ = try? Folders.removeFile(path)
      throw error
    }
  }

  // MARK: - Files

  /// Removes segment files that the catalog does not name: what a process that was killed left behind.
  ///
  /// Only with both locks held is a nameless file nobody's: the caller has the ingest lock.
  func clearOrphans() throws {
    guard let lock = try? FileLock(location.mergeLock) else { return }
    defer { lock.unlock() }
    let named = try store.namedSegmentFiles()
    for name in try Folders.names(in: location.segments)
    where !named.contains(name) && (name.hasSuffix(".duetvec") || AtomicFile.isTemporaryName(name)) {
      _ = try? Folders.removeFile(location.segment(name))
    }
  }

  /// Unlinks the files of segments retired before the current commit.
  func unlinkRetired() throws {
    let retired = try store.retiredSegments(before: try store.generation())
    guard !retired.isEmpty else { return }
    for segment in retired { _ = try? Folders.removeFile(location.segment(segment.file)) }
    try store.write { try $0.forgetRetired(retired.map(\.id)) }
  }

  /// Retires live segments whose files are missing or no segments of this space; their items are embedded anew.
  ///
  /// This happens when a catalog is older than the files beside it: restored from a backup, or rolled back by a disk
  /// that lied about a sync.
  ///
  /// - Parameter checkingAll: reads all segments to the end, and retires those damaged inside too.
  /// - Returns: the files that were lost.
  func retireLostSegments(checkingAll: Bool = false) throws -> [String] {
    let snapshot = try store.snapshot(space: space.id)
    guard checkingAll || !snapshot.segments.allSatisfy({ (try? open($0)) != nil }) else { return [] }
    var lost: [SegmentRecord] = []
    var kept: [VectorField: Set<ItemID>] = [:]
    for record in snapshot.segments {
      // Only a sound segment can tell which items need nothing.
      guard let segment = try? verified(record) else {
        lost.append(record)
        continue
      }
      let dead = segment.bitmap(of: snapshot.tombstones[record.id] ?? [])
      for slot in 0..<segment.count where !dead.contains(slot) {
        kept[record.field, default: []].insert(segment.key(slot).item)
      }
    }
    for (field, fresh) in snapshot.fresh { kept[field, default: []].formUnion(fresh.keys.map(\.item)) }
    try store.write { transaction in
      for record in lost {
        _ = try transaction.publishSegment(nil, replacing: [record.id], readAt: snapshot.generation)
        for item in try transaction.items(in: record.items)
        where kept[record.field]?.contains(item) != true {
          try transaction.invalidateVectors(of: item, field: record.field)
        }
      }
    }
    return lost.map(\.file)
  }

  /// Maps a segment and checks that it is the one that the catalog means.
  private func open(_ record: SegmentRecord) throws -> Segment {
    let segment = try Segment(location.segment(record.file), size: Int(record.bytes))
    guard segment.count == record.count, segment.fingerprint == space.identity.fingerprint else {
      throw SearchError(.libraryUnusable, "\(segment.path) is not the segment that the catalog names")
    }
    return segment
  }

  /// The same, and reads it to the end.
  private func verified(_ record: SegmentRecord) throws -> Segment {
    let segment = try open(record)
    try segment.verify()
    return segment
  }
}

extension SpaceIdentity {
  /// 32 bytes that name the space in a segment's header.
  var fingerprint: [UInt8] {
    let text = "\(weightsHash)\n\(preprocessing)\n\(dimension)\n\(composeRule)"
    return ContentHash(of: Array(text.utf8)).bytes + ContentHash(of: Array("duet\n\(text)".utf8)).bytes
  }
}
