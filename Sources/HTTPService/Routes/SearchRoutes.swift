// SPDX-License-Identifier: Apache-2.0
import Catalog
import Embedders
import Hummingbird
import Images
import NIOCore
import Search

/// Searching: `/v1/search`, `/v1/similar/{id}`, `/v1/uploads`.
struct SearchRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.post, "/v1/search", scope: .read, bodyBytes: Limits.pictureBodyBytes) { request, context in
      try await answer(try await request.decoded(as: SearchBody.self, context), context)
    }
    routes.on(.get, "/v1/search", scope: .read) { request, context in
      let query = try QueryParameters(request, known: ["q", "limit", "library"])
      let text = try query.required("q")
      guard text.unicodeScalars.count <= Limits.queryText else {
        throw Problem(
          .unprocessableContent, "at most \(Limits.queryText) characters; ask for longer texts by POST",
          field: "q")
      }
      return try await answer(try query.searchBody(for: TermBody(text: text)), context)
    }
    routes.on(.get, "/v1/similar/{id}", scope: .read) { request, context in
      let query = try QueryParameters(request, known: ["limit", "library"])
      let id = try context.itemID()
      let library = try daemon.libraries.named(query["library"])
      try await daemon.scheduler.run(channel: context.channel) { _ = try library.existingRecord(of: id) }
      return try await answer(try query.searchBody(for: TermBody(item: id)), context)
    }
    routes.on(.put, "/v1/uploads", scope: .read, bodyBytes: Limits.pictureBodyBytes) { request, context in
      try await upload(request, context)
    }
  }

  // MARK: - Answering

  private func answer(_ body: SearchBody, _ context: DaemonContext) async throws -> Response {
    let library = try daemon.libraries.named(body.library)
    try body.checkSize()
    let texts = body.terms.compactMap(\.text)
    let ahead = library.embedder.map { QueryScheduler.TextRequest(texts: texts, embedder: $0) }
    return try await daemon.metrics.search.measure {
      try await daemon.scheduler.run(texts: ahead, channel: context.channel) {
        try page(of: body, in: library)
      }
    }
  }

  /// On a compute thread: one page of an answer.
  private func page(of body: SearchBody, in library: ServedLibrary) throws -> Response {
    let fingerprint = try body.fingerprint()
    let cursor = try body.cursor.map { try Cursor(parsing: $0) }
    let snapshot = try snapshot(of: library, for: cursor, fingerprint)
    let offset = cursor?.offset ?? 0
    let terms = try body.terms.enumerated().map { index, term in
      try self.term(term, field: "terms[\(index)]", snapshot)
    }
    let request = try body.request(terms: terms, offset: offset)
    let result = try daemon.metrics.engine.measure { try QueryEngine(library: snapshot).search(request) }
    let next =
      result.summary.isFollowed
      ? Cursor(generation: snapshot.state.generation, offset: offset + request.limit, query: fingerprint)
      : nil
    return Response.json([
      "library": .string(library.name),
      "hits": .array(result.hits.enumerated().map { JSONText(hit: $1, rank: offset + $0 + 1) }),
      "summary": JSONText(summaryOf: result, shown: result.hits.count), "cursor": .optional(next?.text),
    ])
  }

  /// The engine's form of a term, with pictures projected.
  ///
  /// - Throws: ``Problem`` 422 naming the field.
  private func term(_ body: TermBody, field: String, _ snapshot: LibrarySnapshot) throws -> Term {
    let (role, weight) = (try body.parsedRole(field: field), body.weight)
    do {
      if let text = body.text { return try Term(.text(text), role: role, weight: weight) }
      if let item = body.item { return try Term(.item(item), role: role, weight: weight) }
      if let vector = body.vector { return try Term(.vector(vector), role: role, weight: weight) }
      if let image = body.image {
        let bytes = try TermBody.bytes(ofBase64: image, field: field + ".image")
        return try Term(.imageBytes(bytes), role: role, weight: weight, label: "image")
      }
      let vector = try projection(ofUpload: body.upload ?? "", field, snapshot)
      return try Term(.vector(vector), role: role, weight: weight, label: "upload")
    } catch let error as SearchError {
      throw Problem(.unprocessableContent, "\(error)", field: field)
    }
  }

  private func projection(
    ofUpload handle: String, _ field: String, _ snapshot: LibrarySnapshot
  ) throws -> [Float] {
    let model = snapshot.state.space.map { "\($0.identity.weightsHash) \($0.identity.preprocessing)" } ?? ""
    if let known = daemon.uploads.projection(of: handle, by: model) { return known }
    guard let bytes = daemon.uploads.bytes(of: handle) else {
      throw Problem(
        .unprocessableContent, "this upload is not, or no longer, kept: upload the picture again",
        field: field + ".upload")
    }
    let vector = try snapshot.projection(ofPicture: bytes, label: "upload")
    daemon.uploads.keep(vector, of: handle, by: model)
    return vector
  }

  private func snapshot(
    of library: ServedLibrary, for cursor: Cursor?, _ fingerprint: String
  ) throws -> LibrarySnapshot {
    guard let cursor else { return try library.snapshot() }
    guard cursor.query == fingerprint else {
      throw Problem(.unprocessableContent, "the cursor belongs to another query", field: "cursor")
    }
    guard let snapshot = try library.snapshot(of: cursor.generation) else {
      throw Problem(.gone, "the library has changed since the first page: ask for the first page again")
    }
    return snapshot
  }

  // MARK: - Uploads

  private func upload(_ request: Request, _ context: DaemonContext) async throws -> Response {
    try request.requireContentType { ["image/png", "image/jpeg", "image/webp"].contains($0) }
    let body = try await request.wholeBody(context)
    let uploads = daemon.uploads
    return try await daemon.scheduler.run(channel: context.channel) {
      let bytes = [UInt8](buffer: body)
      // Decoded now, so that a file that is no picture is refused here and not by the search.
      let info = try ImageDecoder.probe(bytes)
      _ = try ImageDecoder.decode(
        bytes,
        options: DecodeOptions(
          appliesOrientation: true, minimumSize: DecodeOptions.Size(width: 64, height: 64)))
      return Response.json(
        [
          "upload": .string(uploads.add(bytes)), "width": .int(info.uprightWidth),
          "height": .int(info.uprightHeight),
          "format": .string(info.format.rawValue),
          "expires_in": .int(Int(Uploads.lifetime.components.seconds)),
        ], status: .created)
    }
  }
}
