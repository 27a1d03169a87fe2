// SPDX-License-Identifier: Apache-2.0
import Compute
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationEssentialsCompat

extension Request {
  /// Longer JSON is decoded on a compute thread: a picture in base64 takes longer than others should wait for a thread
  /// that answers requests.
  private static let decodedAtOnce = 64 << 10

  /// The body as JSON.
  ///
  /// - Throws: ``Problem``: 415 for another content type, 400 for what is no JSON, 422 naming the field for what does not
  ///   fit; what ``wholeBody(_:)`` throws.
  func decoded<Body: Decodable & Sendable>(as type: Body.Type, _ context: DaemonContext) async throws -> Body
  {
    try requireContentType { $0 == "application/json" }
    let bytes = try await wholeBody(context)
    guard bytes.readableBytes > Request.decodedAtOnce else { return try Request.decode(type, from: bytes) }
    return try await ComputePool.shared.run { try Request.decode(type, from: bytes) }
  }

  private static func decode<Body: Decodable>(_ type: Body.Type, from bytes: ByteBuffer) throws -> Body {
    do {
      return try JSONDecoder().decode(type, from: Data(buffer: bytes))
    } catch let error as DecodingError {
      throw Problem(error)
    }
  }

  /// - Throws: ``Problem`` 415 unless `accepts` takes the content type, which is given in lower case, without parameters.
  func requireContentType(_ accepts: (String) -> Bool) throws {
    let given = headers[.contentType] ?? ""
    let type = given.prefix { $0 != ";" }.trimmingSuffix(while: { $0 == " " }).lowercased()
    guard accepts(type) else {
      throw Problem(.unsupportedMediaType, "the content type is '\(given)', which is not read here")
    }
  }

  /// All of the body, within the request's ``BodyShare``.
  ///
  /// - Throws: ``Problem``: 413, before anything is read where the caller states the length; 503 when the bodies of other
  ///   requests leave no room; 408 when it does not come in time.
  func wholeBody(_ context: DaemonContext) async throws -> ByteBuffer {
    let share = context.body
    let stated = headers[.contentLength].flatMap { Int($0) }
    if let stated, stated > share.limit {
      throw Problem(.contentTooLarge, "\(stated) bytes; a body has at most \(share.limit) here")
    }
    let patience = share.patience(forBytes: stated ?? share.limit)
    return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask { try await collected(share) }
      group.addTask {
        try await Task.sleep(for: patience)
        throw Problem(.requestTimeout, "the body did not come within \(patience.components.seconds) s")
      }
      defer { group.cancelAll() }
      guard let bytes = try await group.next() else { throw CancellationError() }
      return bytes
    }
  }

  private func collected(_ share: BodyShare) async throws -> ByteBuffer {
    var whole = ByteBuffer()
    for try await part in body {
      try share.take(part.readableBytes)
      whole.writeImmutableBuffer(part)
    }
    // A body that was given up ends like one that is complete.
    try Task.checkCancellation()
    return whole
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, isTrimmed(last) { rest.removeLast() }
    return rest
  }
}

extension Problem {
  /// What does not fit, and where.
  fileprivate init(_ error: DecodingError) {
    switch error {
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      self.init(.badRequest, "the body is not JSON: \(context.debugDescription)")
    case .keyNotFound(let key, let context):
      self.init(.unprocessableContent, "a field is missing", field: Problem.path(context.codingPath + [key]))
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      self.init(.unprocessableContent, context.debugDescription, field: Problem.path(context.codingPath))
    @unknown default: self.init(.badRequest, "\(error)")
    }
  }

  /// `terms[1].weight`
  private static func path(_ keys: [any CodingKey]) -> String {
    keys.reduce("") { path, key in
      if let index = key.intValue { return "\(path)[\(index)]" }
      return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
    }
  }
}
