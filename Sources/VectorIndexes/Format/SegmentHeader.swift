// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

/// The head of a `.duetvec` file: what is in it and where. `Index/FORMAT.md` describes every byte.
struct SegmentHeader: Equatable {
  /// What a reader must know about a section.
  struct Section: Equatable {
    var kind: UInt32
    var offset: Int
    var length: Int
    var checksum: UInt32
  }

  static let magic: [UInt8] = Array("DUETVEC".utf8) + [0]
  /// The version this code writes, and the newest that it reads.
  static let version: UInt32 = 1
  static let fixedSize = 128
  static let sectionEntrySize = 32
  static let fingerprintSize = 32
  /// Where the header's own checksum is.
  static let checksumOffset = 124
  /// Far above any model's; keeps every size below 2^63.
  static let maximumDimension = 1 << 20
  static let maximumCount = Int(UInt32.max)
  static let maximumSectionCount = 64
  /// No header is longer.
  static let maximumSize = 4096

  var formatVersion = version
  var readableSince = version
  var segmentID: UInt64
  var dimension: Int
  var count: Int
  var storage: RowStorage
  var fingerprint: [UInt8]
  /// Sections start at multiples of this.
  var alignment: Int
  var sections: [Section]
  var fileSize: Int

  /// The bytes before the first section: fixed part, section table, zeros.
  var size: Int { Self.size(sectionCount: sections.count, alignment: alignment) }

  static func size(sectionCount: Int, alignment: Int) -> Int {
    (fixedSize + sectionCount * sectionEntrySize).roundedUp(toMultipleOf: alignment)
  }

  /// The section of a kind, when there is one.
  func section(_ kind: SectionKind) -> Section? { sections.first { $0.kind == kind.rawValue } }
}

/// The sections of format version 1. Readers pass over kinds they do not know.
enum SectionKind: UInt32, CaseIterable {
  /// `[count, dimension]` numbers.
  case vectors = 1
  /// `[count]` Int64.
  case items = 2
  /// `[count]` UInt32.
  case ordinals = 3

  /// The bytes of the section in a segment of this shape.
  func length(_ header: SegmentHeader) -> Int {
    switch self {
    case .vectors: header.count * header.dimension * header.storage.scalarSize
    case .items: header.count * 8
    case .ordinals: header.count * 4
    }
  }

  var name: String {
    switch self {
    case .vectors: "vectors"
    case .items: "item ids"
    case .ordinals: "ordinals"
    }
  }
}

extension Int {
  func roundedUp(toMultipleOf step: Int) -> Int { (self + step - 1) / step * step }
}

// MARK: - Writing

extension SegmentHeader {
  /// Lays out a segment of this shape; checksums are still zero.
  init(segmentID: UInt64, fingerprint: [UInt8], dimension: Int, count: Int, storage: RowStorage) {
    self.segmentID = segmentID
    self.fingerprint = fingerprint
    self.dimension = dimension
    self.count = count
    self.storage = storage
    self.sections = []
    self.fileSize = 0
    self.alignment = 64
    layOut()
    if fileSize > 1 << 20 {
      alignment = 4096
      layOut()
    }
  }

  private mutating func layOut() {
    sections = []
    var end = Self.size(sectionCount: SectionKind.allCases.count, alignment: alignment)
    for kind in SectionKind.allCases {
      let offset = end.roundedUp(toMultipleOf: alignment)
      let length = kind.length(self)
      sections.append(Section(kind: kind.rawValue, offset: offset, length: length, checksum: 0))
      end = offset + length
    }
    fileSize = end
  }

  /// The header's bytes, its own checksum included.
  var encoded: [UInt8] {
    var bytes = Self.magic
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(formatVersion)
    append(readableSince)
    append(UInt32(size))
    append(UInt32(sections.count))
    append(UInt64(fileSize))
    append(UInt64(count))
    append(UInt64(segmentID))
    append(UInt32(dimension))
    append(UInt32(alignment))
    append(storage.rawValue)
    append(UInt32(1))  // metric: dot product of unit vectors
    bytes += fingerprint
    bytes += [UInt8](repeating: 0, count: Self.fixedSize - bytes.count)
    for section in sections {
      append(section.kind)
      append(UInt32(0))
      append(UInt64(section.offset))
      append(UInt64(section.length))
      append(section.checksum)
      append(UInt32(0))
    }
    bytes += [UInt8](repeating: 0, count: size - bytes.count)
    let checksum = CRC32C.checksum(bytes)
    for index in 0..<4 {
      bytes[Self.checksumOffset + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
    }
    return bytes
  }
}
