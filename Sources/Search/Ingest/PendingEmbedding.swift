// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Embedders
import Files
import Images
import Synchronization
import SystemPackage

extension Ingestor {
  /// A caption that more than this many items, and more than 1 % of all, have in common says nothing about any of them.
  static let sharedCaptionLimit = 20

  /// Embeds what the catalog lists as pending in this space: captions, and all pictures when the model is new.
  func embedPending() async throws {
    try await embedPendingPictures()
    try await embedPendingCaptions()
  }

  private func embedPendingPictures() async throws {
    let total = try store.pendingCount(space: space.id, field: .image)
    var (after, done, size) = (ItemID(0), 0, IngestPipeline.smallestBatch)
    while !isInterrupted {
      let ids = try store.pendingItems(space: space.id, field: .image, after: after, limit: size)
      guard let last = ids.last else { return }
      let started = ContinuousClock.now
      try await ComputePool.shared.run { try self.embedPictures(ids) }
      (after, done) = (last, done + ids.count)
      report(.embedding(done: done, total: total))
      size = IngestPipeline.nextSize(after: size, took: ContinuousClock.now - started)
    }
  }

  /// Embeds pictures that are in the catalog already. One that cannot be decoded any more is reported and given up; one
  /// out of reach (its disk not mounted, say) is reported and stays pending.
  private func embedPictures(_ ids: [ItemID]) throws {
    let items = try store.items(ids)
    let roots = Dictionary(
      uniqueKeysWithValues: try store.roots().map { ($0.id, location.resolve(root: $0.path)) })
    let frames = Mutex([Int: Swift.Result<PreparedImage, any Error>]())
    ComputePool.shared.forEach(items.count) { index in
      let path = (roots[items[index].file.root] ?? "").pushing(items[index].file.path)
      let frame = Swift.Result {
        try self.timing(\.read) {
          let bytes = try readFile(path, limit: PictureReader.largestFile, followsLinks: false)
          return try self.embedder.prepare(
            ImageDecoder.decode(bytes, options: self.input.decodeOptions(.library)))
        }
      }
      frames.withLock { $0[index] = frame }
    }
    var (keys, images) = ([FreshVectorKey](), [PreparedImage]())
    var (lost, skipped) = ([ItemID](), [SkippedFile]())
    for (index, item) in items.enumerated() {
      do {
        guard let frame = frames.withLock({ $0[index] }) else { continue }
        images.append(try frame.get())
        keys.append(FreshVectorKey(item: item.id))
      } catch {
        let path = (roots[item.file.root] ?? "").pushing(item.file.path)
        let reason = (error as? FileError)?.message ?? "\(error)"
        skipped.append(SkippedFile(path: path.string, kind: "unreadable", reason: reason))
        if !(error is FileError) { lost.append(item.id) }
      }
    }
    let projections = try timing(\.embed) {
      try embedder.projectImages(images)
    } pictures: {
      $0.count
    }
    try timing(\.save) {
      try save(projections, keys, lost)
      try flush()
    } pictures: {
      images.count
    }
    count {
      $0.indexed += keys.count
      $0.skipped += skipped.count
    }
    note(skipped)
  }

  private func save(_ projections: Projections, _ keys: [FreshVectorKey], _ lost: [ItemID]) throws {
    try store.write { transaction in
      try add(projections.embeddings, of: keys, .image, in: transaction)
      let lengths = (0..<projections.count).map { projections[$0].length }
      try ProjectionLengths(lengths).add(to: space.id, in: transaction)
      for item in lost { try transaction.clearPending(space: space.id, field: .image, item: item) }
    }
  }

  private func embedPendingCaptions() async throws {
    guard embedder.embedsTexts else { return }
    let limit = max(Self.sharedCaptionLimit, try store.itemCount() / 100)
    let total = try store.pendingCount(space: space.id, field: .caption)
    var (after, done, shared) = (ItemID(0), 0, SharedCaptions())
    while !isInterrupted {
      let ids = try store.pendingItems(space: space.id, field: .caption, after: after, limit: 256)
      guard let last = ids.last else { return }
      shared = try await ComputePool.shared.run { [shared] in
        try self.embedCaptions(of: ids, sharedLimit: limit, shared)
      }
      (after, done) = (last, done + ids.count)
      report(.captioning(done: done, total: total))
    }
  }

  /// Vectors of captions that more than one picture has, for the next batches.
  private struct SharedCaptions: Sendable {
    private(set) var vectors: [[UInt8]: [Float]] = [:]
    /// Some 30 MB of vectors: then it begins anew.
    private static let limit = 8192

    mutating func keep(_ vector: [Float], for text: [UInt8]) {
      if vectors.count == Self.limit { vectors.removeAll() }
      vectors[text] = vector
    }
  }

  /// Embeds the captions of some items, equal ones once, and those that earlier batches had not at all.
  private func embedCaptions(
    of ids: [ItemID], sharedLimit: Int, _ earlier: SharedCaptions
  ) throws -> SharedCaptions {
    let captions = try store.captions(of: ids)
    var shared = earlier
    let rows = try rows(of: ids.flatMap { captions[$0] ?? [] }, sharedLimit: sharedLimit, &shared)
    var (keys, vectors, empty) = ([FreshVectorKey](), [Float](), [ItemID]())
    for id in ids {
      let before = keys.count
      for (ordinal, caption) in (captions[id] ?? []).enumerated() where !caption.isBoilerplate {
        guard let row = rows[Array(caption.text.utf8)] else { continue }
        keys.append(FreshVectorKey(item: id, ordinal: UInt32(ordinal)))
        vectors += row
      }
      if keys.count == before { empty.append(id) }
    }
    try store.write { transaction in
      try add(vectors, of: keys, .caption, in: transaction)
      for id in empty { try transaction.clearPending(space: space.id, field: .caption, item: id) }
    }
    try flush()
    return shared
  }

  /// The vectors of captions, by their bytes. One that very many pictures share says nothing about any of them, and has
  /// none.
  private func rows(
    of captions: [Caption], sharedLimit: Int, _ shared: inout SharedCaptions
  ) throws -> [[UInt8]: [Float]] {
    var distinct: [(key: [UInt8], text: String)] = []
    var seen: Set<[UInt8]> = []
    for caption in captions where !caption.isBoilerplate {
      let key = Array(caption.text.utf8)
      if seen.insert(key).inserted { distinct.append((key, caption.text)) }
    }
    var rows: [[UInt8]: [Float]] = [:]
    var wanted: [(key: [UInt8], text: String, isShared: Bool)] = []
    for (caption, count) in zip(distinct, try store.itemCounts(ofCaptions: distinct.map(\.text)))
    where count <= sharedLimit {
      if let row = shared.vectors[caption.key] {
        rows[caption.key] = row
      } else {
        wanted.append((caption.key, caption.text, count > 1))
      }
    }
    let embedded = try embedder.projectTexts(wanted.map(\.text), inBulk: true).projections
    for (place, caption) in wanted.enumerated() {
      let row = embedded.embedding(place)
      rows[caption.key] = row
      if caption.isShared { shared.keep(row, for: caption.key) }
    }
    return rows
  }

  private func flush() throws {
    try maintenance.flush(keepingFewerThan: options.freshLimit)
  }
}
