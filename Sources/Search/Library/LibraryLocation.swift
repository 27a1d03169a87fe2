// SPDX-License-Identifier: Apache-2.0
package import Files
package import SystemPackage

/// Where a library's files are (DESIGN: "Where a library lives").
///
/// A library is found like a git repository: `.duet/` in the working directory or a folder above it. Folders that cannot
/// hold one (read-only, or on a network disk) have theirs in `$XDG_DATA_HOME/duet/libraries/<hash of the folder>`, which
/// is looked up at every step of the same walk.
package struct LibraryLocation: Equatable, Sendable {
  /// The folder that holds the catalog, the segments and the locks.
  package let directory: FilePath

  package init(directory: FilePath) {
    self.directory = directory
  }

  package var catalog: FilePath { directory.appending("catalog.sqlite") }
  package var segments: FilePath { directory.appending("segments") }
  package var ingestLock: FilePath { directory.appending("ingest.lock") }
  package var mergeLock: FilePath { directory.appending("merge.lock") }

  /// Whether a catalog is there.
  package var exists: Bool { (try? FileStatus(of: catalog)) != nil }

  /// A segment's file.
  package func segment(_ name: String) -> FilePath { segments.appending(name) }
}

extension LibraryLocation {
  /// What decides where a library is looked for and made.
  package struct Environment: Sendable {
    /// Absolute.
    package var workingDirectory: FilePath
    /// `--index DIR` or `$DUET_INDEX`.
    package var override: FilePath?
    /// `$XDG_DATA_HOME/duet/libraries`.
    package var sharedLibraries: FilePath
    /// `--allow-network-disk`: the library may lie on another machine's disk.
    package var allowsNetworkDisk = false
    /// Tells what kind of disk holds a folder that is there.
    package var diskKind: @Sendable (FilePath) -> FileSystemKind? = { try? FileSystemKind(of: $0) }

    package init(workingDirectory: FilePath, override: FilePath?, sharedLibraries: FilePath) {
      self.workingDirectory = workingDirectory
      self.override = override
      self.sharedLibraries = sharedLibraries
    }
  }

  /// The library that a query from the working directory means.
  ///
  /// - Throws: `libraryNotFound`, saying how to make one; `libraryUnusable` when it is on a network disk.
  package static func find(in environment: Environment) throws -> LibraryLocation {
    try onLocalDisk(named(by: environment), environment)
  }

  private static func named(by environment: Environment) throws -> LibraryLocation {
    if let override = environment.override {
      let location = at(override, environment)
      guard location.exists else {
        throw SearchError(
          .libraryNotFound, "no library at \(override): run 'duet index --index \(override) FOLDER'")
      }
      return location
    }
    if let location = nearest(to: environment.workingDirectory, environment) { return location }
    throw SearchError(
      .libraryNotFound,
      "no library in \(environment.workingDirectory) or a folder above it: run 'duet index FOLDER' first, "
        + "or name one with --index DIR or $DUET_INDEX")
  }

  /// The library that `duet index FOLDER` fills: the one that `folder` lies in, else a new one of its own.
  ///
  /// - Parameter makesOwn: `--new`: do not join a library of a folder above.
  /// - Throws: `libraryUnusable` when it is, or would be, on a network disk.
  package static func forIndexing(_ folder: FilePath, makesOwn: Bool, in environment: Environment) throws
    -> LibraryLocation
  {
    try onLocalDisk(place(for: folder, makesOwn: makesOwn, environment), environment)
  }

  private static func place(for folder: FilePath, makesOwn: Bool, _ environment: Environment)
    -> LibraryLocation
  {
    if let override = environment.override {
      return at(override, environment)
    }
    if !makesOwn, let location = nearest(to: folder, environment) { return location }
    let own = LibraryLocation(directory: folder.appending(".duet"))
    if own.exists { return own }
    return canHoldLibrary(folder, environment) ? own : shared(for: folder, environment)
  }

  /// Refuses a library on another machine's disk: SQLite's locks and shared memory cannot be trusted there, and mapped
  /// segments may change under their reader.
  private static func onLocalDisk(_ location: LibraryLocation, _ environment: Environment) throws
    -> LibraryLocation
  {
    guard !environment.allowsNetworkDisk else { return location }
    var folder = location.directory
    while (try? FileStatus(of: folder)) == nil, folder.removeLastComponent() {}
    guard case .network(let name)? = environment.diskKind(folder) else { return location }
    throw SearchError(
      .libraryUnusable,
      "the library \(location.directory) is on a network disk (\(name)), where locks and maps cannot be trusted: "
        + "name a folder on a local disk with --index DIR, or insist with --allow-network-disk")
  }

  /// The library of `folder` or of the nearest folder above it.
  private static func nearest(to folder: FilePath, _ environment: Environment) -> LibraryLocation? {
    var ancestor = folder.lexicallyNormalized()
    while true {
      let own = LibraryLocation(directory: ancestor.appending(".duet"))
      if own.exists { return own }
      let elsewhere = shared(for: ancestor, environment)
      if elsewhere.exists { return elsewhere }
      guard ancestor.removeLastComponent() else { return nil }
    }
  }

  /// `--index DIR` names the library folder itself, or a folder that has one.
  private static func at(_ named: FilePath, _ environment: Environment) -> LibraryLocation {
    let directory = environment.workingDirectory.pushing(named).lexicallyNormalized()
    let inside = LibraryLocation(directory: directory.appending(".duet"))
    return inside.exists ? inside : LibraryLocation(directory: directory)
  }

  private static func shared(for folder: FilePath, _ environment: Environment) -> LibraryLocation {
    let name = ContentHash(of: Array(folder.string.utf8)).description
    return LibraryLocation(directory: environment.sharedLibraries.appending(name))
  }

  private static func canHoldLibrary(_ folder: FilePath, _ environment: Environment) -> Bool {
    Folders.isWritable(folder)
      && (environment.allowsNetworkDisk || environment.diskKind(folder)?.isNetwork != true)
  }
}
