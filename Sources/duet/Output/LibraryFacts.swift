// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import LinearAlgebra
import Search
import SystemPackage

/// What `duet info` tells of a library.
struct LibraryFacts {
  /// The vectors of one field.
  struct Vectors {
    let field: VectorField
    let segments: [SegmentRecord]
    /// Vectors that lie in the catalog itself.
    let fresh: Int
    let pending: Int
    /// In segments, deleted ones included.
    var stored: Int { segments.reduce(0) { $0 + $1.count } }
    var bytes: Int { segments.reduce(0) { $0 + Int($1.bytes) } }
  }

  /// A root and its items.
  struct RootFacts {
    let path: FilePath
    let items: Int
    /// Seconds since 1970; nil before its first complete run.
    let lastSeen: Int64?
    let exists: Bool
  }

  /// A file that was skipped.
  struct SkipFacts {
    let path: String
    let kind: String
    let message: String

    var json: JSONText { ["path": .string(path), "kind": .string(kind), "reason": .string(message)] }
  }

  let location: LibraryLocation
  let items: Int
  let captions: Int
  let generation: Generation
  let catalogBytes: Int
  let spaces: [Space]
  /// What the vectors of each space were computed in.
  let precisions: [[Precision]]
  let storage: RowStorage
  let vectors: [Vectors]
  let roots: [RootFacts]
  let skips: [SkipFacts]
  let isReadOnly: Bool
  let indexer: Int32?

  init(of reader: LibraryReader) throws {
    let catalog = reader.catalog
    location = reader.location
    let snapshot = try catalog.snapshot()
    generation = snapshot.generation
    items = snapshot.itemCount
    captions = try catalog.captionCount()
    spaces = try catalog.spaces().filter { $0.state != .retired }
    precisions = try spaces.map { try VectorPrecisions(of: $0.id, in: catalog).kinds }
    storage = try catalog.vectorStorage()
    let active = snapshot.space
    vectors = try VectorField.allCases.map { field in
      Vectors(
        field: field, segments: snapshot.segments(of: field), fresh: snapshot.fresh[field]?.count ?? 0,
        pending: try active.map { try catalog.pendingCount(space: $0.id, field: field) } ?? 0)
    }
    let location = reader.location
    let paths = try catalog.roots().map { (root: $0, path: location.resolve(root: $0.path)) }
    roots = try paths.map { root, path in
      RootFacts(
        path: path, items: try catalog.itemCount(root: root.id), lastSeen: root.lastSeen,
        exists: (try? FileStatus(of: path))?.kind == .directory)
    }
    let byID = Dictionary(paths.map { ($0.root.id, $0.path) }) { first, _ in first }
    skips = try catalog.skips().map { skip in
      SkipFacts(
        path: byID[skip.root]?.pushing(FilePath(skip.path)).string ?? skip.path, kind: skip.reason,
        message: skip.message)
    }
    catalogBytes = ["", "-wal"].reduce(0) { sum, suffix in
      sum + ((try? FileStatus(of: FilePath(location.catalog.string + suffix)))?.size ?? 0)
    }
    isReadOnly = !Folders.isWritable(location.directory)
    indexer = FileLock.holder(of: location.ingestLock)
  }

  /// For people.
  var rows: [(String, String)] {
    var rows = [("library", location.directory.string + (isReadOnly ? " (read-only)" : ""))]
    if let indexer { rows.append(("", "being indexed now, by process \(indexer)")) }
    rows.append(("pictures", items.grouped))
    rows.append(("captions", captions.grouped))
    for (space, precisions) in zip(spaces, precisions) {
      let identity = space.identity
      var text = "\(identity.model), \(identity.dimension) dimensions"
      text += ", weights \(identity.weightsHash.prefix(12))"
      if !precisions.isEmpty { text += ", in \(precisions.map(\.rawValue).joined(separator: " and "))" }
      rows.append((space.state == .active ? "model" : "next model", text))
    }
    rows.append(("vectors kept as", storage.name))
    for part in vectors where part.stored + part.fresh + part.pending > 0 || part.field == .image {
      var text = "\(part.segments.count.grouped) \(part.segments.count == 1 ? "segment" : "segments")"
      text += " with \(part.stored.grouped) (\(part.bytes.asFileSize)), \(part.fresh.grouped) fresh"
      if part.pending > 0 { text += ", \(part.pending.grouped) still to be made" }
      rows.append(("\(part.field.rawValue) vectors", text))
    }
    rows.append(("catalog", "\(catalogBytes.asFileSize), commit \(generation)"))
    if !skips.isEmpty { rows.append(("skipped", "\(skips.count.grouped): see 'duet info --skipped'")) }
    for (index, root) in roots.enumerated() {
      var text = "\(root.path), \(root.items.grouped) pictures"
      if let seen = root.lastSeen { text += ", indexed \(Timestamp.text(seen))" }
      if !root.exists { text += " (not there now)" }
      rows.append((index == 0 ? "roots" : "", text))
    }
    return rows
  }

  /// For programs.
  var json: JSONText {
    [
      "path": .string(location.directory.string), "readOnly": .bool(isReadOnly), "items": .int(items),
      "captions": .int(captions), "generation": .int(Int(generation)), "catalogBytes": .int(catalogBytes),
      "storage": .string(storage.name),
      "indexedByProcess": indexer.map { .int(Int($0)) } ?? .null,
      "models": .array(
        zip(spaces, precisions).map { space, precisions in
          [
            "state": .string(space.state.rawValue), "name": .string(space.identity.model),
            "dimension": .int(space.identity.dimension), "weightsHash": .string(space.identity.weightsHash),
            "preprocessing": .string(space.identity.preprocessing),
            "composeRule": .string(space.identity.composeRule),
            "precisions": .strings(precisions.map(\.rawValue)),
          ]
        }),
      "vectors": .array(
        vectors.map {
          [
            "field": .string($0.field.rawValue), "segments": .int($0.segments.count),
            "stored": .int($0.stored),
            "bytes": .int($0.bytes), "fresh": .int($0.fresh), "pending": .int($0.pending),
          ]
        }),
      "roots": .array(roots.map(\.json)), "skipped": .int(skips.count),
    ]
  }
}

extension LibraryFacts.RootFacts {
  var json: JSONText {
    [
      "path": .string(path.string), "items": .int(items),
      "lastIndexed": lastSeen.map { .int(Int($0)) } ?? .null, "exists": .bool(exists),
    ]
  }
}
