// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Files
import HTTPTypes
import Images
import SystemPackage
import TestSupport
import Testing

@testable import Embedders
@testable import HTTPService
@testable import Search

/// A model that nobody can find by its name.
private struct HomelessModel: Embedder {
  let id = "homeless"
  let dimension = 2
  let composeRule = ComposeRule.rawSum
  let imageInput: ImageInput? = ImageInput(width: 8, height: 8)
  let embedsTexts = true
  let backgroundTexts: [String] = []

  func identity(view: ImageView) -> ModelIdentity {
    ModelIdentity(id: id, weightsHash: id, dimension: 2, preprocessing: "8x8", composeRule: composeRule)
  }
  func warmUp(texts: Bool, images: Bool) {}
  func prepare(_ image: Image) throws(EmbedderError) -> PreparedImage {
    PreparedImage(image: image.resized(width: 8, height: 8))
  }
  func projectImages(_ images: [PreparedImage]) -> Projections {
    Projections(dimension: 2, values: images.flatMap { [Float($0.image.pixels[0]) / 255, 1] })
  }
  func projectTexts(_ texts: [String], inBulk: Bool) throws(EmbedderError) -> TextProjections {
    TextProjections(
      projections: Projections(dimension: 2, values: texts.flatMap { _ in [Float(1), 1] }),
      droppedTokens: texts.map { _ in 0 })
  }
}

@Suite("A library as the daemon serves it")
struct ServedLibraryTests {
  private func index(_ daemon: TestDaemon, with model: any Embedder) async throws {
    var options = IngestOptions()
    options.folders = [FilePath(daemon.folder.path("pictures"))]
    options.rebuilds = true
    let ingestor = try Ingestor(location: daemon.library.location, embedder: model, options: options)
    _ = try await ingestor.run()
    try ingestor.close()
  }

  @Test("A new state is seen by the next query, and nothing is opened when there is none")
  func newState() async throws {
    let daemon = try await TestDaemon()
    let first = try await daemon.onSnapshot { $0 }
    let again = try await daemon.onSnapshot { $0 }
    #expect(first === again)
    try await daemon.add("new.png", TinyPNG.encode(9, 9, 9))
    let second = try await daemon.onSnapshot { $0 }
    #expect(second.state.generation > first.state.generation && second.state.itemCount == 13)
    let library = daemon.library
    let kept = try await ComputePool.shared.run { try library.snapshot(of: first.state.generation) }
    #expect(kept === first)
    #expect(try await ComputePool.shared.run { try library.snapshot(of: second.state.generation) } === second)
    #expect(try await ComputePool.shared.run { try library.snapshot(of: second.state.generation + 1) } == nil)
  }

  @Test("Older states go when their time is over, though no newer one comes")
  func expiry() async throws {
    let daemon = try await TestDaemon()
    let library = daemon.library
    let old = try await daemon.onSnapshot { $0.state.generation }
    try await daemon.add("new.png", TinyPNG.encode(9, 9, 9))
    try await ComputePool.shared.run {
      let changed = ContinuousClock.now
      _ = try library.snapshot(now: changed)
      _ = try library.snapshot(now: changed + ServedLibrary.keptFor)
      #expect(library.keptCount == 1)
      _ = try library.snapshot(now: changed + ServedLibrary.keptFor + .seconds(1))
      #expect(library.keptCount == 0)
      #expect(try library.snapshot(of: old) == nil)
    }
  }

  @Test(
    "Any number of queries while states change: each sees a whole state, none older than the one before it")
  func whileChanging() async throws {
    let daemon = try await TestDaemon()
    let library = daemon.library
    let start = try await daemon.onSnapshot { $0.state.generation }
    let isDone = Mutexed(false)
    let seen = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<3 {
        group.addTask {
          var (last, states) = (start, 0)
          while !isDone.value {
            let (generation, items) = try await ComputePool.shared.run {
              let snapshot = try library.snapshot()
              return (snapshot.state.generation, snapshot.state.itemCount)
            }
            #expect(generation >= last && items >= 12)
            if generation != last { states += 1 }
            last = generation
          }
          return states
        }
      }
      for number in 0..<3 { try await daemon.add("new/\(number).png", TinyPNG.encode(UInt8(number), 7, 7)) }
      isDone.change { $0 = true }
      return try await group.reduce(0) { $0 + $1 }
    }
    #expect(seen > 0)
    #expect(try await daemon.onSnapshot { $0.state.itemCount } == 15)
  }

  @Test(
    "Another model that takes the library over is opened; one that is missing leaves words; one that comes is found"
  )
  func models() async throws {
    let daemon = try await TestDaemon()
    #expect(try await daemon.search(["terms": [["text": "sea"]]]).status == 200)
    try await index(daemon, with: HomelessModel())
    let words = try await daemon.search(["terms": [["text": "lighthouse"]]])
    #expect(words.status == 200 && words.text.contains("homeless"), "\(words.text)")
    let picture = try await daemon.search(["terms": [["image": "iVBORw0KGgo="]]])
    #expect(picture.status == 422)
    #expect(try await daemon.get("/v1/stats").text.contains("\"model\":\"homeless\""))
    #expect(try await daemon.send(["input": "a"], to: "/v1/embeddings").status == 422)
    try await index(daemon, with: try ModelRegistry.open(.builtin))
    let whole = try await daemon.search(["terms": [["text": "sea"]], "cut": "off"])
    #expect(whole.status == 200 && !whole.text.contains("homeless"), "\(whole.text)")
    #expect(try await daemon.send(["input": "a"], to: "/v1/embeddings").status == 200)
  }

  @Test("A library that is not there, or is damaged, is an error that says so")
  func noLibrary() async throws {
    let folder = try TemporaryDirectory()
    let location = LibraryLocation(directory: FilePath(folder.path))
    #expect(throws: SearchError.self) { try ServedLibrary(name: "a", location: location) }
    try folder.write("no catalog", to: "catalog.sqlite")
    #expect(throws: SearchError.self) { try ServedLibrary(name: "a", location: location) }
  }

  @Test("Libraries are found by name, the first one without")
  func names() async throws {
    let daemon = try await TestDaemon.shared.value
    let other = try ServedLibrary(name: "other", location: daemon.library.location)
    let libraries = ServedLibraries(all: [daemon.library, other])
    #expect(try libraries.named(nil) === daemon.library && libraries.named("other") === other)
    let error = #expect(throws: Problem.self) { try libraries.named("none") }
    #expect(error?.status == .notFound && error?.detail.contains("pictures, other") == true)
  }
}
