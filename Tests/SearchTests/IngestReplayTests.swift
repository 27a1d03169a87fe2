// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Search

/// Power loss: the catalog falls back to an earlier commit while the segment files stay as they are.
@Suite struct IngestReplayTests {
  @Test func `a catalog of any earlier commit is read without a lie and brought up to date`() async throws {
    let history = try await IngestHistory()
    #expect(history.log.commits.count > 80)
    #expect(history.segmentsWritten > 20)
    var read = 0
    for commit in history.log.commits {
      let library = try history.library(at: commit, segments: .asAtTheEnd)
      do {
        #expect(try history.contradictions(in: library) == [], "commit \(commit.number)")
        read += 1
      } catch let error as SearchError {
        #expect(error.code == .libraryUnusable && error.message.contains("duet index"), "\(error)")
      }
      try await history.index(library)
      let contents = try LibraryContents(history.snapshot(of: library))
      #expect(contents.differences(from: history.fresh) == [], "commit \(commit.number)")
      #expect(try faults(of: library) == [], "commit \(commit.number)")
    }
    // Both ends were met: states that can still be read, and states whose segments are gone.
    #expect(read > 10 && read < history.log.commits.count, "\(read) of \(history.log.commits.count)")
  }

  @Test func `every commit names only what is whole: with its files beside it each state is right`()
    async throws
  {
    let history = try await IngestHistory()
    for commit in history.log.commits {
      let library = try history.library(at: commit, segments: .allThatEverWere)
      #expect(try history.contradictions(in: library) == [], "commit \(commit.number)")
    }
  }
}
