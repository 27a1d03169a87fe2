// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import Search
import SystemPackage

/// What all requests share.
final class DaemonState: Sendable {
  let version: String
  let libraries: ServedLibraries
  let scheduler: QueryScheduler
  let bodies: BodyBudget
  let uploads = Uploads()
  let jobs = IndexJobs()
  let sessions = PageSessions()
  let metrics = DaemonMetrics()
  let thumbnails: Thumbnails
  /// Whether the page's cookie may travel over TLS only.
  let isEncrypted: Bool
  private let started = ContinuousClock.now

  init(
    version: String, libraries: ServedLibraries, isEncrypted: Bool = false,
    cache: BaseDirectories = .current, scheduler: QueryScheduler = QueryScheduler(),
    bodies: BodyBudget = BodyBudget()
  ) {
    self.version = version
    self.libraries = libraries
    self.isEncrypted = isEncrypted
    self.scheduler = scheduler
    self.bodies = bodies
    thumbnails = Thumbnails(folder: cache.cache.appending("thumbnails"))
  }

  /// Seconds since the daemon started.
  var uptime: Double { (ContinuousClock.now - started).seconds }

  /// Brings what is a state, not an event, up to date for `/metrics`. On a compute thread: it asks the catalogs.
  func recordGauges() {
    metrics.gauge("duet_queue_waiting", scheduler.waitingCount)
    metrics.gauge("duet_body_bytes", bodies.heldBytes)
    for library in libraries.all {
      let labels = [("library", library.name)]
      if let snapshot = library.currentSnapshot {
        metrics.gauge("duet_index_generation", Int(snapshot.state.generation), labels)
        metrics.gauge("duet_items", snapshot.state.itemCount, labels)
      }
      if let skipped = try? library.reader.catalog.skipCount() {
        metrics.gauge("duet_skipped_files", skipped, labels)
      }
      if let counts = library.embedder?.counts {
        metrics.total("duet_text_cache_hits_total", counts.hits, labels)
        metrics.total("duet_text_cache_misses_total", counts.misses, labels)
      }
    }
  }
}
