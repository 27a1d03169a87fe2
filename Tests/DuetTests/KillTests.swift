// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// The program is killed at random moments of a run, and the next run must get to the same library as if nothing had
/// been. Ten kills every day, as many more as `DUET_SOAK` says in `Scripts/soak.sh`.
@Suite(.serialized) struct `kill -9 while indexing` {
  /// Many roots and few fresh vectors: most of a run is segments being written, and merged at its end.
  @Test func `loses nothing that was committed, and the next run gets to the same library`() async throws {
    let folder = try Self.folder(parts: 24, pictures: 9, captions: 2)
    let parts = (0..<24).map { "photos/\($0)" }
    try await Self.kill(
      Soak.count(10), scene: KillScene(folder, arguments: parts + ["--fresh-limit", "1"]),
      seed: Soak.seed(31))
  }

  /// One root and segments as large as they are for people: a vector for each of more than 4,096 captions.
  @Test(.enabled(if: Soak.factor > 1, "heavy: a part of Scripts/soak.sh"))
  func `the same with segments of the usual size`() async throws {
    let folder = try Self.folder(parts: 4, pictures: 150, captions: 16)
    try await Self.kill(Soak.count(2), scene: KillScene(folder, arguments: ["photos"]), seed: Soak.seed(32))
  }

  /// Eight segments of captions become one that is large enough for lists, and the kills fall while those are made.
  @Test(.enabled(if: Soak.factor > 1, "heavy: a part of Scripts/soak.sh"))
  func `the same while a merge makes lists`() async throws {
    let folder = try Self.folder(parts: 2, pictures: 105, captions: 100)
    try await Self.kill(
      Soak.count(2), scene: KillScene(folder, arguments: ["photos", "--fresh-limit", "2500"]),
      seed: Soak.seed(33), after: 0.6)
  }

  /// Goes on until so many runs were killed, each in its own part of the time that a run takes.
  ///
  /// - Parameter after: the share of a run that is never killed.
  private static func kill(_ kills: Int, scene: KillScene, seed: UInt64, after: Double = 0) async throws {
    var (scene, random, tally) = (scene, SeededRandom(seed: seed), KillTally())
    try await scene.runUndisturbed()
    while tally.killed < kills && tally.runs < 4 * kills {
      let part = Double(tally.killed) + Double.random(in: 0..<1, using: &random)
      let share = after + (1 - after) * part / Double(kills)
      try await scene.round(share: share, random: &random, &tally)
    }
    #expect(tally.killed >= kills, "\(tally)")
    #expect(after > 0 ? tally.nearlyDone > 0 : tally.halfDone > 0, "\(tally)")
    if Soak.factor > 1 { print(tally) }
  }

  /// Pictures of different colours, each with captions of its own.
  private static func folder(parts: Int, pictures: Int, captions: Int) throws -> PictureFolder {
    let folder = try PictureFolder()
    var random = SeededRandom(seed: 30)
    for part in 0..<parts {
      var lines = ["file,caption"]
      for picture in 0..<pictures {
        let colour = (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) }
        try folder.directory.write(
          TinyPNG.encode(colour[0], colour[1], colour[2], side: 8 + picture % 5),
          to: "photos/\(part)/\(picture).png")
        let number = part * pictures + picture
        for caption in 0..<captions {
          lines.append("\(picture).png,\(subjects[(number + caption) % subjects.count]) \(number) \(caption)")
        }
      }
      try folder.directory.write(lines.joined(separator: "\n"), to: "photos/\(part)/captions.csv")
    }
    return folder
  }

  private static let subjects = [
    "a red apple", "the blue sea", "a cat in green grass", "two yellow cars", "雪山",
  ]
}

/// What the kills of a test hit, to see that they hit what they should.
private struct KillTally: CustomStringConvertible {
  var runs = 0
  var killed = 0
  /// Killed runs that left no library yet; some of the vectors; all of them, to be merged or measured.
  var (nothing, halfDone, nearlyDone) = (0, 0, 0)
  /// Killed runs that left files without an owner, and files waiting to be unlinked.
  var (orphans, retired) = (0, 0)

  var description: String {
    "\(killed) of \(runs) runs killed: \(nothing) before there was a library, \(halfDone) with some vectors, "
      + "\(nearlyDone) with all; \(orphans) left orphans, \(retired) retired segments"
  }
}

/// A folder to index, and the library that an undisturbed run makes of it.
private struct KillScene {
  private let pictures: PictureFolder
  private let arguments: [String]
  private var right: LibraryAnswers?
  /// The least that a whole run has been seen to use of the processors.
  private var wholeRun = Duration.zero
  /// The most segment files that a whole run has at once: all that it writes, those before a merge and after it.
  private var mostSegments = 0

  private static let queries = [
    ["a red apple", "--cut", "off", "-k", "2000"], ["雪山", "--explain"],
    ["--image", "photos/1/3.png", "--cut", "off", "-k", "2000"],
    ["--item", "17", "--text", "0.5:the blue sea", "--cut", "off", "-k", "50", "--explain"],
  ]

  init(_ pictures: PictureFolder, arguments: [String]) {
    self.pictures = pictures
    self.arguments = arguments
  }

  mutating func runUndisturbed() async throws {
    let (duet, library) = (try DuetProgram(in: pictures.path), pictures.directory.path("undisturbed"))
    let started = try duet.start(index(library))
    mostSegments = await started.mostFiles(in: "\(library)/segments")
    let run = try await started.finished()
    try #require(run.status == 0, "\(run.err)")
    wholeRun = run.processorTime
    right = try await LibraryAnswers(of: library, by: duet, queries: Self.queries)
  }

  private func index(_ library: String) -> [String] { ["index"] + arguments + ["--index", library] }

  /// Begins a library, kills the run, perhaps the next one too, and lets the last one end.
  mutating func round(
    share: Double, random: inout SeededRandom, _ tally: inout KillTally
  ) async throws {
    // A home of its own: caches may be half written too.
    let (duet, place) = (try DuetProgram(in: pictures.path), try TemporaryDirectory())
    let library = place.path("library")
    var items = 0
    // The root puts more of them late, where segments are merged.
    let segments = Int((share.squareRoot() * Double(mostSegments)).rounded(.up))
    var moment =
      Bool.random(using: &random) ? .files(segments, folder: "\(library)/segments") : processorTime(share)
    while try await runKilled(duet, library, at: moment, random: &random, &tally) {
      let left = try await inspect(library, duet, &tally)
      #expect(left >= items, "of \(items) pictures \(left) are left")
      items = left
      moment = processorTime(Double.random(in: 0..<1, using: &random))
      if Bool.random(using: &random) { break }
    }
    let last = try await duet.run(index(library))
    try #require(last.status == 0, "\(last.err)")
    let answers = try await LibraryAnswers(of: library, by: duet, queries: Self.queries)
    #expect(answers.differences(from: try #require(right)) == [])
  }

  private func processorTime(_ share: Double) -> Moment { .processorTime(wholeRun * share) }

  /// Runs the program and kills it at a moment.
  ///
  /// - Returns: whether it was killed before it ended.
  private mutating func runKilled(
    _ duet: DuetProgram, _ library: String, at moment: Moment, random: inout SeededRandom,
    _ tally: inout KillTally
  ) async throws -> Bool {
    let run = try duet.start(index(library))
    let pause = Duration.microseconds(Int.random(in: 0..<4000, using: &random))
    var seen: Int?
    if Bool.random(using: &random) {
      // What a reader sees of a run that stands still is committed: all of it must be there after the kill.
      await run.signal(SIGSTOP, at: moment, pause: pause)
      await run.stoodStill()
      // Where it holds the lock under which a catalog is made or closed, a reader would wait for long.
      let patience = Task {
        try await Task.sleep(for: .seconds(4))
        Glibc.kill(run.process, SIGKILL)
      }
      seen = try await items(library, duet)
      patience.cancel()
      _ = await patience.result
      Glibc.kill(run.process, SIGKILL)
    } else {
      await run.signal(SIGKILL, at: moment, pause: pause)
    }
    let ended = try await run.finished()
    tally.runs += 1
    guard ended.status == 128 + SIGKILL else {
      #expect(ended.status == 0, "\(ended.err)")
      wholeRun = min(wholeRun, ended.processorTime)
      return false
    }
    tally.killed += 1
    // It may be more by the commit that was under way: the log had it, and no reader had been told of it.
    if let seen { #expect(try await items(library, duet) ?? 0 >= seen) }
    return true
  }

  /// How many pictures a reader sees; nil where there is no library yet.
  private func items(_ library: String, _ duet: DuetProgram) async throws -> Int? {
    let info = try await duet("info", "--json", "--index", library)
    guard info.status == 0 else {
      #expect(info.err.contains("no library"), "\(info.err)")
      return nil
    }
    return try #require((info.json["library"] as? [String: Any])?["items"] as? Int)
  }

  /// What a killed run left must open, answer, and be sound.
  ///
  /// - Returns: how many pictures it holds.
  private func inspect(_ library: String, _ duet: DuetProgram, _ tally: inout KillTally) async throws -> Int {
    guard let items = try await items(library, duet) else {
      tally.nothing += 1
      return 0
    }
    let verified = try await duet("verify", "--json", "--index", library)
    #expect(verified.status == 0, "\(verified.out) \(verified.err)")
    let findings = try verified.json
    #expect(findings["sound"] as? Bool == true)
    #expect(findings["items"] as? Int == items)
    if findings["orphans"] as? [String] != [] { tally.orphans += 1 }
    if findings["retired"] as? [String] != [] { tally.retired += 1 }
    let all = try #require(right).vectors
    if findings["vectors"] as? Int == all { tally.nearlyDone += 1 } else if items > 0 { tally.halfDone += 1 }
    for query in [["雪山"], ["--image", "photos/1/3.png"]] {
      let run = try await duet.run(["search", "--json", "--index", library] + query)
      #expect(run.status == 0 || run.status == 1, "\(run.err)")
    }
    return items
  }
}
