// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import Files
import Images
import Synchronization
import SystemPackage

/// Embeds a benchmark's pictures as the reference implementations see them: every pixel decoded, orientation ignored.
struct PictureProjector: Sendable {
  /// Pictures that are decoded side by side and go through the model together.
  static let batch = 32
  /// A piece of the cache: so many pictures are lost to a power cut at most.
  static let pieceSize = 1_024
  /// So many bad pictures are named.
  static let namedFailures = 10

  let embedder: any Embedder
  let cache: ProjectionCache?
  let progress: @Sendable (EvaluationProgress) -> Void

  /// The un-normalised projections of files, `[paths.count, dimension]`; a content that comes twice is embedded once.
  ///
  /// Cancelled, it keeps in the cache what is done.
  ///
  /// - Throws: ``EvaluationError`` that names the files which are missing or cannot be decoded, missing ones before
  ///   anything is embedded; `CancellationError`.
  func project(_ paths: [FilePath]) async throws -> Projections {
    let contents = try await hashes(of: paths)
    let dimension = embedder.dimension
    var places: [ContentHash: [Int]] = [:]
    for (index, content) in contents.enumerated() { places[content, default: []].append(index) }
    var values = [Float](repeating: 0, count: paths.count * dimension)
    func take(_ entry: ProjectionCache.Entry) {
      for place in places.removeValue(forKey: entry.content) ?? [] {
        values.replaceSubrange(place * dimension..<(place + 1) * dimension, with: entry.projection)
      }
    }
    try cache?.forEach(take)
    let missing = contents.indices.filter { places[contents[$0]]?.first == $0 }
    var fresh: [ProjectionCache.Entry] = []
    defer { cache?.store(fresh) }
    for start in stride(from: 0, to: missing.count, by: Self.batch) {
      try Task.checkCancellation()
      progress(.embedding(done: start, total: missing.count))
      let batch = missing[start..<min(start + Self.batch, missing.count)]
      let projections = try await embed(batch.map { paths[$0] })
      for (row, index) in batch.enumerated() {
        let entry = ProjectionCache.Entry(content: contents[index], projection: projections[row])
        take(entry)
        fresh.append(entry)
      }
      if fresh.count >= Self.pieceSize {
        cache?.store(fresh)
        fresh = []
      }
    }
    return Projections(dimension: dimension, values: values)
  }

  /// The hashes of the files' contents; they also tell whether all files are there.
  private func hashes(of paths: [FilePath]) async throws -> [ContentHash] {
    var hashes: [ContentHash] = []
    hashes.reserveCapacity(paths.count)
    var failures: [String] = []
    for start in stride(from: 0, to: paths.count, by: 256) {
      try Task.checkCancellation()
      progress(.reading(done: start, total: paths.count))
      let batch = Array(paths[start..<min(start + 256, paths.count)])
      let found = try await each(batch) { path throws(FileError) in try ContentHash(ofFile: path) }
      for result in found {
        switch result {
        case .success(let hash): hashes.append(hash)
        case .failure(let error): failures.append("\(error)")
        }
      }
    }
    try Self.report(failures, of: paths.count, "cannot be read: complete the folder of pictures (--images)")
    return hashes
  }

  private func embed(_ paths: [FilePath]) async throws -> Projections {
    guard let input = embedder.imageInput else {
      throw EvaluationError("\(embedder.id) sees no pictures: name another model with --model")
    }
    let prepared = try await each(paths) { path throws(EvaluationError) in
      do {
        let bytes = try readFile(path, limit: ImageLimits.standard.maxBytes)
        return try embedder.prepare(try ImageDecoder.decode(bytes, options: input.decodeOptions(.parity)))
      } catch let error as FileError {
        throw EvaluationError("\(error)")
      } catch {
        throw EvaluationError("\(path): \(error)")
      }
    }
    var pictures: [PreparedImage] = []
    var failures: [String] = []
    for result in prepared {
      switch result {
      case .success(let picture): pictures.append(picture)
      case .failure(let error): failures.append(error.message)
      }
    }
    try Self.report(failures, of: paths.count, "cannot be decoded: download them again")
    let ready = pictures
    return try await ComputePool.shared.run { try embedder.projectImages(ready) }
  }

  /// Does something with each path, on all compute threads.
  private func each<Value: Sendable, Failure: Error>(
    _ paths: [FilePath], _ body: @escaping @Sendable (FilePath) throws(Failure) -> Value
  ) async throws -> [Result<Value, Failure>] {
    try await ComputePool.shared.run {
      let results = Mutex([Result<Value, Failure>?](repeating: nil, count: paths.count))
      ComputePool.shared.forEach(paths.count) { index in
        let result: Result<Value, Failure>
        do throws(Failure) {
          result = .success(try body(paths[index]))
        } catch {
          result = .failure(error)
        }
        results.withLock { $0[index] = result }
      }
      return results.withLock { $0.compactMap(\.self) }
    }
  }

  private static func report(_ failures: [String], of count: Int, _ remedy: String) throws {
    guard !failures.isEmpty else { return }
    let named = failures.prefix(namedFailures).joined(separator: "\n  ")
    let more = failures.count > namedFailures ? "\n  and \(failures.count - namedFailures) more" : ""
    throw EvaluationError("\(failures.count) of \(count) pictures \(remedy)\n  \(named)\(more)")
  }
}
