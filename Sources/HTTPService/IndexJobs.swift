// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Search
import Synchronization

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
      // Started before anybody else can see it, so that whoever cancels it has something to cancel.
      job.run(library, options)
      while jobs.count > IndexJobs.remembered, let ended = jobs.firstIndex(where: { !$0.isRunning }) {
        jobs.remove(at: ended)
      }
    }
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
