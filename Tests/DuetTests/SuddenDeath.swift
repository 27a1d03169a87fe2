// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Glibc

/// A moment of a run, told by what the run itself did: unlike a time of day that is about the same on a machine that
/// does nothing else and on one that builds three other things.
enum Moment {
  /// It has used so much of the processors.
  case processorTime(Duration)
  /// So many files lie in a folder: what waits for the disk uses no processor.
  case files(Int, folder: String)

  fileprivate func hasCome(for process: pid_t) -> Bool {
    switch self {
    case .processorTime(let duration):
      var clock = clockid_t()
      var time = timespec()
      guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else { return false }
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec) >= duration
    case .files(let count, let folder): return Self.files(in: folder) >= count
    }
  }

  static func files(in folder: String) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0
  }
}

/// Nobody may have waited for the run yet: what has ended is still there to be waited for, and its number is no other
/// process's.
extension RunningProgram {
  /// Waits for the moment, or until the run has ended, and then `pause` longer. Sends `number`; whether the run ended
  /// before shows in its status.
  func signal(_ number: CInt, at moment: Moment, pause: Duration) async {
    await waiting {
      while !moment.hasCome(for: process) && !hasEnded { usleep(200) }
      usleep(useconds_t(pause / .microseconds(1)))
      kill(process, number)
    }
  }

  /// Waits until all threads of a run stand still after a SIGSTOP, or the run has ended.
  func stoodStill() async {
    await waiting {
      var facts = siginfo_t()
      while waitid(P_PID, id_t(process), &facts, WEXITED | WSTOPPED | WNOWAIT) != 0 && errno == EINTR {}
    }
  }

  /// The most files that lay in a folder at once until the run ended.
  func mostFiles(in folder: String) async -> Int {
    await waiting {
      var most = 0
      while !hasEnded {
        most = max(most, Moment.files(in: folder))
        usleep(200)
      }
      return most
    }
  }

  /// Waits until something is so, the run has ended, or a minute is over.
  ///
  /// - Returns: whether it is so.
  func waited(until isSo: @escaping @Sendable () -> Bool) async -> Bool {
    await waiting {
      let deadline = ContinuousClock.now + .seconds(60)
      while !isSo() && !hasEnded && ContinuousClock.now < deadline { usleep(5000) }
      return isSo()
    }
  }

  var hasEnded: Bool {
    var facts = siginfo_t()
    return waitid(P_PID, id_t(process), &facts, WEXITED | WNOHANG | WNOWAIT) != 0 || facts.si_signo != 0
  }

  /// Runs `body` on a thread that may wait: the cooperative pool may be full of other tests.
  private func waiting<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
  }
}
