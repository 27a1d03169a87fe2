// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Files
import HTTPTypes
import Hummingbird
import NIOCore
import Search
import SystemPackage

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

/// The file behind an item.
enum OpenedOriginal {
  /// Bytes that are read at once.
  private static let chunk = 256 << 10

  /// Opens it beneath its root: a path that a link leads out of the root is refused.
  ///
  /// - Throws: ``Problem`` 410 when it is gone, 403 when it may not be read.
  static func open(_ record: ItemRecord) throws -> OpenFile {
    do {
      return try openBeneath(record.item.file.path, root: record.root)
    } catch {
      if error.code == .notFound {
        throw Problem(.gone, "the file is gone since it was indexed: \(error.message)")
      }
      throw Problem(.forbidden, "the file cannot be read: \(error.message)")
    }
  }

  static func bytes(of file: OpenFile) throws -> [UInt8] {
    guard file.size <= Int(1) << 30 else {
      throw Problem(.unprocessableContent, "the file is larger than 1 GiB")
    }
    return try file.read(at: 0, count: file.size)
  }

  static func body(_ file: OpenFile, _ range: Range<Int>) -> ResponseBody {
    ResponseBody(contentLength: range.count) { writer in
      var position = range.lowerBound
      while position < range.upperBound {
        let (start, count) = (position, min(chunk, range.upperBound - position))
        let bytes = try await ComputePool.shared.run { try file.read(at: start, count: count) }
        // A file that shrank ends the answer early: the caller sees that bytes are missing.
        guard !bytes.isEmpty else { throw Problem(.gone, "the file shrank while it was read") }
        try await writer.write(ByteBuffer(bytes: bytes))
        position += bytes.count
      }
      try await writer.finish(nil)
    }
  }
}

/// `Range: bytes=…` (RFC 9110, section 14).
enum ByteRange {
  /// - Returns: nil for what is to be ignored: another unit, several ranges, or what is no range at all.
  /// - Throws: ``Problem`` 416 when nothing of the file is asked for.
  static func parse(_ header: String, size: Int) throws -> Range<Int>? {
    guard header.hasPrefix("bytes="), !header.contains(",") else { return nil }
    let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy(\.isASCIIDigit) }) else { return nil }
    let range: Range<Int>
    switch (Int(ends[0]), Int(ends[1])) {
    case (let first?, let last?) where first <= last: range = first..<max(first, min(last, size - 1) + 1)
    case (let first?, nil) where ends[1].isEmpty: range = first..<max(first, size)
    case (nil, let count?) where ends[0].isEmpty: range = max(0, size - count)..<size
    default: return nil
    }
    guard !range.isEmpty, range.lowerBound < size else {
      var problem = Problem(.rangeNotSatisfiable, "the file has \(size) bytes")
      problem.headers[.contentRange] = "bytes */\(size)"
      throw problem
    }
    return range
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
