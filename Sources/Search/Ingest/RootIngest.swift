// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Embedders
import Files
import Synchronization
import SystemPackage

/// Brings one part of one root up to date: first what is new, changed or moved, then what is gone, and captions.
struct RootIngest {
  let ingestor: Ingestor
  let part: IngestPart
  let root: Root
  let walk: RootWalk
  /// What has to be done.
  let plan: IngestPlan
  private var captions: RootCaptions

  private var store: CatalogStore { ingestor.store }

  /// Compares what the walk met with what the catalog knows.
  init(ingestor: Ingestor, part: IngestPart, root: Root, walk: RootWalk) throws {
    (self.ingestor, self.part, self.root, self.walk) = (ingestor, part, root, walk)
    plan = IngestPlan(
      found: walk.pictures, known: try Self.knownFiles(of: part, root, ingestor.store), unread: walk.unread,
      rereadsAll: ingestor.options.rebuilds)
    captions = try RootCaptions(part: part, root: root, walk: walk, store: ingestor.store)
  }

  private static func knownFiles(of part: IngestPart, _ root: Root, _ store: CatalogStore) throws
    -> [KnownFile]
  {
    var known: [KnownFile] = []
    try store.forEachKnownFile(root: root.id, under: part.start) { known.append($0) }
    if known.isEmpty, !part.start.isEmpty, let item = try store.item(at: part.start, root: root.id) {
      known.append(item.known)
    }
    return known
  }

  /// Reads, embeds and commits new, changed and moved pictures.
  mutating func takeIn(_ moves: MovesInProgress) async throws {
    if !plan.candidates.isEmpty || captions.haveChanged { try captions.load() }
    let pipeline = IngestPipeline(
      ingestor: ingestor, root: root, folder: part.root, captions: captions, moves: moves)
    try await pipeline.run(plan.candidates)
  }

  /// Removes what is gone, brings captions up to date, and records that the root was seen.
  ///
  /// Not in an interrupted run: what was not looked at may still turn out to be a moved picture.
  /// - Parameter gone: pictures that were met nowhere.
  mutating func settle(gone: Set<ItemID>) throws {
    let isGuarded = try remove(plan.missing.filter { gone.contains($0.id) })
    // Where pictures are kept because a disk may be away, so is what describes them.
    if isGuarded { captions.keepGone() }
    try recaption(plan.unchanged, captions)
    ingestor.note(captions.problems)
    try noteStandingProblems(captions)
    try finish(captions, isGuarded: isGuarded)
  }

  /// Removes pictures that are gone, unless the root looks like a disk that is not there.
  /// - Returns: whether they were kept for that reason.
  private func remove(_ gone: [KnownFile]) throws -> Bool {
    let reason = RootGuard.reasonToKeep(
      root: root, device: walk.device, known: try store.itemCount(root: root.id), missing: gone.count,
      found: walk.pictures.count,
      mayBeEmpty: ingestor.options.believesEmptyFolders && !part.start.isEmpty)
    if let reason, !ingestor.options.prunes {
      let pictures = gone.count == 1 ? "1 picture that was" : "\(gone.count) pictures that were"
      ingestor.count {
        $0.guardedRoots.append("\(part.root): \(reason) Kept \(pictures) not found; --prune removes them")
      }
      return true
    }
    for start in stride(from: 0, to: gone.count, by: 1024) {
      let portion = gone[start..<min(start + 1024, gone.count)]
      try store.write { try $0.removeItems(portion.map(\.id)) }
      ingestor.count { $0.removed += portion.count }
    }
    return false
  }

  /// Gives new captions to pictures that are as they were, where a sidecar or caption file changed.
  private func recaption(_ unchanged: [KnownFile], _ captions: RootCaptions) throws {
    let affected = try captions.affected(among: unchanged, store: store)
    for start in stride(from: 0, to: affected.count, by: 256) {
      let portion = affected[start..<min(start + 256, affected.count)]
      let old = try store.captions(of: portion.map(\.id))
      let gathered = portion.map { item in
        captions.gather(for: item.file.path, before: old[item.id] ?? [])
      }
      var changed = 0
      try store.write { transaction in
        for (item, new) in zip(portion, gathered) {
          let written = try new.write(to: item.id, in: transaction)
          let before = (old[item.id] ?? []).map(\.text)
          if before != written.map(\.text) { changed += 1 }
        }
      }
      ingestor.count { $0.recaptioned += changed }
      gathered.forEach { ingestor.note($0.problems) }
    }
  }

  /// Reports once more what earlier runs found wrong in caption files that are as they were, and are not read again.
  private func noteStandingProblems(_ captions: RootCaptions) throws {
    let noted = Set(ingestor.state.withLock { $0.skipped.map(\.path) })
    let standing = try store.skips(root: root.id).filter { captions.isStanding($0) }.map { skip in
      SkippedFile(
        path: part.root.pushing(FilePath(skip.path)).string, kind: skip.reason, reason: skip.message)
    }
    ingestor.note(standing.filter { !noted.contains($0.path) })
  }

  /// Records what this run saw of the root: from now on caption files count as read.
  private func finish(_ captions: RootCaptions, isGuarded: Bool) throws {
    let skipped = ingestor.state.withLock { $0.skipped }
    let now = WallClock.now
    try store.write { transaction in
      try captions.recordFiles(in: transaction)
      // Only a walk of the whole root knows that everything else is well.
      if part.start.isEmpty { try transaction.removeSkips(root: root.id) }
      for skip in skipped where FilePath(skip.path).starts(with: part.root) {
        var relative = FilePath(skip.path)
        _ = relative.removePrefix(part.root)
        try transaction.recordSkip(
          Skip(root: root.id, path: relative.string, reason: skip.kind, message: skip.reason))
      }
      if part.start.isEmpty {
        // The device of the disk that is away stays known: the next run must not believe the losses either.
        let device = isGuarded ? root.device : Int64(bitPattern: walk.device)
        try transaction.updateRoot(Root(id: root.id, path: root.path, device: device, lastSeen: now))
      }
    }
  }
}

/// The items that may still turn out to be moved files, shared by the threads that read candidates.
final class MovesInProgress: Sendable {
  private let detection: Mutex<MoveDetection>

  init(_ detection: MoveDetection) {
    self.detection = Mutex(detection)
  }

  /// Takes the item that had this content, if one is gone from its path.
  func claim(hash: [UInt8]) -> KnownFile? {
    detection.withLock { $0.claim(hash: hash) }
  }

  var unclaimed: [KnownFile] { detection.withLock { $0.unclaimed } }
}
