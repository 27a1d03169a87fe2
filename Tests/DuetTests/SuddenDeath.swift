// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc

/// Signals that reach a run at a moment told by its own processor time: unlike the time of day that is about the same
/// on a machine that does nothing else and on one that builds three other things.
///
/// Nobody may have waited for the run yet: what has ended is still there to be waited for, and its number is no other
/// process's.
extension RunningProgram {
  /// Waits until the run has used so much processor time, or has ended, and then `pause` longer: a run that waits for
  /// the disk uses none. Sends `number`; whether it ended before shows in its status.
  func signal(_ number: CInt, at processorTime: Duration, pause: Duration) async {
    let process = process
    // On a thread of its own: the cooperative pool may be full of other tests.
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        while Self.processorTime(of: process) < processorTime && !Self.hasEnded(process) { usleep(200) }
        usleep(useconds_t(pause / .microseconds(1)))
        kill(process, number)
        continuation.resume()
      }
    }
  }

  /// Waits until all threads of a run stand still after a SIGSTOP, or the run has ended.
  func stoodStill() async {
    let process = process
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var facts = siginfo_t()
        while waitid(P_PID, id_t(process), &facts, WEXITED | WSTOPPED | WNOWAIT) != 0 && errno == EINTR {}
        continuation.resume()
      }
    }
  }

  private static func processorTime(of process: pid_t) -> Duration {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else { return .zero }
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  private static func hasEnded(_ process: pid_t) -> Bool {
    var facts = siginfo_t()
    return waitid(P_PID, id_t(process), &facts, WEXITED | WNOHANG | WNOWAIT) != 0 || facts.si_signo != 0
  }
}
