// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Pictures that callers left here to search by: in memory, for ten minutes, those used the longest ago giving way to new
/// ones.
final class Uploads: Sendable {
  /// Bytes of all pictures together, with what models made of them.
  static let budget = 256 << 20
  /// Pictures, however small.
  static let limit = 4_096
  /// How long a picture is kept after it was last used.
  static let lifetime = Duration.seconds(600)

  private struct Upload {
    let bytes: [UInt8]
    var lastUsed: ContinuousClock.Instant
    /// What a library's model made of it, by the weights and the preprocessing.
    var projections: [String: [Float]] = [:]

    var memory: Int {
      projections.reduce(bytes.count) { $0 + $1.key.utf8.count + $1.value.count * MemoryLayout<Float>.size }
    }
  }

  private let uploads = Mutex<[String: Upload]>([:])

  /// Keeps a picture; returns its handle.
  func add(_ bytes: [UInt8], now: ContinuousClock.Instant = .now) -> String {
    let handle = Secret.random()
    uploads.withLock { uploads in
      uploads = uploads.filter { now - $0.value.lastUsed < Uploads.lifetime }
      uploads[handle] = Upload(bytes: bytes, lastUsed: now)
      Uploads.makeRoom(in: &uploads, for: handle)
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
    uploads.withLock { uploads in
      uploads[handle]?.projections[model] = projection
      Uploads.makeRoom(in: &uploads, for: handle)
    }
  }

  /// Forgets those that were used the longest ago until the others, `newest` among them, are few and small enough.
  private static func makeRoom(in uploads: inout [String: Upload], for newest: String) {
    var memory = uploads.values.reduce(0) { $0 + $1.memory }
    guard memory > budget || uploads.count > limit else { return }
    for (handle, upload) in uploads.sorted(by: { $0.value.lastUsed < $1.value.lastUsed })
    where handle != newest {
      guard memory > budget || uploads.count > limit else { return }
      uploads[handle] = nil
      memory -= upload.memory
    }
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
