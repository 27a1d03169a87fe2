// SPDX-License-Identifier: Apache-2.0
package import SystemPackage

/// A benchmark, read: pictures to search among, queries, and which pictures answer them.
package struct Benchmark: Sendable {
  /// A picture, by the name that its annotations give it.
  package struct Picture: Sendable {
    package let name: String
    package let path: FilePath
  }

  /// A reference picture, a text, or both.
  package struct Query: Sendable {
    /// As submissions name it.
    package var id: String
    /// Its place among the pictures.
    package var reference: Int?
    package var text: String?
    /// The places of all pictures that answer it; empty where only a server knows.
    package var relevant: Set<Int> = []
    /// The one that recall counts, where the benchmark names one; nil: any relevant one counts.
    package var target: Int?
    /// Whether the reference is taken out of the ranking.
    package var removesReference = false
    /// The few pictures that are also ranked among themselves; empty where there is no such thing.
    package var subset: [Int] = []
  }

  /// Queries that search the same pictures.
  package struct Part: Sendable {
    /// FashionIQ's category; empty for benchmarks of one part.
    package let name: String
    /// The gallery, then references outside of it. The order decides between equal scores.
    package let pictures: [Picture]
    /// How many of the pictures are the gallery.
    package let galleryCount: Int
    package let queries: [Query]
  }

  /// Which server takes its answers.
  package enum Server: Sendable {
    case cirr, circo
  }

  /// `CIRR val`.
  package let name: String
  /// How the queries' texts were made of the annotations.
  package let prompt: PromptForm
  package let parts: [Part]
  /// Recall is reported at these.
  package var recallDepths = [1, 5, 10, 50]
  /// Recall among ``Query/subset`` is reported at these.
  package var subsetDepths: [Int] = []
  package var server: Server?

  /// Whether the annotations hold answers.
  package var hasAnswers: Bool {
    parts.contains { $0.queries.contains { !$0.relevant.isEmpty } }
  }
}

/// How a query's text is made of a benchmark's annotations.
package enum PromptForm: String, Sendable, CaseIterable {
  /// The caption as it stands.
  case plain
  /// As for BGE-VL's published numbers.
  case bgeVL = "bge-vl"
}

/// Pictures in order, each name once.
struct PictureList {
  private(set) var pictures: [Benchmark.Picture] = []
  private var places: [String: Int] = [:]

  /// Where the picture of a name is.
  func place(of name: String) -> Int? { places[name] }

  /// Adds a picture, unless its name is there already, and returns its place.
  @discardableResult
  mutating func add(_ name: String, _ path: @autoclosure () throws -> FilePath) rethrows -> Int {
    if let place = places[name] { return place }
    pictures.append(Benchmark.Picture(name: name, path: try path()))
    places[name] = pictures.count - 1
    return pictures.count - 1
  }
}

extension String {
  /// Without blanks and the given punctuation at both ends.
  func trimmed(_ punctuation: String = "") -> String {
    let isEdge = { (character: Character) in character.isWhitespace || punctuation.contains(character) }
    let start = drop(while: isEdge)
    return String(start.reversed().drop(while: isEdge).reversed())
  }
}
