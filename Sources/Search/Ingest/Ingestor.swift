// SPDX-License-Identifier: Apache-2.0
package import Catalog
import Compute
package import Embedders
import Files
import LinearAlgebra
import Synchronization
import SystemPackage

/// Brings a library up to date with its folders: the single writer.
///
/// Walk → changed? → decode → embed → one transaction a batch. Whatever ends a run, the library is in the state of its
/// last commit, and the next run goes on from there: what has its vectors is not looked at again.
package final class Ingestor: Sendable {
  /// What a run did, and what it could not do.
  package struct Report: Sendable {
    package var summary = IngestSummary()
    package var skipped: [SkippedFile] = []
    package var stages = IngestStages()
  }

  let location: LibraryLocation
  let store: CatalogStore
  let embedder: any Embedder
  let input: ImageInput
  let space: Space
  /// How the segments that are written store numbers.
  let storage: RowStorage
  let options: IngestOptions
  let report: @Sendable (IngestProgress) -> Void
  /// What has been done so far.
  let state = Mutex(Report())
  private let lock: FileLock

  /// Takes the library's ingest lock, opens its catalog for writing, making both where they are missing, and clears away
  /// what an earlier run that was killed left behind.
  ///
  /// - Throws: ``SearchError``: `libraryBusy` names the other process; `storage` when the folder cannot be written.
  package init(
    location: LibraryLocation, embedder: any Embedder, options: IngestOptions,
    progress: @escaping @Sendable (IngestProgress) -> Void = { _ in }
  ) throws {
    guard let input = embedder.imageInput else {
      throw SearchError(.modelMismatch, "\(embedder.id) embeds no pictures: choose another with --model")
    }
    self.input = input
    self.location = location
    self.embedder = embedder
    self.options = options
    self.report = progress
    let identity = try embedder.identity(view: .library)
    do {
      try Folders.create(location.segments)
      lock = try FileLock(location.ingestLock)
    } catch {
      throw SearchError(
        error.code == .locked ? .libraryBusy : .storage, "\(location.directory): \(error.message)")
    }
    (store, space, storage) = try Library.storing(location) {
      let store = try CatalogStore.open(location.catalog, access: .readWrite)
      let space = try store.write { transaction in
        if let storage = options.storage { try transaction.set(RowStorage.setting, storage.name) }
        return try transaction.space(for: SpaceIdentity(identity))
      }
      return (store, space, try store.vectorStorage())
    }
    try Library.storing(location) { try maintenance.clearOrphans() }
  }

  /// What makes, merges and clears away segments.
  var maintenance: SegmentMaintenance {
    SegmentMaintenance(location: location, store: store, space: space, storage: storage)
  }

  /// Runs to the end, or until the task is cancelled: then the batch at hand is finished and saved.
  ///
  /// - Throws: ``SearchError``: `storage` when the disk is full or failing. What was committed before stays.
  package func run() async throws -> Report {
    try await Library.storing(location) { try await bringUpToDate() }
  }

  /// Folds the catalog's log into its file, so that the library can be read where nothing may be written: on a disk
  /// mounted read-only, from a backup. Nothing can be done with the ingestor afterwards.
  ///
  /// Another process that reads keeps the log; the next run that ends alone folds it.
  package func close() throws {
    try Library.storing(location) { try store.close() }
  }

  private func bringUpToDate() async throws -> Report {
    let maintenance = maintenance
    noteLost(try maintenance.retireLostSegments())
    let roots = try store.roots().map(\.path)
    try await bring(try location.parts(of: options.folders, roots: roots, addsRoots: options.addsRoots))
    if isInterrupted { return finished }
    try await embedPending()
    if isInterrupted { return finished }
    report(.merging)
    let lost = try await flushAndMerge(maintenance)
    noteLost(lost)
    if isInterrupted { return finished }
    if !lost.isEmpty {
      try await embedPending()
      if isInterrupted { return finished }
    }
    try noteRebuilt()
    if try isActive() {
      report(.calibrating)
      try await calibrate()
    }
    try maintenance.unlinkRetired()
    return finished
  }

  /// Returns the files of segments that proved damaged. A merge that is interrupted is left for the next run.
  private func flushAndMerge(_ maintenance: SegmentMaintenance) async throws -> [String] {
    do {
      return try await CancellationFlag.run { [options] flag in
        try maintenance.flush(keepingFewerThan: options.freshLimit)
        return try maintenance.merge(flag)
      }
    } catch is CancellationError {
      return []
    }
  }

  private func noteLost(_ files: [String]) {
    note(
      files.map { file in
        SkippedFile(
          path: location.segment(file).string, kind: "lost",
          reason: "this segment was missing or damaged: its vectors are made anew")
      })
  }

  /// Lets this model answer, once it has seen every picture. Until then the former one does.
  private func isActive() throws -> Bool {
    guard space.state == .building else { return true }
    let waiting = try store.pendingCount(space: space.id, field: .image)
    guard waiting > 0 else {
      try store.write { try $0.activateSpace(space.id) }
      return true
    }
    note([
      SkippedFile(
        path: location.directory.string, kind: "incomplete",
        reason:
          "the former model goes on to answer: \(waiting) pictures could not be read for \(embedder.id); "
          + "run again when they are there, or with --prune when they are gone")
    ])
    return false
  }

  /// Measures what unrelated queries score here, when the library has changed much since the last time.
  private func calibrate() async throws {
    try await ComputePool.shared.run { [self] in
      let reader = LibraryReader(location, catalog: store)
      let snapshot = try reader.snapshot(embedder: embedder)
      let calibrations = try Calibrator(library: snapshot).calibrationsToStore(force: options.rebuilds)
      guard !calibrations.isEmpty else { return }
      try store.write { transaction in
        for calibration in calibrations { try transaction.storeCalibration(calibration, space: space.id) }
      }
    }
  }

  private var finished: Report { state.withLock { $0 } }

  var isInterrupted: Bool {
    guard Task.isCancelled else { return false }
    state.withLock { $0.summary.wasInterrupted = true }
    return true
  }

  func count(_ change: (inout IngestSummary) -> Void) {
    state.withLock { change(&$0.summary) }
  }

  func note(_ skipped: some Sequence<SkippedFile>) {
    state.withLock { $0.skipped.append(contentsOf: skipped) }
  }

  /// Brings parts of roots up to date. All are walked before anything is taken in, and nothing is removed before all is:
  /// a picture may have moved from any of them to any other.
  private func bring(_ parts: [IngestPart]) async throws {
    var ingests: [RootIngest] = []
    for part in parts {
      if let ingest = try await walk(part) { ingests.append(ingest) }
      if isInterrupted { return }
    }
    let moves = MovesInProgress(MoveDetection(missing: ingests.flatMap(\.plan.missing)))
    for index in ingests.indices {
      try await ingests[index].takeIn(moves)
      if isInterrupted { return }
    }
    let unclaimed = Set(moves.unclaimed.map(\.id))
    for index in ingests.indices { try ingests[index].settle(gone: unclaimed) }
  }

  /// Looks at one part of one root; nil when it is not there.
  private func walk(_ part: IngestPart) async throws -> RootIngest? {
    let walk: RootWalk
    do {
      walk = try await ComputePool.shared.run { [options, report] in
        try RootWalk(part, options: options.walk) { report(.walking(files: $0)) }
      }
    } catch let error as FileError {
      guard let root = try store.roots().first(where: { $0.path == part.storedRoot }) else { throw error }
      count { $0.guardedRoots.append("\(part.root): \(error.message); its pictures are kept") }
      count { $0.unchanged += (try? store.itemCount(root: root.id)) ?? 0 }
      return nil
    }
    count { $0.otherFiles += walk.otherFiles }
    note(walk.problems)
    let root = try store.write { try $0.addRoot(part.storedRoot, device: nil) }
    guard let row = try store.roots().first(where: { $0.id == root }) else { return nil }
    let ingest = try RootIngest(ingestor: self, part: part, root: row, walk: walk)
    count { $0.unchanged += ingest.plan.unchanged.count }
    return ingest
  }
}

extension SpaceIdentity {
  /// The catalog's form of a model's identity.
  package init(_ model: ModelIdentity) {
    self.init(
      model: model.id, weightsHash: model.weightsHash, preprocessing: model.preprocessing,
      dimension: model.dimension, composeRule: model.composeRule.rawValue)
  }
}
