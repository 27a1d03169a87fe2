// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
package import Embedders
package import Files
import SystemPackage

/// Keeps a library up to date with its folders for as long as it runs: `duet index --watch`, and the daemon.
///
/// Changes are gathered for a moment, then what changed is brought up to date as ``Ingestor`` does it, with the model
/// loaded once. Between two updates nothing is held: others may index, search and move the library's roots. Roots that
/// they add are followed, those that they remove are left alone.
package struct LibraryWatch: Sendable {
  /// What a watch tells while it goes on.
  package enum Event: Sendable {
    /// How far the update at hand has come.
    case progress(IngestProgress)
    /// An update is over. It may have found nothing to do.
    case updated(Ingestor.Report, took: Duration)
    /// What the user should know, and what to do about it.
    case note(String)
    /// An update failed (the disk is full, say) and will be tried again. Told once until another error comes.
    case failed(any Error)
  }

  /// How long to wait for what.
  package struct Timing: Sendable {
    /// Of changes.
    package var folders = FolderWatcher.Timing()
    /// After an update that failed, or found somebody else indexing; each time twice as long …
    package var firstRetry = Duration.seconds(1)
    /// … up to this.
    package var lastRetry = Duration.seconds(60)

    package init() {}
  }

  private let location: LibraryLocation
  private let embedder: any Embedder
  private let options: IngestOptions
  private let timing: Timing

  /// - Parameters:
  ///   - embedder: the library's model.
  ///   - options: as for ``Ingestor``. ``IngestOptions/folders`` are what is followed, and none means every root of the
  ///     library. Nothing is pruned, so that a disk that is unmounted costs nothing, and nothing rebuilt.
  package init(
    location: LibraryLocation, embedder: any Embedder, options: IngestOptions, timing: Timing = Timing()
  ) {
    self.location = location
    self.embedder = embedder
    var options = options
    (options.prunes, options.rebuilds, options.storage) = (false, false, nil)
    // It was seen how they became empty.
    options.believesEmptyFolders = true
    // A root that somebody has just removed does not come back.
    options.addsRoots = false
    self.options = options
    self.timing = timing
  }

  /// Brings everything up to date, then follows changes until the task is cancelled; a batch at hand is finished and
  /// saved.
  ///
  /// - Parameter tell: called on any thread, one call at a time but for ``Event/progress(_:)``.
  /// - Throws: ``SearchError``, what trying again does not mend: `libraryNotFound`, `libraryUnusable`, and
  ///   `modelMismatch` when somebody gave the library another model. ``FileError`` when no descriptors are left.
  package func run(_ tell: @escaping @Sendable (Event) -> Void) async throws {
    let roots = FollowedRoots(location, folders: options.folders)
    let watcher = try FolderWatcher(
      options: options.walk, excluding: [location.directory], timing: timing.folders
    ) { roots.parts() }
    defer { watcher.cancel() }
    for await changes in watcher {
      try await follow(changes, roots, watcher, tell)
    }
  }

  /// Tries until the library is up to date, with what changes meanwhile.
  private func follow(
    _ first: FolderChanges, _ roots: FollowedRoots, _ watcher: FolderWatcher,
    _ tell: @escaping @Sendable (Event) -> Void
  ) async throws {
    var (changes, delay, told) = (first, timing.firstRetry, "")
    first.notes.forEach { tell(.note($0)) }
    while !Task.isCancelled {
      do {
        return try await update(changes, roots.parts(), tell)
      } catch {
        let code = (error as? SearchError)?.code
        if [.libraryNotFound, .libraryUnusable, .modelMismatch].contains(code) { throw error }
        if Task.isCancelled { return }
        // Somebody else indexes: that is no trouble of the user's.
        if code != .libraryBusy, told != "\(error)" {
          told = "\(error)"
          tell(.failed(error))
        }
      }
      // Cancelled: the loop ends.
      try? await Task.sleep(for: delay)
      delay = min(delay * 2, timing.lastRetry)
      let later = watcher.changesSoFar()
      later.notes.forEach { tell(.note($0)) }
      changes.merge(later)
    }
  }

  /// Brings up to date what changed.
  private func update(
    _ changes: FolderChanges, _ parts: [FolderWatcher.Part], _ tell: @escaping @Sendable (Event) -> Void
  ) async throws {
    var options = options
    options.folders = changes.needsRescan ? wholes(of: parts) : Self.folders(changes.folders, in: parts)
    let coversAll = changes.needsRescan && self.options.folders.isEmpty
    guard coversAll || !options.folders.isEmpty else { return }
    let started = ContinuousClock.now
    let ingestor = try await ComputePool.shared.run { [options] in
      try checkLibrary()
      return try Ingestor(location: location, embedder: embedder, options: options) { tell(.progress($0)) }
    }
    let report = try await ingestor.run()
    try ingestor.close()
    tell(.updated(report, took: ContinuousClock.now - started))
  }

  /// The folders to hand to an ingestor for a look at everything: none for all roots, also those that are not there.
  private func wholes(of parts: [FolderWatcher.Part]) -> [FilePath] {
    options.folders.isEmpty ? [] : parts.compactMap { Self.nearest(to: $0.path, in: $0) }
  }

  /// The folders to hand to an ingestor: those that changed, and of those that are gone what they lay in.
  static func folders(_ changed: Set<FilePath>, in parts: [FolderWatcher.Part]) -> [FilePath] {
    let folders = changed.compactMap { folder -> FilePath? in
      guard let part = parts.first(where: { folder.starts(with: $0.path) }) else { return nil }
      return nearest(to: folder, in: part)
    }
    return Set(folders).sorted { $0.string < $1.string }
  }

  /// The folder, or the nearest one above it that is there, down to the part's own; no links on the way.
  private static func nearest(to folder: FilePath, in part: FolderWatcher.Part) -> FilePath? {
    var below = folder
    guard below.removePrefix(part.path), isFolder(part.path) else { return nil }
    var nearest = part.path
    for component in below.components {
      let next = nearest.appending(component)
      guard isFolder(next) else { break }
      nearest = next
    }
    return nearest
  }

  private static func isFolder(_ path: FilePath) -> Bool {
    (try? FileStatus(of: path, followsLinks: false))?.kind == .directory
  }

  /// Makes sure that the library is still the one that is followed: it is neither made anew nor given its old model.
  private func checkLibrary() throws {
    guard location.exists else {
      throw SearchError(
        .libraryNotFound, "\(location.directory) is gone: run 'duet index FOLDER' to make it anew")
    }
    let reader = try LibraryReader(location)
    defer { try? reader.catalog.close() }
    let identity = SpaceIdentity(try embedder.identity(view: .library))
    let spaces = try Library.opening { try reader.catalog.spaces() }.filter { $0.state != .retired }
    guard spaces.isEmpty || spaces.contains(where: { $0.identity.isInterchangeable(with: identity) }) else {
      throw SearchError(
        .modelMismatch,
        "\(location.directory) was given another model than \(embedder.id): start the watch again")
    }
  }
}
