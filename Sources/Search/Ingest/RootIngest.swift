// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Embedders
import Files
import Synchronization
import SystemPackage

/// Brings one part of one root up to date: new and changed pictures, moves, removals, captions.
struct RootIngest {
  let ingestor: Ingestor
  let part: IngestPart
  let root: Root
  let walk: RootWalk

  private var store: CatalogStore { ingestor.store }

  func run() async throws {
    let known = try knownFiles()
    let plan = IngestPlan(
      found: walk.pictures, known: known, unread: walk.unread, rereadsAll: ingestor.options.rebuilds)
    ingestor.count { $0.unchanged += plan.unchanged.count }
    let moves = MovesInProgress(MoveDetection(missing: plan.missing))
    var captions = try RootCaptions(part: part, root: root, walk: walk, store: store)
    if !plan.candidates.isEmpty || captions.haveChanged { try captions.load() }
    let pipeline = IngestPipeline(
      ingestor: ingestor, root: root, folder: part.root, captions: captions, moves: moves)
    try await pipeline.run(plan.candidates)
    // What was not looked at may still turn out to be a moved picture: nothing is removed in an interrupted run.
    if ingestor.isInterrupted { return }
    try remove(moves.unclaimed, known: known.count)
    try recaption(plan.unchanged, captions)
    ingestor.note(captions.problems)
    try finish(captions)
  }

  private func knownFiles() throws -> [KnownFile] {
    var known: [KnownFile] = []
    try store.forEachKnownFile(root: root.id, under: part.start) { known.append($0) }
    if known.isEmpty, !part.start.isEmpty, let item = try store.item(at: part.start, root: root.id) {
      known.append(item.known)
    }
    return known
  }

  /// Removes pictures that are gone, unless the root looks like a disk that is not there.
  private func remove(_ gone: [KnownFile], known: Int) throws {
    let reason = RootGuard.reasonToKeep(
      root: root, device: walk.device, known: known, missing: gone.count, found: walk.pictures.count)
    if let reason, !ingestor.options.prunes {
      ingestor.count {
        $0.guardedRoots.append(
          "\(part.root): \(reason) Kept \(gone.count) pictures that were not found; --prune removes them")
      }
      return
    }
    for start in stride(from: 0, to: gone.count, by: 1024) {
      let portion = gone[start..<min(start + 1024, gone.count)]
      try store.write { try $0.removeItems(portion.map(\.id)) }
      ingestor.count { $0.removed += portion.count }
    }
  }

  /// Gives new captions to pictures that are as they were, where a sidecar or caption file changed.
  private func recaption(_ unchanged: [KnownFile], _ captions: RootCaptions) throws {
    let affected = try captions.affected(among: unchanged, store: store)
    for start in stride(from: 0, to: affected.count, by: 256) {
      let portion = affected[start..<min(start + 256, affected.count)]
      let old = try store.captions(of: portion.map(\.id))
      let gathered = portion.map { item in
        captions.gather(
          for: item.file.path,
          own: (old[item.id] ?? []).filter { $0.source == .embedded || $0.source == .user })
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

  /// Records what this run saw of the root: from now on caption files count as read.
  private func finish(_ captions: RootCaptions) throws {
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
        try transaction.updateRoot(
          Root(id: root.id, path: root.path, device: Int64(bitPattern: walk.device), lastSeen: now))
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
