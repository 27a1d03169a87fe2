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
  private let header: SegmentHeader
  private let file: MappedFile

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

  /// Starts reading the file into memory, in the background.
  package func prefetch() { file.advise(.willNeed) }

  var table: VectorTable {
    // Sections are aligned to 64 bytes at least and their lengths fit `count`: checked when the header was read.
    VectorTable(
      owner: file,
      items: start(.items).assumingMemoryBound(to: Int64.self),
      ordinals: start(.ordinals).assumingMemoryBound(to: UInt32.self),
      rows: StoredRows(base: start(.vectors), count: count, dimension: dimension, storage: storage))
  }

  private func start(_ kind: SectionKind) -> UnsafeRawPointer {
    file.base + (header.section(kind)?.offset ?? 0)
  }
}

extension Segment {
  /// Reads the whole file and checks what opening does not: checksums, order of keys, padding, every vector.
  ///
  /// - Throws: ``IndexError``, `.damaged`, that names the first fault.
  package func verify() throws(IndexError) {
    for section in header.sections {
      let range = section.offset..<(section.offset + section.length)
      let checksum = file.withBytes { CRC32C.checksum($0.extracting(range)) }
      guard checksum == section.checksum else {
        let name = SectionKind(rawValue: section.kind)?.name ?? "kind \(section.kind)"
        throw damage("the checksum of the section of \(name) does not match")
      }
    }
    try verifyPadding()
    let table = self.table
    for slot in 0..<count where slot > 0 && !(table.key(slot - 1) < table.key(slot)) {
      throw damage("the key of slot \(slot) is not above the one before it")
    }
    var row = [Float](repeating: 0, count: dimension)
    for slot in 0..<count {
      ScanKernels.current.widen(table.rows, range: slot..<(slot + 1), into: &row)
      if let fault = row.withUnsafeBufferPointer({ UnitVector.fault(in: $0) }) {
        throw damage("the vector of slot \(slot) \(fault)")
      }
    }
  }

  private func verifyPadding() throws(IndexError) {
    var end = header.size
    for section in header.sections {
      guard (end..<section.offset).allSatisfy({ file.base.load(fromByteOffset: $0, as: UInt8.self) == 0 })
      else {
        throw damage("the bytes between two sections are not zero")
      }
      end = section.offset + section.length
    }
  }

  private func damage(_ what: String) -> IndexError {
    IndexError(.damaged, "\(path): damaged segment: \(what); restore the file or index the folder again")
  }
}
