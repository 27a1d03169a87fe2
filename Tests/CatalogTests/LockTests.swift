// SPDX-License-Identifier: Apache-2.0
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Catalog

/// POSIX locks belong to the process: closing any descriptor of the file drops all of them
/// (https://www.sqlite.org/howtocorrupt.html, 2.2). Without them another process that closes the catalog takes itself
/// for the last one, and removes the log that is in use here.
@Suite struct LockTests {
  /// How many locks this process holds on a file. Asked of the descriptors: /proc/locks lists those of all processes, and
  /// leaves some out when others come and go meanwhile.
  private func locks(on path: FilePath) throws -> Int {
    let facts = try FileManager.default.attributesOfItem(atPath: path.string)
    let inode = try #require(facts[.systemFileNumber] as? Int)
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo")
    var locks: Set<Substring> = []
    for descriptor in descriptors {
      // Other tests close theirs while this one looks.
      let lines = (try? String(contentsOfFile: "/proc/self/fdinfo/\(descriptor)", encoding: .utf8)) ?? ""
      for line in lines.split(separator: "\n") where line.hasPrefix("lock:") && line.contains(":\(inode) ") {
        if let range = line.range(of: "POSIX") { locks.insert(line[range.lowerBound...]) }
      }
    }
    return locks.count
  }

  @Test func `opening a catalog a second time leaves the first one's locks alone`() throws {
    let library = try TestLibrary()
    try library.add("a.jpg")
    let held = try locks(on: library.path)
    #expect(held > 0)
    let reader = try CatalogStore.open(library.path, access: .readOnly)
    #expect(try reader.itemCount() == 1)
    #expect(try locks(on: library.path) == held)
    let writer = try CatalogStore.open(library.path, access: .readWrite)
    try writer.close()
    try reader.close()
    #expect(try locks(on: library.path) == held)
    try library.add("b.jpg")
    #expect(try library.store.itemCount() == 2)
  }
}
