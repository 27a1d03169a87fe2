// SPDX-License-Identifier: Apache-2.0
import Catalog
import Files
import HTTPTypes
import Hummingbird
import NIOCore
import Search

/// Pictures of a library: `/v1/items/{id}`, its thumbnail, its file.
struct ItemRoutes: Sendable {
  let daemon: DaemonState

  func add(to routes: RouteTable) {
    routes.on(.get, "/v1/items/{id}", scope: .read) { request, context in
      let (library, _) = try self.library(of: request, known: ["library"])
      let id = try context.itemID()
      let record = try await daemon.scheduler.run(channel: context.channel) {
        try library.existingRecord(of: id)
      }
      return .json(JSONText(record))
    }
    routes.on(.get, "/v1/items/{id}/thumbnail", scope: .read) { request, context in
      try await thumbnail(request, context)
    }
    routes.on(.get, "/v1/items/{id}/original", scope: .read) { request, context in
      try await original(request, context)
    }
  }

  private func library(
    of request: Request, known: Set<String>
  ) throws -> (library: ServedLibrary, query: QueryParameters) {
    let query = try QueryParameters(request, known: known)
    return (try daemon.libraries.named(query["library"]), query)
  }

  // MARK: - Thumbnails

  private func thumbnail(_ request: Request, _ context: DaemonContext) async throws -> Response {
    let (library, query) = try library(of: request, known: ["size", "library"])
    let size = try query.integer("size") ?? 256
    guard Thumbnails.sizes.contains(size) else {
      let known = Thumbnails.sizes.map(String.init).joined(separator: ", ")
      throw Problem(.unprocessableContent, "the sizes are \(known)", field: "size")
    }
    let id = try context.itemID()
    let known = request.headers[.ifNoneMatch]
    let thumbnails = daemon.thumbnails
    return try await daemon.scheduler.run(channel: context.channel) {
      let record = try library.existingRecord(of: id)
      // The name of a content: a picture that changes has another one.
      let tag = "\"\(record.item.file.hash.hexadecimal)-\(size)\""
      var headers: HTTPFields = [.eTag: tag, .cacheControl: "private, no-cache"]
      if known == tag { return Response(status: .notModified, headers: headers) }
      let (bytes, isOfRecord) = try thumbnails.bytes(of: record, size: size)
      if !isOfRecord { headers[.eTag] = nil }
      headers[.contentType] = "image/webp"
      return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
  }

  // MARK: - Originals

  private func original(_ request: Request, _ context: DaemonContext) async throws -> Response {
    let (library, _) = try library(of: request, known: ["library"])
    let id = try context.itemID()
    let (file, format) = try await daemon.scheduler.run(channel: context.channel) {
      let record = try library.existingRecord(of: id)
      return (try OpenedOriginal.open(record), record.item.picture.format)
    }
    let tag = "\"\(file.inode)-\(file.modified)-\(file.size)\""
    var headers: HTTPFields = [
      .eTag: tag, .acceptRanges: "bytes", .contentType: "image/\(format)", .cacheControl: "private, no-cache",
    ]
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
    var range = 0..<file.size
    var status = HTTPResponse.Status.ok
    if let header = request.headers[.range], request.headers[.ifRange].map({ $0 == tag }) ?? true,
      let asked = try ByteRange.parse(header, size: file.size)
    {
      range = asked
      status = .partialContent
      headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"
    }
    return Response(status: status, headers: headers, body: OpenedOriginal.body(file, range))
  }
}

extension DaemonContext {
  /// The `{id}` of the path.
  func itemID() throws -> Int64 {
    let text = parameters.get("id") ?? ""
    guard let id = Int64(text), id > 0 else { throw Problem(.notFound, "'\(text)' is no item's number") }
    return id
  }
}

extension ServedLibrary {
  /// On a compute thread: an item of the library as it is now.
  ///
  /// - Throws: ``Problem`` 404.
  func existingRecord(of id: Int64) throws -> ItemRecord {
    guard let record = try snapshot().record(of: id) else {
      throw Problem(.notFound, "the library '\(name)' has no item \(id)")
    }
    return record
  }
}
