// SPDX-License-Identifier: Apache-2.0
internal import Files
package import LinearAlgebra
package import SystemPackage

#if _endian(big)
  #error("segments are little-endian and used in place")
#endif

/// A mapped, immutable `.duetvec` file.
///
/// Opening reads the header and the section table only, in time that does not depend on the size of the file. The
/// content of the sections is trusted for nothing but answers: whatever the bytes, every access stays inside the map.
package final class Segment: Sendable {
  /// The version of the format that this program writes, and the newest that it reads.
  package static let currentFormatVersion = Int(SegmentHeader.version)

  /// The segment's number in its library.
  package let id: UInt64
  /// 32 bytes that name model and preprocessing.
  package let fingerprint: [UInt8]
  /// Numbers in a vector.
  package let dimension: Int
  /// How many vectors there are; slots are `0..<count`.
  package let count: Int
  /// How numbers are kept.
  package let storage: RowStorage
  /// The version of the format that the file is written in.
  package let formatVersion: Int
  let header: SegmentHeader
  let file: MappedFile

  /// The file.
  package var path: FilePath { file.path }
  /// Its length in bytes.
  package var size: Int { file.size }

  /// Maps the segment at `path`.
  ///
  /// - Parameters:
  ///   - size: the length that the catalog knows, to refuse another file at once.
  ///   - requiresLocalDisk: refuse network file systems, whose pages may change under the map.
  /// - Throws: ``IndexError``: `.file` when it is missing or cannot be mapped, `.notASegment`, `.newerVersion`,
  ///   `.damaged`.
  package init(_ path: FilePath, size: Int? = nil, requiresLocalDisk: Bool = false) throws(IndexError) {
    do {
      file = try MappedFile(path, size: size, requiresLocalDisk: requiresLocalDisk)
    } catch {
      throw IndexError(error)
    }
    let head = UnsafeRawBufferPointer(start: file.base, count: min(file.size, SegmentHeader.maximumSize))
    header = try SegmentHeader(Array(head), actualSize: file.size, name: path.string)
    id = header.segmentID
    fingerprint = header.fingerprint
    dimension = header.dimension
    count = header.count
    storage = header.storage
    formatVersion = Int(header.formatVersion)
    // Codes say which rows are worth a look; those lie anywhere, and what is beside them is not wanted.
    if header.index.codeDimension > 0, storage != .int8 { advise(.random, .vectors) }
  }

  /// The key of slot `slot`, below ``count``.
  package func key(_ slot: Int) -> VectorKey { table.key(slot) }

  /// The vector of slot `slot`, below ``count``, widened to float32.
  package func vector(_ slot: Int) -> [Float] {
    precondition((0..<count).contains(slot), "slot \(slot) of \(count)")
    return table.vector(slot)
  }

  /// The slots of the items in `items`: for tombstones and filters. O(m log(n / m)) for m rising ids.
  package func bitmap(of items: [Int64]) -> SlotBitmap { table.bitmap(of: items.sortedItems) }

  /// Tells the system that all vectors will be read, one after the other: for merges and verification.
  package func willReadAll() { advise(.sequential, .vectors) }

  private func advise(_ advice: MappedFile.Advice, _ kind: SectionKind) {
    guard let section = header.section(kind) else { return }
    file.advise(advice, range: section.offset..<(section.offset + section.length))
  }

  var table: VectorTable { VectorTable(file, header) }
}
