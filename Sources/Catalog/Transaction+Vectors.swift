// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

extension CatalogTransaction {
  // MARK: - Pending

  /// Notes that an item lacks its embeddings of a field, in the active space and in one being built.
  func addPending(item: ItemID, field: VectorField) throws(CatalogError) {
    try execute(
      """
      INSERT OR IGNORE INTO pending (space, field, item)
        SELECT id, ?, ? FROM space WHERE state IN ('active', 'building')
      """, [field.rawValue, item])
  }

  /// Makes the vectors of an item in one field void, in all spaces, and notes that it needs new ones.
  package func invalidateVectors(of item: ItemID, field: VectorField) throws(CatalogError) {
    try execute("DELETE FROM freshVector WHERE item = ? AND field = ?", [item, field.rawValue])
    try execute(
      """
      INSERT OR IGNORE INTO tombstone (segment, item, generation)
        SELECT id, ?1, ?2 FROM segment WHERE state = 'live' AND field = ?3 AND ?1 BETWEEN minItem AND maxItem
      """, [item, generation, field.rawValue])
    let isNeeded: Bool
    switch field {
    case .image: isNeeded = true
    case .caption:
      isNeeded =
        try rows("SELECT 1 FROM caption WHERE item = ? AND boilerplate = 0 LIMIT 1", [item]).isEmpty == false
    }
    if isNeeded {
      try addPending(item: item, field: field)
    } else {
      try execute("DELETE FROM pending WHERE item = ? AND field = ?", [item, field.rawValue])
    }
  }

  /// Gives up on embedding an item in a space, so that a resumed run does not try again.
  package func clearPending(space: SpaceID, field: VectorField, item: ItemID) throws(CatalogError) {
    try execute(
      "DELETE FROM pending WHERE space = ? AND field = ? AND item = ?", [space, field.rawValue, item])
  }

  // MARK: - Fresh vectors

  /// Adds vectors that are not in a segment yet. All vectors of an item in a field go in one call; then the
  /// item is no longer pending there.
  ///
  /// - Parameter vectors: shape [keys.count, dimension], row-major.
  /// - Throws: `invalidRequest` when the shape is wrong; `notFound` without the space; `constraint` when an item
  ///   is gone.
  package func addVectors(
    space: SpaceID, field: VectorField, keys: [FreshVectorKey], vectors: [Float]
  ) throws(CatalogError) {
    let dimension = try self.dimension(of: space)
    guard vectors.count == keys.count * dimension else {
      throw CatalogError(
        .invalidRequest,
        "\(vectors.count) values are no \(keys.count) vectors of dimension \(dimension) of space \(space)")
    }
    for (index, key) in keys.enumerated() {
      let blob = FloatBlob.encode(vectors[(index * dimension)..<((index + 1) * dimension)])
      try execute(
        "INSERT OR REPLACE INTO freshVector (space, field, item, ordinal, vector) VALUES (?, ?, ?, ?, ?)",
        [space, field.rawValue, key.item, key.ordinal, blob])
      if index == 0 || keys[index - 1].item != key.item {
        try clearPending(space: space, field: field, item: key.item)
      }
    }
  }

  private func dimension(of space: SpaceID) throws(CatalogError) -> Int {
    guard let row = try rows("SELECT dimension FROM space WHERE id = ?", [space]).first else {
      throw CatalogError(.notFound, "there is no space \(space)")
    }
    return try row.int(0)
  }

  // MARK: - Segments

  /// Names a segment live, in place of fresh vectors or of other segments, or of both.
  ///
  /// The file must be complete and synced. What changed since its contents were read is made good here: an
  /// item whose fresh row is gone, or that was buried in a replaced segment after `generation`, is buried in the
  /// new one.
  ///
  /// - Parameters:
  ///   - segment: nil when nothing of the replaced segments is left.
  ///   - fresh: the fresh vectors the segment was made from.
  ///   - replaced: the segments it takes the place of; retired here.
  ///   - readGeneration: the generation of the snapshot the contents came from.
  /// - Throws: `conflict` when a replaced segment is not live any more, or not of the same space and field.
  @discardableResult
  package func publishSegment(
    _ segment: NewSegment?, fresh: FreshVectors? = nil, replacing replaced: [SegmentID] = [],
    readAt readGeneration: Generation
  ) throws(CatalogError) -> SegmentID? {
    try checkReplaced(replaced, segment)
    var id: SegmentID?
    if let segment {
      try execute(
        """
        INSERT INTO segment (space, field, file, count, bytes, minItem, maxItem, state, created)
        VALUES (?, ?, ?, ?, ?, ?, ?, 'live', ?)
        """,
        [
          segment.space, segment.field.rawValue, segment.file, segment.count, segment.bytes,
          segment.items.lowerBound, segment.items.upperBound, generation,
        ])
      id = db.lastInsertedRowID
    }
    if let id {
      try execute(
        """
        INSERT OR IGNORE INTO tombstone (segment, item, generation)
          SELECT ?, item, ? FROM tombstone
          WHERE segment IN (SELECT value FROM json_each(?)) AND generation > ?
        """, [id, generation, jsonList(replaced), readGeneration])
    }
    if let fresh { try moveFresh(fresh, into: id) }
    try retireSegments(replaced)
    return id
  }

  private func checkReplaced(_ ids: [SegmentID], _ segment: NewSegment?) throws(CatalogError) {
    let found = try rows(
      "SELECT space, field, state FROM segment WHERE id IN (SELECT value FROM json_each(?))", [jsonList(ids)])
    var isSame = found.count == Set(ids).count
    for row in found {
      let isLive = try row.text(2) == "live"
      let (space, field) = (try row.integer(0), try row.text(1))
      isSame = isSame && isLive && (segment.map { $0.space == space && $0.field.rawValue == field } ?? true)
    }
    guard isSame else {
      throw CatalogError(.conflict, "segments \(ids) are not what they were; read anew and merge again")
    }
  }

  /// Deletes the rows that a segment now holds; buries in it the items whose rows went first.
  private func moveFresh(_ fresh: FreshVectors, into segment: SegmentID?) throws(CatalogError) {
    for (row, key) in zip(fresh.rows, fresh.keys) {
      try execute("DELETE FROM freshVector WHERE id = ?", [row])
      guard db.changesCount == 0, let segment else { continue }
      try execute(
        "INSERT OR IGNORE INTO tombstone (segment, item, generation) VALUES (?, ?, ?)",
        [segment, key.item, generation])
    }
  }

  private func retireSegments(_ ids: [SegmentID]) throws(CatalogError) {
    let list = jsonList(ids)
    try execute("DELETE FROM tombstone WHERE segment IN (SELECT value FROM json_each(?))", [list])
    try execute(
      """
      UPDATE segment SET state = 'retired', retired = ?
      WHERE state = 'live' AND id IN (SELECT value FROM json_each(?))
      """, [generation, list])
  }

  /// Drops the rows of retired segments, after their files were unlinked.
  package func forgetRetired(_ ids: [SegmentID]) throws(CatalogError) {
    try execute(
      "DELETE FROM segment WHERE state = 'retired' AND id IN (SELECT value FROM json_each(?))",
      [jsonList(ids)])
    try execute(
      "DELETE FROM space WHERE state = 'retired' AND id NOT IN (SELECT space FROM segment)")
  }

  // MARK: - Spaces

  /// The space of an identity: the one that has it, under whatever name of the model, or a new one.
  ///
  /// The first space of a library is active; a later one is being built, in place of any other half-built one,
  /// with all items pending in it.
  package func space(for identity: SpaceIdentity) throws(CatalogError) -> Space {
    let spaces = try reading { db in try Space.all(db) }
    let known = spaces.first { $0.identity.isInterchangeable(with: identity) && $0.state != .retired }
    if let known { return known }
    for half in spaces where half.state == .building { try retireSpace(half.id) }
    let state: Space.State = spaces.contains { $0.state == .active } ? .building : .active
    try execute(
      """
      INSERT INTO space (model, weightsHash, preprocessing, dimension, composeRule, state)
      VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        identity.model, identity.weightsHash, identity.preprocessing, identity.dimension,
        identity.composeRule,
        state.rawValue,
      ])
    let id = db.lastInsertedRowID
    try execute("INSERT INTO pending (space, field, item) SELECT ?, 'image', id FROM item", [id])
    try execute(
      """
      INSERT INTO pending (space, field, item)
        SELECT ?, 'caption', item FROM caption WHERE boilerplate = 0 GROUP BY item
      """, [id])
    return Space(id: id, identity: identity, state: state)
  }

  /// Switches queries to a space that was being built; the former one is retired with its segments.
  /// - Throws: `notFound` when it is not being built; `conflict` while items are pending in it.
  package func activateSpace(_ id: SpaceID) throws(CatalogError) {
    let spaces = try reading { db in try Space.all(db) }
    guard spaces.contains(where: { $0.id == id && $0.state == .building }) else {
      throw CatalogError(.notFound, "there is no space \(id) being built")
    }
    guard try rows("SELECT 1 FROM pending WHERE space = ? LIMIT 1", [id]).isEmpty else {
      throw CatalogError(.conflict, "space \(id) is not complete: run `duet index` with its model to go on")
    }
    for old in spaces where old.state == .active { try retireSpace(old.id) }
    try execute("UPDATE space SET state = 'active' WHERE id = ?", [id])
  }

  /// Gives up a space that was being built.
  package func abandonBuildingSpace() throws(CatalogError) {
    for space in try reading({ db in try Space.all(db) }) where space.state == .building {
      try retireSpace(space.id)
    }
  }

  private func retireSpace(_ id: SpaceID) throws(CatalogError) {
    let segments = try rows("SELECT id FROM segment WHERE space = ? AND state = 'live'", [id])
      .map { row throws(CatalogError) in try row.integer(0) }
    try retireSegments(segments)
    for table in ["freshVector", "pending", "calibration"] {
      try execute("DELETE FROM \(table) WHERE space = ?", [id])
    }
    try execute("UPDATE space SET state = 'retired' WHERE id = ?", [id])
    try execute("DELETE FROM space WHERE state = 'retired' AND id NOT IN (SELECT space FROM segment)")
  }

  // MARK: - Calibration

  /// Stores a calibration in place of the former one of its field and kind.
  package func storeCalibration(_ calibration: Calibration, space: SpaceID) throws(CatalogError) {
    try execute(
      """
      INSERT OR REPLACE INTO calibration
        (space, field, kind, mean, deviation, sampleCount, quantiles, generation)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        space, calibration.field.rawValue, calibration.kind, calibration.mean, calibration.deviation,
        calibration.sampleCount, FloatBlob.encode(calibration.quantiles[...]), generation,
      ])
  }
}
