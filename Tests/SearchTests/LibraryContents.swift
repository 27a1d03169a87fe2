// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Images
import SystemPackage
import VectorIndexes

@testable import Search

/// Everything that a library says of its pictures, by path: two libraries of one folder must agree on all of it,
/// whatever happened to them on the way.
struct LibraryContents: Equatable {
  struct Picture: Equatable {
    var hash: [UInt8]
    var size: Int64
    var modified: Int64
    var shape: PictureRecord
    var captions: [String]
    var tags: [String]
    /// By ordinal; a sound library has number 0 and no other.
    var image: [UInt32: [Float]]
    var caption: [UInt32: [Float]]
  }

  /// By path; a path that two items have is an error of ``init(_:)``.
  var pictures: [FilePath: Picture] = [:]
  /// What some queries are answered, in no order: ids decide ties, and calibrations, made at other times, the rest.
  var answers: [String: Set<String>] = [:]

  static let queries = ["red", "green thing", "blue", "tomato"]

  init(_ snapshot: LibrarySnapshot) throws {
    let store = snapshot.catalog
    var known: [KnownFile] = []
    for root in try store.roots() { try store.forEachKnownFile(root: root.id) { known.append($0) } }
    let ids = known.map(\.id)
    let (captions, tags) = (try store.captions(of: ids), try store.tags(of: ids))
    for item in try store.items(ids) {
      let image = snapshot.image.vectors(ofItem: item.id).map { ($0.key.ordinal, $0.vector) }
      let caption = snapshot.caption.vectors(ofItem: item.id).map { ($0.key.ordinal, $0.vector) }
      let picture = Picture(
        hash: item.file.hash, size: item.file.size, modified: item.file.modified, shape: item.picture,
        captions: (captions[item.id] ?? []).map(\.text), tags: tags[item.id] ?? [],
        image: try Self.unique(image, item), caption: try Self.unique(caption, item))
      guard pictures.updateValue(picture, forKey: item.file.path) == nil else {
        throw Twice(what: item.file.path)
      }
    }
    for query in Self.queries {
      let request = SearchRequest(terms: [try Term(.text(query))], limit: 1000, cut: .off)
      let hits = try QueryEngine(library: snapshot).search(request).hits
      answers[query] = Set(hits.map { "\($0.item.file.path)" })
    }
  }

  struct Twice: Error { let what: FilePath }

  private static func unique(_ vectors: [(UInt32, [Float])], _ item: Item) throws -> [UInt32: [Float]] {
    let found = Dictionary(vectors) { first, _ in first }
    guard found.count == vectors.count else { throw Twice(what: item.file.path) }
    return found
  }

  /// What is not as in `other`, in words; empty when all is.
  func differences(from other: LibraryContents) -> [String] {
    var found: [String] = []
    for path in Set(pictures.keys).union(other.pictures.keys) where pictures[path] != other.pictures[path] {
      switch (pictures[path], other.pictures[path]) {
      case (nil, _): found.append("\(path) is missing")
      case (_, nil): found.append("\(path) should not be there")
      case (let mine?, let theirs?): found.append("\(path): \(mine), should be \(theirs)")
      }
    }
    for (query, hits) in answers where hits != other.answers[query] {
      found.append("\"\(query)\": \(hits.symmetricDifference(other.answers[query] ?? []).sorted())")
    }
    return found.sorted()
  }
}

/// What is wrong with a library's files and rows, in words; empty for a library in which nothing is lost, orphaned or
/// left to do.
func faults(of location: LibraryLocation) throws -> [String] {
  let store = try CatalogStore.open(location.catalog, access: .readWrite)
  var faults = try store.verify()
  for space in try store.spaces() {
    if space.state == .building { faults.append("\(space.identity.model) is still being built") }
    for field in VectorField.allCases {
      let pending = try store.pendingCount(space: space.id, field: field)
      if pending > 0 { faults.append("\(pending) items lack their \(field.rawValue) vectors") }
    }
  }
  for record in try store.liveSegments() {
    do {
      let segment = try Segment(location.segment(record.file), size: Int(record.bytes))
      try segment.verify()
      if segment.count != record.count { faults.append("\(record.file) has another count") }
    } catch {
      faults.append("\(error)")
    }
  }
  let named = try store.namedSegmentFiles()
  for name in try Folders.names(in: location.segments) where !named.contains(name) {
    faults.append("segments/\(name) is nobody's")
  }
  let own: Set = [
    "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "segments", "ingest.lock", "merge.lock",
  ]
  for name in try Folders.names(in: location.directory) where !own.contains(name) {
    faults.append("\(name) is nobody's")
  }
  return faults
}

/// What the pictures and captions of a test should be embedded as, to tell a right vector from a wrong one at any time.
struct KnownVectors {
  private let embedder: any Embedder
  private var byHash: [[UInt8]: [Float]] = [:]

  init(_ embedder: any Embedder) { self.embedder = embedder }

  mutating func learn(_ bytes: [UInt8]) throws {
    guard let input = embedder.imageInput else { return }
    let image = try ImageDecoder.decode(bytes, options: input.decodeOptions(.library))
    byHash[ContentHash(of: bytes).bytes] = try embedder.projectImages([embedder.prepare(image)]).embedding(0)
  }

  /// What a snapshot says that is not so: every item has its right vectors or waits for them, and no vector is of
  /// anything else.
  func contradictions(in snapshot: LibrarySnapshot) throws -> [String] {
    let store = snapshot.catalog
    guard let space = snapshot.state.space else { return [] }
    var found: [String] = []
    var known: [KnownFile] = []
    for root in try store.roots() { try store.forEachKnownFile(root: root.id) { known.append($0) } }
    let files = Dictionary(uniqueKeysWithValues: known.map { ($0.id, $0.file) })
    let captions = try store.captions(of: known.map(\.id))
    for field in VectorField.allCases {
      let waiting = Set(try store.pendingItems(space: space.id, field: field, limit: 1_000_000))
      var have: Set<ItemID> = []
      snapshot.vectors(of: field).forEachVector { (key, vector) in
        have.insert(key.item)
        let right: [Float]?
        switch field {
        case .image: right = files[key.item].flatMap { byHash[$0.hash] }
        case .caption:
          let texts = captions[key.item] ?? []
          let text = Int(key.ordinal) < texts.count ? texts[Int(key.ordinal)].text : nil
          right = text.flatMap { try? embedder.projectTexts([$0]).projections.embedding(0) }
        }
        if !(right ?? []).elementsEqual(vector.indices.map { vector[$0] }) {
          found.append("the \(field.rawValue) vector of item \(key.item) is not its own")
        }
      }
      for id in files.keys where !have.contains(id) && !waiting.contains(id) {
        if field == .image || captions[id]?.isEmpty == false {
          found.append("item \(id) has no \(field.rawValue) vector and waits for none")
        }
      }
    }
    return found
  }
}
