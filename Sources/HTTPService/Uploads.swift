// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Pictures that callers left here to search by: in memory, for ten minutes, the oldest giving way to new ones.
final class Uploads: Sendable {
  /// Bytes of all pictures together.
  static let budget = 256 << 20
  /// How long a picture is kept after it was last used.
  static let lifetime = Duration.seconds(600)

  private struct Upload {
    let bytes: [UInt8]
    var lastUsed: ContinuousClock.Instant
    /// What a library's model made of it, by the weights and the preprocessing.
    var projections: [String: [Float]] = [:]
  }

  private let uploads = Mutex<[String: Upload]>([:])

  /// Keeps a picture; returns its handle.
  func add(_ bytes: [UInt8], now: ContinuousClock.Instant = .now) -> String {
    let handle = Secret.random()
    uploads.withLock { uploads in
      uploads = uploads.filter { now - $0.value.lastUsed < Uploads.lifetime }
      var total = uploads.values.reduce(0) { $0 + $1.bytes.count } + bytes.count
      for (handle, upload) in uploads.sorted(by: { $0.value.lastUsed < $1.value.lastUsed }) {
        guard total > Uploads.budget else { break }
        uploads[handle] = nil
        total -= upload.bytes.count
      }
      uploads[handle] = Upload(bytes: bytes, lastUsed: now)
    }
    return handle
  }

  /// The picture behind a handle; nil when there is none any more.
  func bytes(of handle: String, now: ContinuousClock.Instant = .now) -> [UInt8]? {
    use(handle, now)?.bytes
  }

  /// What a model made of it, as far as that is known.
  func projection(
    of handle: String, by model: String, now: ContinuousClock.Instant = .now
  ) -> [Float]? {
    use(handle, now)?.projections[model]
  }

  /// Remembers what a model made of a picture: a slider that is moved asks again and again.
  func keep(_ projection: [Float], of handle: String, by model: String) {
    uploads.withLock { $0[handle]?.projections[model] = projection }
  }

  private func use(_ handle: String, _ now: ContinuousClock.Instant) -> Upload? {
    uploads.withLock { uploads in
      guard let upload = uploads[handle], now - upload.lastUsed < Uploads.lifetime else {
        uploads[handle] = nil
        return nil
      }
      uploads[handle]?.lastUsed = now
      return upload
    }
  }
}
