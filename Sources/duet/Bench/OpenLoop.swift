// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPService
import Search
import Synchronization
import SystemPackage

/// Sends searches to a daemon over several connections, by the clock.
///
/// Requests are due at fixed times, whatever became of those before, and are timed from when they were due: a daemon that
/// stalls for a second is charged with all who would have come in that second (Tene's "coordinated omission").
struct OpenLoop: Sendable {
  let socket: FilePath
  let connections: Int

  /// As many requests as the connections can do, each sent when the one before is answered; to find out the capacity.
  func saturate(for seconds: Double, query: @escaping @Sendable () -> String) -> Latencies {
    run(name: "saturated", seconds: seconds, due: { _ in nil }, query: query)
  }

  /// `rate` requests a second.
  func send(
    name: String, rate: Double, for seconds: Double, query: @escaping @Sendable () -> String
  ) -> Latencies {
    var latencies = run(name: name, seconds: seconds, due: { .seconds(Double($0) / rate) }, query: query)
    latencies.rate = rate
    return latencies
  }

  private func run(
    name: String, seconds: Double, due: @escaping @Sendable (Int) -> Duration?,
    query: @escaping @Sendable () -> String
  ) -> Latencies {
    let next = Atomic<Int>(0)
    let total = Mutex(Latencies(name, concurrency: connections))
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    // A thread each: they wait most of the time, for the clock or for the daemon.
    let done = DispatchGroup()
    for _ in 0..<connections {
      done.enter()
      Thread {
        var own = Latencies(name, concurrency: connections)
        var client = try? SearchConnection(socket)
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          let planned = due(index).map { start + $0 } ?? .now
          guard planned < end else { break }
          if planned > .now { Thread.sleep(forTimeInterval: (planned - .now).seconds) }
          if client == nil { client = try? SearchConnection(socket) }
          switch (try? client?.status(of: query())) ?? nil {
          case 200?: own.record(.now - planned)
          case 429?: own.refused += 1
          default:
            own.failed += 1
            client = nil
          }
        }
        total.withLock { $0.merge(own) }
        done.leave()
      }.start()
    }
    done.wait()
    var latencies = total.withLock { $0 }
    latencies.duration = (.now - start).seconds
    return latencies
  }
}
