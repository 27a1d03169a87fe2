// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import Search
import Synchronization
import SystemPackage

/// One run of indexing.
final class IndexJob: Sendable {
  /// What it is at.
  private enum Stage {
    /// Somebody else indexes the library: `duet index`, or the daemon's own watch.
    case waiting
    case working(IngestProgress)
  }

  private enum Outcome {
    case running
    case done(JSONText)
    /// With what had been done by then, if anything.
    case cancelled(JSONText)
    case failed(String)
  }

  private struct State {
    var stage: Stage?
    var outcome = Outcome.running
    var task: Task<Void, Never>?
  }

  /// How often a library that somebody else indexes is tried again.
  private static let retry = Duration.milliseconds(500)

  let id: String
  let library: String
  private let state = Mutex(State())

  init(id: String, library: String) {
    self.id = id
    self.library = library
  }

  var isRunning: Bool { state.withLock { if case .running = $0.outcome { true } else { false } } }

  func cancel() { state.withLock { $0.task }?.cancel() }

  func ended() async { await state.withLock { $0.task }?.value }

  /// Starts it. Once.
  func run(_ library: ServedLibrary, _ options: IngestOptions) {
    state.withLock { state in
      state.task = Task {
        do {
          end(try await index(library, options))
        } catch is CancellationError {
          end(.cancelled(.null))
        } catch {
          end(.failed("\(error)"))
        }
      }
    }
  }

  private func index(_ library: ServedLibrary, _ options: IngestOptions) async throws -> Outcome {
    let choice = try await ComputePool.shared.run { try library.modelForIndexing() }
    let ingestor = try await ingestor(for: library, choice.embedder, options)
    let start = ContinuousClock.now
    try ingestor.remember(choice)
    let report = try await ingestor.run()
    try ingestor.close()
    let summary = JSONText(
      report, location: library.location, model: choice.source.description,
      duration: ContinuousClock.now - start)
    return report.summary.wasInterrupted ? .cancelled(summary) : .done(summary)
  }

  /// The right to index, waited for while somebody else has it.
  private func ingestor(
    for library: ServedLibrary, _ embedder: any Embedder, _ options: IngestOptions
  ) async throws -> Ingestor {
    while true {
      do {
        return try await ComputePool.shared.run {
          try Ingestor(location: library.location, embedder: embedder, options: options) { progress in
            self.state.withLock { $0.stage = .working(progress) }
          }
        }
      } catch let error as SearchError where error.code == .libraryBusy {
        state.withLock { $0.stage = .waiting }
        try await Task.sleep(for: IndexJob.retry)
      }
    }
  }

  private func end(_ outcome: Outcome) { state.withLock { $0.outcome = outcome } }

  /// Schema `Job`.
  var json: JSONText {
    let (stage, outcome) = state.withLock { ($0.stage, $0.outcome) }
    var summary = JSONText.null
    var problem = JSONText.null
    let name: String
    switch outcome {
    case .running: name = "running"
    case .done(let report): (name, summary) = ("done", report)
    case .cancelled(let report): (name, summary) = ("cancelled", report)
    case .failed(let message): (name, problem) = ("failed", .string(message))
    }
    let progress: JSONText =
      switch stage {
      case nil: .null
      case .waiting?: ["phase": "waiting"]
      case .working(let progress)?: JSONText(progress)
      }
    return [
      "id": .string(id), "library": .string(library), "state": .string(name), "progress": progress,
      "summary": summary, "error": problem,
    ]
  }
}

extension JSONText {
  fileprivate init(_ progress: IngestProgress) {
    switch progress {
    case .walking(let files): self = ["phase": "walking", "done": .int(files)]
    case .embedding(let done, let total):
      self = ["phase": "embedding", "done": .int(done), "total": .int(total)]
    case .captioning(let done, let total):
      self = ["phase": "captioning", "done": .int(done), "total": .int(total)]
    case .merging: self = ["phase": "merging"]
    case .calibrating: self = ["phase": "calibrating"]
    }
  }
}
