// SPDX-License-Identifier: Apache-2.0
import Compute
import Foundation
import HTTPTypes
import SystemPackage
import TestSupport
import Testing

@testable import HTTPService
@testable import Search

@Suite("Indexing over HTTP")
struct IndexRoutesTests {
  /// The data of a job's events, the names of the events beside them; ends with the job.
  private func events(_ daemon: TestDaemon, _ job: String) async throws -> [(
    name: String, job: [String: Any]
  )] {
    let answer = try await daemon.get("/v1/jobs/\(job)/events")
    #expect(answer.status == 200 && answer.headers[.contentType] == "text/event-stream")
    return try answer.text.components(separatedBy: "\n\n").filter { !$0.isEmpty && !$0.hasPrefix(":") }.map {
      event in
      let lines = event.split(separator: "\n")
      #expect(lines.count == 2 && lines[0].hasPrefix("event: ") && lines[1].hasPrefix("data: "))
      let data = Data(lines[1].dropFirst(6).utf8)
      return (
        String(lines[0].dropFirst(7)),
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      )
    }
  }

  @Test("A job brings the library up to date, and its last event says what it did")
  func done() async throws {
    let daemon = try await TestDaemon()
    try daemon.folder.write(TinyPNG.encode(1, 1, 1), to: "pictures/holiday/new.png")
    try daemon.folder.write(TinyPNG.encode(2, 1, 1), to: "pictures/elsewhere.png")
    let started = try await daemon.send(["folders": ["holiday"]], to: "/v1/index")
    let id = try #require(try started.json["id"] as? String)
    #expect(started.status == 202 && started.headers[.location] == "/v1/jobs/\(id)")
    #expect(try started.json["library"] as? String == "pictures")
    let events = try await events(daemon, id)
    let last = try #require(events.last)
    #expect(last.name == "end" && last.job["state"] as? String == "done" && last.job["error"] is NSNull)
    #expect(events.dropLast().allSatisfy { $0.name == "progress" && $0.job["state"] as? String == "running" })
    let summary = try #require(last.job["summary"] as? [String: Any])
    #expect(summary["indexed"] as? Int == 1, "\(summary)")
    #expect(try await daemon.get("/v1/jobs/\(id)").json as NSDictionary == last.job as NSDictionary)
    let all = try #require(try await daemon.get("/v1/jobs").json["jobs"] as? [[String: Any]])
    #expect(all.map { $0["id"] as? String } == [id])
    #expect(try await daemon.get("/v1/stats").text.contains("\"items\":13,"))
    // The next one is another, and takes the rest; an absolute path and no path at all are fine, too.
    for body in [["folders": [daemon.folder.path("pictures")]], [:]] {
      let next = try #require(try await daemon.send(body, to: "/v1/index").json["id"] as? String)
      #expect(next != id)
      #expect(try await self.events(daemon, next).last?.job["state"] as? String == "done")
      #expect(try await daemon.get("/v1/stats").text.contains("\"items\":14,"))
    }
  }

  @Test("While one job works a second one is refused, and the first can be cancelled")
  func oneAtATime() async throws {
    let daemon = try await TestDaemon()
    let bytes = TinyPNG.encode(1, 2, 3, side: 100)
    for number in 0..<400 {
      try daemon.folder.write(bytes + Array("\(number)".utf8), to: "pictures/many/\(number).png")
    }
    let id = try #require(try await daemon.send([:] as [String: Any], to: "/v1/index").json["id"] as? String)
    let second = try await daemon.send([:] as [String: Any], to: "/v1/index")
    #expect(second.status == 409 && second.text.contains("job \(id)"))
    #expect(try await daemon.ask(.delete, "/v1/jobs/\(id)").status == 202)
    let last = try #require(try await events(daemon, id).last)
    #expect(last.name == "end" && last.job["state"] as? String == "cancelled")
    // What is left undone can be taken up again, and what has ended can be cancelled to no effect.
    let third = try await daemon.send([:] as [String: Any], to: "/v1/index")
    #expect(third.status == 202)
    let thirdID = try #require(try third.json["id"] as? String)
    #expect(try await events(daemon, thirdID).last?.job["state"] as? String == "done")
    #expect(try await daemon.ask(.delete, "/v1/jobs/\(thirdID)").json["state"] as? String == "done")
    #expect(try await daemon.get("/v1/stats").text.contains("\"items\":412,"))
  }

  @Test("While somebody else indexes the library a job waits, and can be cancelled")
  func waiting() async throws {
    let daemon = try await TestDaemon()
    let choice = try await ComputePool.shared.run { try ModelChoice.open(named: "builtin") }
    // As `duet index`, or the daemon's own watch, holds it.
    var other: Ingestor? = try Ingestor(
      location: daemon.library.location, embedder: choice.embedder, options: IngestOptions())
    func start() async throws -> String {
      try #require(try await daemon.send([:] as [String: Any], to: "/v1/index").json["id"] as? String)
    }
    func waits(_ id: String) async throws {
      while !(try await daemon.get("/v1/jobs/\(id)").text.contains("\"phase\":\"waiting\"")) {
        await Task.yield()
      }
    }
    let first = try await start()
    try await waits(first)
    #expect(try await daemon.ask(.delete, "/v1/jobs/\(first)").status == 202)
    let cancelled = try #require(try await events(daemon, first).last)
    #expect(cancelled.job["state"] as? String == "cancelled" && cancelled.job["summary"] is NSNull)
    let second = try await start()
    try await waits(second)
    // Its lock goes with it.
    try other?.close()
    other = nil
    #expect(try await events(daemon, second).last?.job["state"] as? String == "done")
  }

  @Test("A job can be cancelled from the moment that it is known")
  func cancelledAtOnce() async throws {
    let daemon = try await TestDaemon()
    let choice = try await ComputePool.shared.run { try ModelChoice.open(named: "builtin") }
    // Somebody else indexes, so that a job that missed its cancellation would wait for ever.
    let other = try Ingestor(
      location: daemon.library.location, embedder: choice.embedder, options: IngestOptions())
    for _ in 0..<20 {
      let job = try daemon.daemon.state.jobs.start(daemon.library, options: IngestOptions())
      job.cancel()
      await job.ended()
      #expect(!job.isRunning)
    }
    try other.close()
  }

  @Test("A daemon that stops lets the job save its batch, and starts no other")
  func stopping() async throws {
    let daemon = try await TestDaemon()
    let bytes = TinyPNG.encode(1, 2, 3, side: 100)
    for number in 0..<400 {
      try daemon.folder.write(bytes + Array("\(number)".utf8), to: "pictures/many/\(number).png")
    }
    let id = try #require(try await daemon.send([:] as [String: Any], to: "/v1/index").json["id"] as? String)
    await daemon.daemon.state.jobs.stop()
    #expect(try await daemon.get("/v1/jobs/\(id)").json["state"] as? String == "cancelled")
    let late = try await daemon.send([:] as [String: Any], to: "/v1/index")
    #expect(late.status == 503 && late.headers[.retryAfter] != nil)
  }

  @Test("Only what lies in the library's folders can be indexed")
  func outside() async throws {
    let daemon = try await TestDaemon()
    let root = daemon.folder.path("pictures")
    for folder in [
      "/etc", "/", "..", "../other", "holiday/../../other", root + "/..", root + "2", "", "a\u{0}b", "\u{0}",
      root + "/\u{0}/../../etc",
    ] {
      let answer = try await daemon.send(["folders": ["holiday", folder]], to: "/v1/index")
      // The empty name is the root itself.
      #expect(try folder.isEmpty || answer.problem == "422 folders[1]", "\(folder): \(answer.status)")
      if folder.isEmpty {
        #expect(answer.status == 202)
        _ = try await events(daemon, try #require(try answer.json["id"] as? String))
      }
    }
    #expect(try await daemon.send(["folder": "a"], to: "/v1/index").problem == "422 folder")
    #expect(try await daemon.send(["folders": "a"], to: "/v1/index").problem == "422 folders")
    let many = [String](repeating: "holiday", count: 65)
    #expect(try await daemon.send(["folders": many], to: "/v1/index").problem == "422 folders")
    #expect(try await daemon.send(["library": "none"], to: "/v1/index").problem == "404 library")
  }

  @Test("A job that there is not")
  func unknown() async throws {
    let daemon = try await TestDaemon.shared.value
    for id in ["999", "none", "%00"] {
      #expect(try await daemon.get("/v1/jobs/\(id)").status == 404)
      #expect(try await daemon.get("/v1/jobs/\(id)/events").status == 404)
      #expect(try await daemon.ask(.delete, "/v1/jobs/\(id)").status == 404)
    }
  }
}
