// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How long the stages took that a picture goes through in one run, to see which of them holds the others up.
///
/// Stages overlap, and share the threads: their times add up to more than the run's.
package struct IngestStages: Sendable, Equatable {
  /// One stage.
  package struct Stage: Sendable, Equatable {
    /// How many pictures have gone through it.
    package var pictures = 0
    /// How long that took.
    package var time = Duration.zero

    /// Pictures a second; nil before there was one.
    package var rate: Double? { pictures > 0 && time > .zero ? Double(pictures) / time.seconds : nil }
  }

  /// Reading, decoding, and bringing to the model's size: the time of one thread, though several do it.
  package var read = Stage()
  /// The model, on whatever threads were free.
  package var embed = Stage()
  /// The catalog, and segments of vectors.
  package var save = Stage()
}

extension Ingestor {
  /// Counts `body` as the time that some pictures took in a stage. Where none came out of it, neither counts its time.
  func timing<Result>(
    _ stage: WritableKeyPath<IngestStages, IngestStages.Stage>, _ body: () throws -> Result,
    pictures: (Result) -> Int = { _ in 1 }
  ) rethrows -> Result {
    let start = ContinuousClock.now
    let result = try body()
    let time = ContinuousClock.now - start
    let count = pictures(result)
    guard count > 0 else { return result }
    state.withLock {
      $0.stages[keyPath: stage].pictures += count
      $0.stages[keyPath: stage].time += time
    }
    return result
  }
}
