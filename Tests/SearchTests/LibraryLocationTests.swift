// SPDX-License-Identifier: Apache-2.0
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Search

@Suite struct LibraryLocationTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func environment(_ working: String, override: String? = nil) -> LibraryLocation.Environment {
    LibraryLocation.Environment(
      workingDirectory: FilePath(folder.path(working)), override: override.map { FilePath($0) },
      sharedLibraries: FilePath(folder.path("data/libraries")))
  }

  private func path(_ name: String) -> FilePath { FilePath(folder.path(name)) }

  @Test func `a library is found from below, the nearest one`() throws {
    try folder.write("", to: "photos/.duet/catalog.sqlite")
    try folder.write("", to: "photos/2024/own/.duet/catalog.sqlite")
    try folder.write("", to: "photos/2024/trip/x.png")
    #expect(try LibraryLocation.find(in: environment("photos/2024/trip")).directory == path("photos/.duet"))
    #expect(
      try LibraryLocation.find(in: environment("photos/2024/own")).directory == path("photos/2024/own/.duet"))
  }

  @Test func `no library is an error that says how to make one`() throws {
    let error = #expect(throws: SearchError.self) { try LibraryLocation.find(in: environment("nowhere")) }
    #expect(error?.code == .libraryNotFound)
    #expect(error?.message.contains("duet index") == true)
  }

  @Test func `an override names the library or the folder that holds it`() throws {
    try folder.write("", to: "photos/.duet/catalog.sqlite")
    for name in [folder.path("photos"), folder.path("photos/.duet"), "../photos", "../photos/.duet"] {
      let location = try LibraryLocation.find(in: environment("elsewhere", override: name))
      #expect(location.directory == path("photos/.duet"))
    }
    #expect(throws: SearchError.self) {
      try LibraryLocation.find(in: environment("elsewhere", override: folder.path("none")))
    }
  }

  @Test func `indexing below a library joins it, unless told otherwise`() throws {
    try folder.write("", to: "photos/.duet/catalog.sqlite")
    try folder.write("", to: "photos/2024/x.png")
    let environment = environment("photos")
    let sub = path("photos/2024")
    #expect(
      try LibraryLocation.forIndexing(sub, makesOwn: false, in: environment).directory == path("photos/.duet")
    )
    #expect(
      try LibraryLocation.forIndexing(sub, makesOwn: true, in: environment).directory
        == path("photos/2024/.duet"))
  }

  @Test func `a folder that cannot be written has its library elsewhere, and is found from below`() throws {
    let missing = path("read-only-stand-in")
    let location = try LibraryLocation.forIndexing(missing, makesOwn: false, in: environment("."))
    #expect(location.directory.starts(with: path("data/libraries")))
    try Folders.create(location.directory)
    try AtomicFile.write([1], to: location.catalog)
    #expect(try LibraryLocation.find(in: environment("read-only-stand-in/deep/down")) == location)
  }

  @Test func `a library on a network disk is refused unless one insists`() throws {
    try folder.write("", to: "share/.duet/catalog.sqlite")
    try folder.write("", to: "share/new/x.png")
    let share = path("share")
    var there = environment("share")
    there.diskKind = { $0.starts(with: share) ? .network("nfs4") : .local }
    var named = environment("elsewhere", override: folder.path("share/fresh"))
    named.diskKind = there.diskKind
    for look in [
      { try LibraryLocation.find(in: $0) },
      { try LibraryLocation.forIndexing(share, makesOwn: false, in: $0) },
      { try LibraryLocation.forIndexing(share.appending("new"), makesOwn: false, in: $0) },
    ] as [(LibraryLocation.Environment) throws -> LibraryLocation] {
      let error = #expect(throws: SearchError.self) { try look(there) }
      #expect(error?.code == .libraryUnusable)
      #expect(
        error?.message.contains("nfs4") == true && error?.message.contains("--allow-network-disk") == true)
      var forced = there
      forced.allowsNetworkDisk = true
      #expect(try look(forced).directory == path("share/.duet"))
    }
    #expect(throws: SearchError.self) {
      try LibraryLocation.forIndexing(path("elsewhere"), makesOwn: false, in: named)
    }
    // A folder there has its library on a local disk.
    let own = try LibraryLocation.forIndexing(share.appending("new"), makesOwn: true, in: there)
    #expect(own.directory.starts(with: path("data/libraries")))
    there.allowsNetworkDisk = true
    #expect(
      try LibraryLocation.forIndexing(share.appending("new"), makesOwn: true, in: there).directory
        == path("share/new/.duet"))
  }

  @Test func `parts of roots are told from new roots`() throws {
    try folder.write("", to: "photos/2024/x.png")
    try folder.write("", to: "scans/y.png")
    let location = LibraryLocation(directory: path("photos/.duet"))
    let parts = try location.parts(of: [path("photos/2024"), path("scans")], roots: [".."])
    #expect(parts.map(\.root) == [path("photos"), path("scans")])
    #expect(parts.map(\.start) == ["2024", ""])
    #expect(parts.map(\.storedRoot) == ["..", path("scans")])
    #expect(try location.parts(of: [path("photos")], roots: []).map(\.storedRoot) == [".."])
    #expect(
      try location.parts(of: [], roots: ["..", path("scans")]).map(\.root) == [path("photos"), path("scans")])
    #expect(throws: SearchError.self) { try location.parts(of: [FilePath(folder.path)], roots: [".."]) }
    #expect(throws: SearchError.self) { try location.parts(of: [path("missing")], roots: [".."]) }
  }
}
