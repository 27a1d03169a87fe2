// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import SystemPackage
import Testing

@testable import Catalog

/// Every state that a catalog ever had: its file as it was at the start, and SQLite's write-ahead log of what came
/// after, which is a list of commits (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
struct CommitLog {
  struct Commit {
    let number: Int
    /// Where the log ends when this commit is the last.
    let end: Int
  }

  let base: [UInt8]
  let log: [UInt8]
  let commits: [Commit]

  init(base: [UInt8], log: [UInt8]) {
    self.base = base
    self.log = log
    func number(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 << 8 | UInt32(log[offset + $1]) } }
    var commits: [Commit] = []
    guard log.count > 32 else {
      self.commits = []
      return
    }
    let frame = 24 + Int(number(8))
    for offset in stride(from: 32, through: log.count - frame, by: frame) {
      // The salts tell this log's frames from those of one before it; a size marks the last frame of a commit.
      guard number(offset + 8) == number(16), number(offset + 12) == number(20) else { break }
      if number(offset + 4) > 0 { commits.append(Commit(number: commits.count, end: offset + frame)) }
    }
    self.commits = commits
  }

  /// Writes file and log as a power loss right after `commit` would leave them.
  func write(_ commit: Commit, to catalog: FilePath) throws {
    try Data(base).write(to: URL(filePath: catalog.string))
    try Data(log[..<commit.end]).write(to: URL(filePath: catalog.string + "-wal"))
  }
}

/// Keeps the first state of a catalog readable, so that no commit is folded into the file and none leaves the log.
final class LogKeeper: Sendable {
  let catalog: FilePath
  private let base: [UInt8]
  private let end = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// Makes an empty catalog and holds its state.
  init(_ catalog: FilePath) throws {
    self.catalog = catalog
    try CatalogStore.open(catalog, access: .readWrite).close()
    base = try [UInt8](Data(contentsOf: URL(filePath: catalog.string)))
    let store = try CatalogStore.open(catalog, access: .readOnly)
    let holds = DispatchSemaphore(value: 0)
    let (end, ended) = (end, ended)
    Thread.detachNewThread {
      do {
        try store.read { db in
          let items = try CatalogStore.itemCount(db)
          #expect(items == 0)
          holds.signal()
          end.wait()
        }
      } catch {
        Issue.record(error)
        holds.signal()
      }
      ended.signal()
    }
    holds.wait()
  }

  /// All commits so far. Ends the hold.
  func finish() throws -> CommitLog {
    let log = try [UInt8](Data(contentsOf: URL(filePath: catalog.string + "-wal")))
    end.signal()
    ended.wait()
    return CommitLog(base: base, log: log)
  }
}
