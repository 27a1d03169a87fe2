// SPDX-License-Identifier: Apache-2.0
import Compute
import Embedders
import FoundationEssentials
import Hummingbird
import NIOCore
import Search

/// `/v1/embeddings`, in the shape of OpenAI's API, with pictures beside texts.
struct EmbeddingRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.post, "/v1/embeddings", scope: .read, bodyBytes: Limits.pictureBodyBytes) { request, context in
      let body = try await request.decoded(as: EmbeddingBody.self, context)
      let library = try daemon.libraries.named(body.library)
      guard (1...Limits.inputs).contains(body.inputs.count) else {
        throw Problem(.unprocessableContent, "from 1 to \(Limits.inputs) inputs in a call", field: "input")
      }
      return try await daemon.metrics.embed.measure {
        try await embed(body, library, channel: context.channel)
      }
    }
  }

  /// Inputs that are embedded in one turn. A call of many takes many turns, so that the queries of others come between.
  private static let turn = 8

  private func embed(
    _ body: EmbeddingBody, _ library: ServedLibrary, channel: any Channel
  ) async throws -> Response {
    let snapshot = try await daemon.scheduler.run(channel: channel) { try library.snapshot() }
    let embedder = try model(of: snapshot, for: body)
    var data: [JSONText] = []
    while data.count < body.inputs.count {
      let inputs = body.inputs[data.count...].prefix(EmbeddingRoutes.turn)
      let texts = inputs.compactMap { if case .text(let text) = $0 { text } else { nil } }
      let ahead = library.embedder.map { QueryScheduler.TextRequest(texts: texts, embedder: $0) }
      data += try await daemon.scheduler.run(texts: ahead, channel: channel) {
        try zip(inputs.indices, inputs).map { index, input in
          let vector = try unit(input, "input[\(index)]", snapshot, embedder)
          return JSONText.object([
            ("object", "embedding"), ("index", .int(index)),
            ("embedding", EmbeddingRoutes.shown(vector, body.encoding)),
          ])
        }
      }
    }
    // Thousands of numbers make a long text.
    return try await ComputePool.shared.run { [data] in
      Response.json([
        "object": "list", "data": .array(data), "model": .string(embedder.id),
        // Tokens are not counted: nobody pays by them here.
        "usage": ["prompt_tokens": 0, "total_tokens": 0],
      ])
    }
  }

  /// The library's model, if it is the one that was asked for.
  private func model(of snapshot: LibrarySnapshot, for body: EmbeddingBody) throws -> any Embedder {
    guard let embedder = snapshot.embedder else {
      throw Problem(.unprocessableContent, snapshot.missingModel ?? "the library has no model")
    }
    if let model = body.model, model != embedder.id {
      throw Problem(.unprocessableContent, "the library's model is \(embedder.id)", field: "model")
    }
    if let dimensions = body.dimensions, dimensions != embedder.dimension {
      throw Problem(
        .unprocessableContent, "\(embedder.id) makes vectors of \(embedder.dimension)", field: "dimensions")
    }
    return embedder
  }

  private func unit(
    _ input: EmbeddingBody.Input, _ field: String, _ snapshot: LibrarySnapshot, _ embedder: any Embedder
  ) throws -> [Float] {
    switch input {
    case .text(let text):
      guard embedder.embedsTexts else {
        throw Problem(.unprocessableContent, "the model reads no texts", field: field)
      }
      guard !text.isEmpty, text.utf8.count <= Term.Limits.textBytes else {
        throw Problem(.unprocessableContent, "a text has 1 to \(Term.Limits.textBytes) bytes", field: field)
      }
      return try embedder.projectTexts([text]).projections.embedding(0)
    case .image(let base64):
      let bytes = try TermBody.bytes(ofBase64: base64, field: field)
      do {
        return Embedding.unit(try snapshot.projection(ofPicture: bytes, label: field))
      } catch let error as SearchError {
        throw Problem(.unprocessableContent, "\(error)", field: field)
      }
    }
  }

  private static func shown(_ vector: [Float], _ encoding: EmbeddingBody.Encoding) -> JSONText {
    switch encoding {
    case .float: .array(vector.map(JSONText.float))
    case .base64:
      .string(
        Data(
          vector.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        )
        .base64EncodedString())
    }
  }
}
