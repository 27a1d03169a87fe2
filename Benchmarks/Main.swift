// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

/// The measurements behind `Benchmarks/RESULTS.md`.
@main
struct DuetBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "duet-bench",
    abstract: "Measures Duet against what this machine can do, and against its peers.",
    discussion: "Ratios are of runs that took turns in one process. Build with -c release.",
    subcommands: [
      ScanBenchmark.self, BatchBenchmark.self, CodesBenchmark.self, ANNBenchmark.self,
      FilterBenchmark.self, StorageBenchmark.self, MergeBenchmark.self, OpenBenchmark.self,
      OracleBenchmark.self, EmbedBenchmark.self, PrecisionBenchmark.self,
    ])
}

/// What the benchmarks of our own code share.
struct MachineOptions: ParsableArguments {
  @Option(help: "Compute threads; all CPUs unless told.")
  var threads: Int?

  @Option(help: "Seconds for each pair of things that is measured.")
  var seconds = 6.0

  @Flag(
    help: "With one thread: count the time it computes, not the clock's, on a machine that others use too.")
  var processorTime = false

  /// What is counted.
  var clock: MeasuringClock { processorTime ? .processor : .wall }

  func validate() throws {
    guard threads ?? 1 > 0, seconds > 0 else { throw ValidationError("threads and seconds are above zero") }
    guard !processorTime || threads == 1 else {
      throw ValidationError("--processor-time is for --threads 1: of several threads, some wait")
    }
  }

  /// Decides on the number of threads, before the pool of threads exists, and prints the machine.
  func begin() {
    if let threads { setenv("DUET_THREADS", String(threads), 1) }
    print(Machine.description + (processorTime ? " · processor time" : ""))
    print()
  }
}
