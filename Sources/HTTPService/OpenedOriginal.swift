// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import Files
import Hummingbird
import NIOCore
import Search

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
