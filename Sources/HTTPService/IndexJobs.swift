// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import HTTPTypes
import Search
import Synchronization
import SystemPackage

/// Runs of indexing that callers started. One at a time for each library; the last ones that ended are remembered.
final class IndexJobs: Sendable {
  /// How many that ended are remembered.
  private static let remembered = 100

  private let jobs = Mutex<[IndexJob]>([])
  private let isStopping = Atomic<Bool>(false)
  private let nextID = Atomic<Int>(1)

  /// All, the newest first.
  var all: [IndexJob] { jobs.withLock { $0.reversed() } }

  /// - Throws: ``Problem`` 404.
  func job(_ id: String) throws -> IndexJob {
    guard let job = jobs.withLock({ $0.first { $0.id == id } }) else {
      throw Problem(.notFound, "there is no job '\(id)', or it ended long ago")
    }
    return job
  }

  /// Starts bringing a library up to date.
  ///
  /// - Throws: ``Problem`` 409 while another job works on the library, 503 while the daemon is stopping.
  func start(_ library: ServedLibrary, options: IngestOptions) throws -> IndexJob {
    let id = "\(nextID.add(1, ordering: .relaxed).oldValue)"
    let job = IndexJob(id: id, library: library.name)
    try jobs.withLock { jobs in
      guard !isStopping.load(ordering: .relaxed) else {
        throw Problem(.serviceUnavailable, "the daemon is stopping", retryAfter: 1)
      }
      if let running = jobs.first(where: { $0.library == library.name && $0.isRunning }) {
        throw Problem(.conflict, "job \(running.id) is indexing this library: wait for it, or cancel it")
      }
      jobs.append(job)
      while jobs.count > IndexJobs.remembered, let ended = jobs.firstIndex(where: { !$0.isRunning }) {
        jobs.remove(at: ended)
      }
    }
    job.run(library, options)
    return job
  }

  /// Cancels what runs, and waits until it has saved its batch.
  func stop() async {
    let running = jobs.withLock { jobs in
      isStopping.store(true, ordering: .relaxed)
      return jobs
    }
    running.forEach { $0.cancel() }
    for job in running { await job.ended() }
  }
}

/// One run of indexing.
final class IndexJob: Sendable {
  enum Outcome: Sendable {
    case running
    case done(JSONText)
    case cancelled(JSONText)
    case failed(String)
  }

  private struct State {
    var progress: IngestProgress?
    var outcome = Outcome.running
    var task: Task<Void, Never>?
  }

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

  fileprivate func run(_ library: ServedLibrary, _ options: IngestOptions) {
    let task = Task {
      let start = ContinuousClock.now
      do {
        let choice = try await ComputePool.shared.run { try library.modelForIndexing() }
        let ingestor = try await ComputePool.shared.run {
          try Ingestor(location: library.location, embedder: choice.embedder, options: options) { progress in
            self.state.withLock { $0.progress = progress }
          }
        }
        try ingestor.remember(choice)
        let report = try await ingestor.run()
        try ingestor.close()
        let summary = JSONText(
          report, location: library.location, model: choice.source.description,
          duration: ContinuousClock.now - start)
        end(report.summary.wasInterrupted ? .cancelled(summary) : .done(summary))
      } catch {
        end(.failed("\(error)"))
      }
    }
    state.withLock { $0.task = task }
  }

  private func end(_ outcome: Outcome) { state.withLock { $0.outcome = outcome } }

  /// Schema `Job`.
  var json: JSONText {
    let (progress, outcome) = state.withLock { ($0.progress, $0.outcome) }
    var summary = JSONText.null
    var problem = JSONText.null
    let name: String
    switch outcome {
    case .running: name = "running"
    case .done(let report): (name, summary) = ("done", report)
    case .cancelled(let report): (name, summary) = ("cancelled", report)
    case .failed(let message): (name, problem) = ("failed", .string(message))
    }
    return [
      "id": .string(id), "library": .string(library), "state": .string(name),
      "progress": progress.map(JSONText.init) ?? .null, "summary": summary, "error": problem,
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
