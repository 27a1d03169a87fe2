// SPDX-License-Identifier: Apache-2.0
import Compute
import Hummingbird
import NIOCore
import Search
import SystemPackage

/// Indexing: `/v1/index`, `/v1/jobs`.
struct IndexRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.post, "/v1/index", scope: .index, bodyBytes: Limits.nameBodyBytes) { request, context in
      let body = try await request.decoded(as: IndexBody.self, context)
      let library = try daemon.libraries.named(body.library)
      let options = try await ComputePool.shared.run { try ingestOptions(body, for: library) }
      let job = try daemon.jobs.start(library, options: options)
      return .json(job.json, status: .accepted, headers: [.location: "/v1/jobs/\(job.id)"])
    }
    routes.on(.get, "/v1/jobs", scope: .read) { _, _ in
      .json(["jobs": .array(daemon.jobs.all.map(\.json))])
    }
    routes.on(.get, "/v1/jobs/{job}", scope: .read) { _, context in .json(try job(of: context).json) }
    routes.on(.delete, "/v1/jobs/{job}", scope: .index) { _, context in
      let job = try job(of: context)
      job.cancel()
      return .json(job.json, status: .accepted)
    }
    routes.on(.get, "/v1/jobs/{job}/events", scope: .read) { request, context in
      events(of: try job(of: context), request)
    }
  }

  /// - Throws: ``Problem`` 422 for a folder that lies in no root of the library: callers cannot make the daemon read other
  ///   parts of the disk.
  private func ingestOptions(_ body: IndexBody, for library: ServedLibrary) throws -> IngestOptions {
    var options = IngestOptions()
    options.prunes = body.prune ?? false
    options.rebuilds = body.rebuild ?? false
    let folders = body.folders ?? []
    guard folders.count <= Limits.folders else {
      throw Problem(.unprocessableContent, "at most \(Limits.folders)", field: "folders")
    }
    let roots = try library.roots()
    options.folders = try folders.enumerated().map { index, folder in
      let path = FilePath(folder).lexicallyNormalized()
      // A relative path means a folder below the first root.
      let absolute = path.isAbsolute ? path : (roots.first ?? "/").pushing(path).lexicallyNormalized()
      guard !folder.utf8.contains(0), roots.contains(where: { absolute.starts(with: $0) }) else {
        throw Problem(
          .unprocessableContent,
          "not in a folder that this library holds: 'duet index' on the machine adds folders",
          field: "folders[\(index)]")
      }
      return absolute
    }
    return options
  }

  private func job(of context: DaemonContext) throws -> IndexJob {
    try daemon.jobs.job(context.parameters.get("job") ?? "")
  }

  /// Server-sent events: what has changed, five times a second at most, and a comment now and then so that nobody on the
  /// way takes the connection for dead.
  private func events(of job: IndexJob, _ request: Request) -> Response {
    let body = ResponseBody { writer in
      var last = ""
      var quiet = 0
      while true {
        let isLast = !job.isRunning
        let text = job.json.text
        if text != last || isLast {
          try await writer.write(
            ByteBuffer(string: "event: \(isLast ? "end" : "progress")\ndata: \(text)\n\n"))
          (last, quiet) = (text, 0)
        } else {
          quiet += 1
          if quiet % 50 == 0 { try await writer.write(ByteBuffer(string: ": still there\n\n")) }
        }
        if isLast { break }
        try await Task.sleep(for: .milliseconds(200))
      }
      try await writer.finish(nil)
    }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
  }
}
