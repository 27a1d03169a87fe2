// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Files
import Images
import SystemPackage
import VectorIndexes

/// A query's terms as vectors of the library's space.
struct TermVectors {
  /// One term, read.
  struct Entry {
    let term: Term
    /// Un-normalised where its source gives that; nil without the model.
    var vector: [Float]?
    var droppedTokens = 0
  }

  /// In the order of the request.
  private(set) var entries: [Entry]
  /// What could not be done, in words.
  private(set) var notes: [String] = []

  /// Embeds texts in one batch and pictures one by one, and looks items up.
  ///
  /// - Throws: ``SearchError`` for a file that cannot be read, an item that does not exist, a vector of another
  ///   dimension, and a picture without a model. Texts without a model are left as words, with a note.
  init(_ terms: [Term], library: LibrarySnapshot) throws {
    entries = terms.map { Entry(term: $0) }
    try embedTexts(library)
    for index in entries.indices {
      switch entries[index].term.content {
      case .text: break
      case .imageFile, .imageBytes:
        entries[index].vector = try TermVectors.project(entries[index].term, library)
      case .item(let id):
        guard let vector = library.image.vectors(ofItem: id).first?.vector else {
          throw SearchError(.invalidRequest, "\(entries[index].term.label): the library has no such item")
        }
        entries[index].vector = vector
      case .vector(let vector):
        guard vector.count == library.image.dimension else {
          throw SearchError(
            .invalidRequest,
            "\(entries[index].term.label): the library's vectors have \(library.image.dimension) values")
        }
        entries[index].vector = vector
      }
    }
    lengthenItems(library)
    noteIdleWeight()
  }

  /// "16:9" alone is more likely a ratio than a "9" that counts sixteen times.
  private mutating func noteIdleWeight() {
    let composed = entries.map(\.term).filter { $0.role != .exclude }
    guard let term = composed.first, composed.count == 1, term.weight != term.role.defaultWeight else {
      return
    }
    notes.append(
      "\(term.label): the number before the colon is read as a weight, which changes nothing for the only term; "
        + "write \\: for a plain colon")
  }

  /// The wanted and avoided terms that have vectors, composed; nil when there is none.
  func composition(rule: ComposeRule) throws -> (sum: Composition, terms: [Term])? {
    let composed = entries.filter { $0.term.role != .exclude && $0.vector != nil }
    guard composed.contains(where: { $0.term.role == .want }) else { return nil }
    let parts = composed.map {
      Composition.Part(vector: $0.vector ?? [], weight: $0.term.signedWeight, label: $0.term.label)
    }
    return (try Composition(parts, rule: rule), composed.map(\.term))
  }

  private mutating func embedTexts(_ library: LibrarySnapshot) throws {
    let places = entries.indices.filter { entries[$0].term.text != nil }
    guard !places.isEmpty else { return }
    guard let embedder = library.embedder, embedder.embedsTexts else {
      let reason = library.missingModel ?? "the model reads no texts"
      notes.append("texts are looked up as words only: \(reason)")
      return
    }
    let projected = try embedder.projectTexts(places.compactMap { entries[$0].term.text })
    for (row, place) in places.enumerated() {
      entries[place].vector = projected.projections[row]
      entries[place].droppedTokens = projected.droppedTokens[row]
      if projected.droppedTokens[row] > 0 {
        notes.append(
          "\(entries[place].term.label): the model did not read the last \(projected.droppedTokens[row]) tokens"
        )
      }
    }
  }

  private static func project(_ term: Term, _ library: LibrarySnapshot) throws -> [Float] {
    let bytes: [UInt8]
    switch term.content {
    case .imageFile(let path):
      do {
        bytes = try readFile(path, limit: ImageLimits.standard.maxBytes)
      } catch {
        throw SearchError(.unreadableInput, term.label, cause: error)
      }
    case .imageBytes(let given): bytes = given
    case .text, .item, .vector: bytes = []
    }
    return try library.projection(ofPicture: bytes, label: term.label)
  }

  /// Gives stored unit vectors the length that their projections had, as far as it is known: the library's typical
  /// one, else the mean length of the query's other terms, so that an item counts as its neighbours do.
  private mutating func lengthenItems(_ library: LibrarySnapshot) {
    let isStored = { (entry: Entry) in
      if case .item = entry.term.content { true } else { false }
    }
    let others = entries.filter { !isStored($0) && $0.term.role != .exclude }.compactMap { $0.vector?.length }
    guard !others.isEmpty else { return }
    let norm = library.imageNorm ?? others.reduce(0, +) / Float(others.count)
    for index in entries.indices where isStored(entries[index]) {
      entries[index].vector = entries[index].vector?.map { $0 * norm }
    }
  }
}

extension LibrarySnapshot {
  /// Projects a picture as the library sees its own: upright, decoded no larger than needed.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - label: how errors name it.
  /// - Returns: `[dimension]`, un-normalised.
  /// - Throws: ``SearchError``: `unreadableInput` for a file that is no picture, `modelMismatch` without the model.
  package func projection(ofPicture bytes: [UInt8], label: String) throws -> [Float] {
    guard let embedder, let input = embedder.imageInput else {
      throw SearchError(
        .modelMismatch, "\(label): \(missingModel ?? "the library's model sees no pictures")")
    }
    let image: Image
    do {
      image = try ImageDecoder.decode(bytes, options: input.decodeOptions(.library))
    } catch {
      throw SearchError(.unreadableInput, label, cause: error)
    }
    return try embedder.projectImages([image])[0]
  }
}
