// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Logging
import Search
import ServiceLifecycle

/// Follows a library's folders while the daemon runs: `duet serve --watch`.
struct WatchService: Service {
  let library: ServedLibrary
  let logger: Logger

  /// After an error that ends a watch, for example another model: a new watch begins with what there is then.
  private static let pause = Duration.seconds(10)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await follow()
        } catch {
          logger.error("\(library.name): following its folders stopped for now: \(error)")
        }
        try? await Task.sleep(for: WatchService.pause)
      }
    }
  }

  private func follow() async throws {
    let choice = try await ComputePool.shared.run { try library.ownModel() }
    let watch = LibraryWatch(location: library.location, embedder: choice.embedder, options: IngestOptions())
    try await watch.run { event in
      switch event {
      case .progress: break
      case .updated(let report, _): tell(report)
      case .note(let text): logger.notice("\(library.name): \(text)")
      case .failed(let error): logger.error("\(library.name): not brought up to date: \(error)")
      }
    }
  }

  private func tell(_ report: Ingestor.Report) {
    let summary = report.summary
    let changes = [
      ("indexed", summary.indexed), ("moved", summary.moved), ("removed", summary.removed),
      ("recaptioned", summary.recaptioned), ("skipped", report.skipped.count),
    ].filter { $0.1 > 0 }
    guard !changes.isEmpty else { return }
    logger.notice("\(library.name): \(changes.map { "\($0.0) \($0.1)" }.joined(separator: ", "))")
  }
}
