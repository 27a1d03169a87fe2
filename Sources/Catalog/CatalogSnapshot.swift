// SPDX-License-Identifier: Apache-2.0
import GRDB

/// What a query needs of one commit: copied in one short read, valid for ever.
package struct CatalogSnapshot: Sendable {
  /// The commit.
  package let generation: Generation
  /// 32 hexadecimal digits that name the library, to key caches by.
  package let libraryID: String
  package let itemCount: Int
  /// The space asked for, or the active one; nil while the library has none.
  package let space: Space?
  /// Live segments of the space, by field, then id.
  package let segments: [SegmentRecord]
  /// Items void in a segment, ascending.
  package let tombstones: [SegmentID: [ItemID]]
  /// Vectors of the space that are in no segment.
  package let fresh: [VectorField: FreshVectors]
  package let calibrations: [Calibration]

  /// Live segments of a field.
  package func segments(of field: VectorField) -> [SegmentRecord] {
    segments.filter { $0.field == field }
  }

  /// The calibration of a field for a kind of query.
  package func calibration(of field: VectorField, kind: String) -> Calibration? {
    calibrations.first { $0.field == field && $0.kind == kind }
  }
}

extension CatalogStore {
  /// The number of the last commit. One row is read: cheap enough for each query.
  package func generation() throws(CatalogError) -> Generation {
    try read { db in try Self.generation(db) }
  }

  /// The state of the last commit, for queries.
  /// - Parameters:
  ///   - space: whose vectors; the active space's when nil.
  ///   - previous: returned as it is when nothing was committed since.
  package func snapshot(
    space: SpaceID? = nil, unlessNewerThan previous: CatalogSnapshot? = nil
  ) throws(CatalogError) -> CatalogSnapshot {
    try read { db in
      let generation = try Self.generation(db)
      let spaces = try Space.all(db)
      let chosen = spaces.first { space == nil ? $0.state == .active : $0.id == space }
      if space != nil && chosen == nil { throw CatalogError(.notFound, "there is no space \(space ?? 0)") }
      if let previous, previous.generation == generation, previous.space == chosen { return previous }
      let id = chosen?.id ?? 0
      let segments = try SegmentRecord.fetch(
        db, where: "state = 'live' AND space = ? ORDER BY field DESC, id", [id])
      return CatalogSnapshot(
        generation: generation, libraryID: try Self.libraryID(db), itemCount: try Self.itemCount(db),
        space: chosen, segments: segments, tombstones: try Self.tombstones(db, segments),
        fresh: try Self.fresh(db, chosen), calibrations: try Self.calibrations(db, id))
    }
  }

  private static func generation(_ db: Database) throws -> Generation {
    guard let row = try Row.fetchOne(db.cachedStatement(sql: "SELECT generation FROM meta")) else {
      throw CatalogError(.corrupted, "the catalog is corrupted: its meta row is missing")
    }
    return try row.integer(0)
  }

  private static func libraryID(_ db: Database) throws -> String {
    guard let row = try Row.fetchOne(db, sql: "SELECT library FROM meta") else {
      throw CatalogError(.corrupted, "the catalog is corrupted: its meta row is missing")
    }
    return try row.text(0)
  }

  static func itemCount(_ db: Database) throws -> Int {
    try Row.fetchOne(db.cachedStatement(sql: "SELECT itemCount FROM meta")).map { try $0.int(0) } ?? 0
  }

  private static func tombstones(_ db: Database, _ segments: [SegmentRecord]) throws -> [SegmentID: [ItemID]]
  {
    var found: [SegmentID: [ItemID]] = [:]
    let statement = try db.cachedStatement(sql: "SELECT item FROM tombstone WHERE segment = ? ORDER BY item")
    for segment in segments {
      var items: [ItemID] = []
      let rows = try Row.fetchCursor(statement, arguments: [segment.id])
      while let row = try rows.next() { items.append(try row.integer(0)) }
      if !items.isEmpty { found[segment.id] = items }
    }
    return found
  }

  private static func fresh(_ db: Database, _ space: Space?) throws -> [VectorField: FreshVectors] {
    guard let space else { return [:] }
    var found: [VectorField: FreshVectors] = [:]
    let statement = try db.cachedStatement(
      sql: """
        SELECT id, item, ordinal, vector FROM freshVector WHERE space = ? AND field = ? ORDER BY item, ordinal
        """)
    for field in VectorField.allCases {
      var fresh = FreshVectors(dimension: space.identity.dimension)
      let rows = try Row.fetchCursor(statement, arguments: [space.id, field.rawValue])
      while let row = try rows.next() {
        guard let ordinal = UInt32(exactly: try row.integer(2)) else {
          throw CatalogError(.corrupted, "the catalog is corrupted: an ordinal is out of range")
        }
        fresh.rows.append(try row.integer(0))
        fresh.keys.append(FreshVectorKey(item: try row.integer(1), ordinal: ordinal))
        try FloatBlob.append(try row.data(3), count: fresh.dimension, to: &fresh.vectors)
      }
      found[field] = fresh
    }
    return found
  }

  private static func calibrations(_ db: Database, _ space: SpaceID) throws -> [Calibration] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT field, kind, mean, deviation, sampleCount, quantiles, generation FROM calibration
        WHERE space = ? ORDER BY field, kind
        """, arguments: [space])
    return try rows.map { row in
      let blob = try row.data(5)
      var quantiles: [Float] = []
      try FloatBlob.append(blob, count: blob.count / 4, to: &quantiles)
      return Calibration(
        field: try row.named(0, as: VectorField.self), kind: try row.text(1), mean: try row.real(2),
        deviation: try row.real(3), sampleCount: try row.int(4), quantiles: quantiles,
        generation: try row.integer(6))
    }
  }
}

extension Space {
  static func all(_ db: Database) throws -> [Space] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT id, model, weightsHash, preprocessing, dimension, composeRule, state FROM space ORDER BY id
        """)
    return try rows.map { row in
      let identity = SpaceIdentity(
        model: try row.text(1), weightsHash: try row.text(2), preprocessing: try row.text(3),
        dimension: try row.int(4), composeRule: try row.text(5))
      guard (1...65536).contains(identity.dimension) else {
        throw CatalogError(.corrupted, "the catalog is corrupted: dimension \(identity.dimension)")
      }
      return Space(id: try row.integer(0), identity: identity, state: try row.named(6, as: State.self))
    }
  }
}

extension SegmentRecord {
  static func fetch(
    _ db: Database, where condition: String, _ arguments: StatementArguments = []
  ) throws -> [SegmentRecord] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT id, space, field, file, count, bytes, minItem, maxItem, retired FROM segment WHERE \(condition)
        """, arguments: arguments)
    return try rows.map { row in
      let (low, high, file) = (try row.integer(6), try row.integer(7), try row.text(3))
      let count = try row.int(4)
      guard low <= high, count > 0, !file.isEmpty, !file.utf8.contains(UInt8(ascii: "/")) else {
        throw CatalogError(.corrupted, "the catalog is corrupted: segment \(file) contradicts itself")
      }
      return SegmentRecord(
        id: try row.integer(0), space: try row.integer(1), field: try row.named(2, as: VectorField.self),
        file: file, count: count, bytes: try row.integer(5), items: low...high,
        retired: try row.optionalInteger(8))
    }
  }
}
