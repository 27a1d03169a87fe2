// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

extension SegmentHeader {
  /// Reads and checks the header of a file: everything but the sections' content.
  ///
  /// - Parameters:
  ///   - bytes: the first ``maximumSize`` bytes of the file, or all when it is shorter.
  ///   - actualSize: the size of the file.
  /// - Throws: ``IndexError`` with a message that begins with `name`.
  init(_ bytes: [UInt8], actualSize: Int, name: String) throws(IndexError) {
    let reader = HeaderReader(bytes: bytes, name: name)
    guard bytes.starts(with: Self.magic) else {
      throw reader.fault(.notASegment, "this is no Duet segment (its first bytes are not DUETVEC)")
    }
    guard bytes.count >= Self.fixedSize else { throw reader.damage("the file ends inside the header") }
    formatVersion = reader.u32(8)
    readableSince = reader.u32(12)
    if readableSince > Self.version, readableSince <= formatVersion {
      throw reader.fault(
        .newerVersion,
        "written by a newer Duet (segment format \(formatVersion), this one reads up to \(Self.version)): update duet"
      )
    }
    let size = Int(reader.u32(16))
    let sectionCount = Int(reader.u32(20))
    guard size >= Self.fixedSize, size <= bytes.count, sectionCount <= Self.maximumSectionCount else {
      throw reader.damage("the header's size is impossible")
    }
    guard reader.headerChecksum(size: size) == reader.u32(Self.checksumOffset) else {
      throw reader.damage("the header's checksum does not match")
    }
    guard formatVersion >= 1, readableSince >= 1, readableSince <= formatVersion else {
      throw reader.damage("version \(formatVersion), readable since \(readableSince)")
    }
    guard let fileSize = reader.size(24), let count = reader.size(32), count <= Self.maximumCount else {
      throw reader.damage("a size is impossible")
    }
    guard fileSize == actualSize else {
      throw reader.damage("the file has \(actualSize) bytes, not \(fileSize): it was cut or extended")
    }
    self.fileSize = fileSize
    self.count = count
    segmentID = reader.u64(40)
    dimension = Int(reader.u32(48))
    guard (1...Self.maximumDimension).contains(dimension) else {
      throw reader.damage("dimension \(dimension)")
    }
    alignment = Int(reader.u32(52))
    guard alignment == 64 || alignment == 4096 else { throw reader.damage("alignment \(alignment)") }
    guard let storage = RowStorage(rawValue: reader.u32(56)) else {
      throw reader.damage("unknown storage kind \(reader.u32(56))")
    }
    self.storage = storage
    guard reader.u32(60) == 1 else { throw reader.damage("unknown metric \(reader.u32(60))") }
    fingerprint = (64..<(64 + Self.fingerprintSize)).map(reader.byte)
    index = try Self.readIndex(reader, formatVersion: formatVersion, dimension: dimension)
    // Without codes there would be no scales, and the rows no numbers.
    guard storage != .int8 || (formatVersion >= 3 && (count == 0 || index.codeDimension > 0)) else {
      throw reader.damage("int8 rows without codes, or in version \(formatVersion)")
    }
    sections = []
    guard size == Self.size(sectionCount: sectionCount, alignment: alignment) else {
      throw reader.damage("the header's size does not fit its \(sectionCount) sections")
    }
    try readSections(sectionCount, reader)
    if formatVersion <= Self.version,
      !reader.reservedBytesAreZero(version: formatVersion, sectionCount, size: size)
    {
      throw reader.damage("reserved bytes of the header are not zero")
    }
  }

  /// The sizes of what is beside the rows; version 1 has nothing there.
  private static func readIndex(
    _ reader: HeaderReader, formatVersion: UInt32, dimension: Int
  ) throws(IndexError) -> IndexShape {
    guard formatVersion >= 2 else { return IndexShape() }
    let index = IndexShape(
      codeDimension: Int(reader.u32(96)), listCount: Int(reader.u32(100)), blockCount: Int(reader.u32(104)))
    guard index.codeDimension == 0 || index.codeDimension == dimension.roundedUp(toMultipleOf: 64) else {
      throw reader.damage("codes of \(index.codeDimension) bytes for dimension \(dimension)")
    }
    guard index.listCount <= IndexShape.maximumListCount, index.codeDimension > 0 || index.listCount == 0,
      index.listCount > 0 || index.blockCount == 0
    else {
      throw reader.damage("\(index.listCount) lists of \(index.blockCount) blocks")
    }
    return index
  }

  private mutating func readSections(_ sectionCount: Int, _ reader: HeaderReader) throws(IndexError) {
    for index in 0..<sectionCount {
      let entry = Self.fixedSize + index * Self.sectionEntrySize
      guard let offset = reader.size(entry + 8), let length = reader.size(entry + 16) else {
        throw reader.damage("section \(index) has an impossible size")
      }
      let section = Section(
        kind: reader.u32(entry), offset: offset, length: length, checksum: reader.u32(entry + 24))
      // Sections follow one another, so that none can overlap.
      let previousEnd = sections.last.map { $0.offset + $0.length } ?? size(of: sectionCount)
      guard offset % alignment == 0, offset >= previousEnd, length <= fileSize, offset <= fileSize - length
      else {
        throw reader.damage("section \(index) lies outside the file, overlaps another or is not aligned")
      }
      guard !sections.contains(where: { $0.kind == section.kind }) else {
        throw reader.damage("section kind \(section.kind) appears twice")
      }
      sections.append(section)
    }
    for kind in SectionKind.kinds(of: self) {
      guard let section = section(kind) else { throw reader.damage("the section of \(kind.name) is missing") }
      guard section.length == kind.length(self) else {
        throw reader.damage(
          "the section of \(kind.name) has \(section.length) bytes, not \(kind.length(self))")
      }
    }
    guard sections.last.map({ $0.offset + $0.length }) == fileSize else {
      throw reader.damage("bytes follow the last section")
    }
  }

  private func size(of sectionCount: Int) -> Int {
    Self.size(sectionCount: sectionCount, alignment: alignment)
  }
}

/// Little-endian numbers of a header; offsets are within its fixed part or its checked table.
private struct HeaderReader {
  let bytes: [UInt8]
  let name: String

  func byte(_ offset: Int) -> UInt8 { bytes[offset] }

  func u32(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(byte(offset + $1)) << UInt32(8 * $1) }
  }

  func u64(_ offset: Int) -> UInt64 { UInt64(u32(offset)) | UInt64(u32(offset + 4)) << 32 }

  /// A 64-bit size, nil when it is beyond any file.
  func size(_ offset: Int) -> Int? {
    let value = u64(offset)
    return value < 1 << 56 ? Int(value) : nil
  }

  /// The sum over the header with the place of the sum itself taken as zeros.
  func headerChecksum(size: Int) -> UInt32 {
    var copy = Array(bytes[..<size])
    for index in 0..<4 { copy[SegmentHeader.checksumOffset + index] = 0 }
    return CRC32C.checksum(copy)
  }

  func reservedBytesAreZero(version: UInt32, _ sectionCount: Int, size: Int) -> Bool {
    let tableEnd = SegmentHeader.fixedSize + sectionCount * SegmentHeader.sectionEntrySize
    let entries = (0..<sectionCount).map { SegmentHeader.fixedSize + $0 * SegmentHeader.sectionEntrySize }
    return ((version == 1 ? 96 : 108)..<SegmentHeader.checksumOffset).allSatisfy { byte($0) == 0 }
      && (tableEnd..<size).allSatisfy { byte($0) == 0 }
      && entries.allSatisfy { u32($0 + 4) == 0 && u32($0 + 28) == 0 }
  }

  func fault(_ code: IndexError.Code, _ what: String) -> IndexError { IndexError(code, "\(name): \(what)") }

  func damage(_ what: String) -> IndexError {
    fault(.damaged, "damaged segment: \(what); restore the file or index the folder again")
  }
}
