// SPDX-License-Identifier: Apache-2.0
import Captions
import Catalog
import Compute
import Embedders
import Files
import Synchronization
import SystemPackage

/// Reads, embeds and commits candidates, batch after batch, with the three overlapping.
///
/// While one batch is embedded the next one is read and the one before is committed: at most three batches are in
/// memory, and of a picture only what the model looks at. A batch is sized to take about a second, so that Ctrl-C is
/// answered soon and a lost process costs little.
struct IngestPipeline {
  /// A candidate and what came of it.
  struct Result: Sendable {
    let candidate: IngestPlan.Candidate
    let outcome: PictureReader.Outcome
    var captions: RootCaptions.Gathered?
    /// The picture's unit vector `[d]`.
    var vector: [Float] = []
    /// The length that its projection had.
    var length: Float = 0
  }

  static let smallestBatch = 8
  static let largestBatch = 256

  let ingestor: Ingestor
  let root: Root
  let folder: FilePath
  let captions: RootCaptions
  let moves: MovesInProgress

  func run(_ candidates: [IngestPlan.Candidate]) async throws {
    var remaining = candidates[...]
    var size = Self.smallestBatch
    var done = 0
    var commit: Task<Void, any Error>?
    var reading = read(remaining.prefix(size))
    remaining = remaining.dropFirst(size)
    ingestor.report(.embedding(done: 0, total: candidates.count))
    while let batch = reading {
      let started = ContinuousClock.now
      do {
        let results = try await batch.value
        reading = ingestor.isInterrupted ? nil : read(remaining.prefix(size))
        remaining = remaining.dropFirst(size)
        let embedded = try await ComputePool.shared.run { try embed(results) }
        try await commit?.value
        commit = Task {
          try await ComputePool.shared.run {
            try ingestor.timing(\.save) {
              try write(embedded)
            } pictures: {
              embedded.count { !$0.vector.isEmpty }
            }
          }
        }
        done += results.count
      } catch {
        // The batch before this one is good: let it be saved before the run ends. Nor may the one being read outlive
        // the run: it holds on to the lock.
        reading?.cancel()
        _ = await reading?.result
        _ = await commit?.result
        throw error
      }
      ingestor.report(.embedding(done: done, total: candidates.count))
      size = Self.nextSize(after: size, took: ContinuousClock.now - started)
    }
    try await commit?.value
  }

  /// Twice or half as many next time, when a batch was much quicker or slower than a second.
  static func nextSize(after size: Int, took time: Duration) -> Int {
    if time < .milliseconds(500) { return min(size * 2, largestBatch) }
    if time > .seconds(2) { return max(size / 2, smallestBatch) }
    return size
  }

  /// Starts to read a batch; nil when there is none.
  private func read(_ candidates: ArraySlice<IngestPlan.Candidate>) -> Task<[Result], any Error>? {
    guard !candidates.isEmpty else { return nil }
    let batch = Array(candidates)
    let reader = PictureReader(
      root: root, folder: folder, embedder: ingestor.embedder, input: ingestor.input,
      rereadsAll: ingestor.options.rebuilds)
    return Task {
      try await ComputePool.shared.run {
        let results = Mutex([Swift.Result<Result, any Error>?](repeating: nil, count: batch.count))
        ComputePool.shared.forEach(batch.count) { index in
          let candidate = batch[index]
          let outcome = ingestor.timing(\.read) {
            reader.read(candidate, moves: moves)
          } pictures: {
            $0.isPicture ? 1 : 0
          }
          let result = Swift.Result {
            Result(candidate: candidate, outcome: outcome, captions: try gather(for: candidate, outcome))
          }
          results.withLock { $0[index] = result }
        }
        return try results.withLock { try $0.compactMap { try $0?.get() } }
      }
    }
  }

  private func gather(
    for candidate: IngestPlan.Candidate, _ outcome: PictureReader.Outcome
  ) throws -> RootCaptions.Gathered? {
    switch outcome {
    case .picture(let picture):
      let before = try candidate.known.map { try captionsBefore(of: $0.id) } ?? []
      return captions.gather(for: candidate.path, own: picture.embedded.asCaptions, before: before)
    case .moved(let item, _):
      return captions.gather(for: candidate.path, before: try captionsBefore(of: item.id))
    default:
      return nil
    }
  }

  /// The captions that an item has so far.
  private func captionsBefore(of item: ItemID) throws -> [Caption] {
    try ingestor.store.captions(of: [item])[item] ?? []
  }

  /// Gives every picture of a batch its vector.
  private func embed(_ results: [Result]) throws -> [Result] {
    var results = results
    var places: [Int] = []
    var images: [PreparedImage] = []
    for (index, result) in results.enumerated() {
      guard case .picture(let picture) = result.outcome else { continue }
      places.append(index)
      images.append(picture.prepared)
    }
    guard !images.isEmpty else { return results }
    let projections = try ingestor.timing(\.embed) {
      try ingestor.embedder.projectImages(images)
    } pictures: {
      $0.count
    }
    for (row, place) in places.enumerated() {
      results[place].vector = projections.embedding(row)
      results[place].length = projections[row].length
    }
    return results
  }

  /// Commits a batch, then makes segments of what has gathered in the catalog.
  private func write(_ results: [Result]) throws {
    var summary = IngestSummary()
    var skipped: [SkippedFile] = []
    try Library.storing(ingestor.location) {
      try ingestor.store.write { transaction in
        for result in results { try write(result, in: transaction, &summary, &skipped) }
        let lengths = results.filter { !$0.vector.isEmpty }.map(\.length)
        try ProjectionLengths(lengths).add(to: ingestor.space.id, in: transaction)
      }
    }
    for result in results { skipped += result.captions?.problems ?? [] }
    ingestor.count { $0.add(summary) }
    ingestor.note(skipped)
    try ingestor.maintenance.flush(keepingFewerThan: ingestor.options.freshLimit)
  }

  private func write(
    _ result: Result, in transaction: CatalogTransaction, _ summary: inout IngestSummary,
    _ skipped: inout [SkippedFile]
  ) throws {
    let candidate = result.candidate
    switch result.outcome {
    case .picture(let read):
      let item: ItemID
      if let known = candidate.known {
        item = known.id
        try transaction.updateItem(item, read.file, read.picture)
        try transaction.invalidateVectors(of: item, field: .image)
        if ingestor.options.rebuilds { try transaction.invalidateVectors(of: item, field: .caption) }
      } else {
        item = try transaction.insertItem(read.file, read.picture)
      }
      try ingestor.add(result.vector, of: [FreshVectorKey(item: item)], .image, in: transaction)
      try transaction.replaceTags(of: item, with: read.embedded.tags)
      try result.captions?.write(to: item, in: transaction)
      summary.indexed += 1
    case .touched(let file):
      guard let known = candidate.known else { return }
      try transaction.moveItem(known.id, to: file)
      summary.unchanged += 1
    case .moved(let item, let file):
      try transaction.moveItem(item.id, to: file)
      try result.captions?.write(to: item.id, in: transaction)
      summary.moved += 1
    case .unsupported(let format):
      summary.unsupported[format, default: 0] += 1
    case .skipped(let kind, let message):
      summary.skipped += 1
      skipped.append(SkippedFile(path: folder.pushing(candidate.path).string, kind: kind, reason: message))
    case .vanished:
      break
    }
  }
}

extension IngestSummary {
  /// Adds the counts of a batch.
  mutating func add(_ batch: IngestSummary) {
    indexed += batch.indexed
    unchanged += batch.unchanged
    moved += batch.moved
    skipped += batch.skipped
    unsupported.merge(batch.unsupported, uniquingKeysWith: +)
  }
}
