// SPDX-License-Identifier: Apache-2.0

/// Words that hold sentences together and tell nothing of what a picture shows.
///
/// Short and on the careful side: "up", "under" and "no" can be seen, "can" and "die" are things.
enum FunctionWords {
  private static let words: Set<String> = [
    "a", "an", "the", "of", "in", "on", "at", "by", "for", "from", "to", "into", "onto", "with", "and", "or",
    "as",
    "is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "its", "his", "her", "their",
    "my",
    "your", "our", "this", "that", "these", "those", "there", "which", "who", "whose", "while", "some",
  ]
  /// Particles of Chinese and Japanese.
  private static let signs: Set<String> = ["的", "了", "の", "は", "が", "を"]

  /// The runs without such words; all of them where nothing else is there ("The Who").
  static func removed(from runs: [WordSegmenter.Run]) -> [WordSegmenter.Run] {
    let telling = runs.filter { run in
      if case .word(let word) = run { !words.contains(word.lowercased()) } else { true }
    }
    return telling.isEmpty ? runs : telling
  }

  /// The same for the single signs of a run.
  static func removed(from run: [String]) -> [String] {
    let telling = run.filter { !signs.contains($0) }
    return telling.isEmpty ? run : telling
  }
}
