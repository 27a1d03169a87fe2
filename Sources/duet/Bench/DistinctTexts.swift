// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Texts of which no two are equal, so that no answer is remembered from an earlier one: pairs of a model's background texts,
/// then numbered.
final class DistinctTexts: Sendable {
  private let texts: [String]
  private let count = Atomic<Int>(0)

  init(_ texts: [String]) { self.texts = texts.isEmpty ? ["a picture"] : texts }

  /// One that was not given before, from any thread.
  func next() -> String {
    let number = count.add(1, ordering: .relaxed).oldValue
    let (first, second) = (texts[number % texts.count], texts[number / texts.count % texts.count])
    let round = number / (texts.count * texts.count)
    return "\(first) \(second)" + (round > 0 ? " \(round)" : "")
  }
}
