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
  /// The newest version that this code writes and reads. Each segment is written as the oldest that can express it.
  static let version: UInt32 = 3
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

  var formatVersion: UInt32
  var readableSince: UInt32 = 1
  var segmentID: UInt64
  var dimension: Int
  var count: Int
  var storage: RowStorage
  var fingerprint: [UInt8]
  /// What there is beside the rows, and its sizes.
  var index: IndexShape
  /// Sections start at multiples of this.
  var alignment: Int
  var sections: [Section]
  var fileSize: Int

  /// Numbers in a row: int8 rows are the codes of the vectors, as long as those.
  var rowDimension: Int { storage == .int8 ? dimension.roundedUp(toMultipleOf: 64) : dimension }

  /// The bytes before the first section: fixed part, section table, zeros.
  var size: Int { Self.size(sectionCount: sections.count, alignment: alignment) }

  static func size(sectionCount: Int, alignment: Int) -> Int {
    (fixedSize + sectionCount * sectionEntrySize).roundedUp(toMultipleOf: alignment)
  }

  /// The section of a kind, when there is one.
  func section(_ kind: SectionKind) -> Section? { sections.first { $0.kind == kind.rawValue } }
}

/// The sizes of what a segment holds beside its rows: nothing, a quantised copy, or that and inverted lists.
struct IndexShape: Equatable {
  /// Bytes of a code: the dimension, rounded up to a multiple of 64; 0 without codes.
  var codeDimension = 0
  /// Inverted lists; 0 without them.
  var listCount = 0
  /// Blocks of 32 entries in all lists.
  var blockCount = 0

  static let maximumListCount = 1 << 22

  /// Bytes of a block: 32 codes of one bit a dimension, 32 factors, 32 slots.
  var blockSize: Int { CodeKernels.blockSize(dimension: codeDimension) }
}

/// The sections of a segment. Readers pass over kinds they do not know.
enum SectionKind: UInt32, CaseIterable {
  /// `[count, rowDimension]` numbers.
  case vectors = 1
  /// `[count]` Int64.
  case items = 2
  /// `[count]` UInt32.
  case ordinals = 3
  /// `[count, codeDimension]` Int8: rotated rows, in steps of their scale.
  case codes = 4
  /// `[count]` Float: the step of each code.
  case codeScales = 5
  /// `[⌈count / 64⌉]` Float: how far the codes of 64 slots are from their rows at most.
  case codeErrors = 6
  /// `[listCount, codeDimension]` Int8: rotated centroids.
  case centroidCodes = 7
  /// `[listCount]` Float.
  case centroidScales = 8
  /// `[codeDimension]` Float: the mean of the rotated centroids.
  case centroidMean = 9
  /// `[⌈listCount / 32⌉]` blocks: the centroids less their mean.
  case centroidBlocks = 10
  /// `[listCount + 1]` UInt32: the first block of each list, and the end.
  case listStarts = 11
  /// `[blockCount]` blocks: rotated rows less their centroid.
  case listBlocks = 12
  /// `[MeasuredEffort.count]`: what looking at some of the lists finds.
  case efforts = 13

  /// The kinds that a segment has, in the order of the file.
  static func kinds(of header: SegmentHeader) -> [SectionKind] {
    let index = header.index
    return allCases.filter { kind in
      switch kind {
      case .vectors, .items, .ordinals: true
      // The codes of int8 rows are the rows.
      case .codes: index.codeDimension > 0 && header.storage != .int8
      case .codeScales, .codeErrors: index.codeDimension > 0
      default: index.listCount > 0
      }
    }
  }

  /// The bytes of the section in a segment of this shape.
  func length(_ header: SegmentHeader) -> Int {
    let (count, index) = (header.count, header.index)
    return switch self {
    case .vectors: count * header.rowDimension * header.storage.scalarSize
    case .items: count * 8
    case .ordinals: count * 4
    case .codes: count * index.codeDimension
    case .codeScales: count * 4
    case .codeErrors: (count + 63) / 64 * 4
    case .centroidCodes: index.listCount * index.codeDimension
    case .centroidScales: index.listCount * 4
    case .centroidMean: index.codeDimension * 4
    case .centroidBlocks: (index.listCount + 31) / 32 * index.blockSize
    case .listStarts: (index.listCount + 1) * 4
    case .listBlocks: index.blockCount * index.blockSize
    case .efforts: MeasuredEffort.count * MemoryLayout<MeasuredEffort>.stride
    }
  }

  var name: String {
    switch self {
    case .vectors: "vectors"
    case .items: "item ids"
    case .ordinals: "ordinals"
    case .codes: "codes"
    case .codeScales: "code scales"
    case .codeErrors: "code errors"
    case .centroidCodes: "centroid codes"
    case .centroidScales: "centroid scales"
    case .centroidMean: "the centroids' mean"
    case .centroidBlocks: "centroid blocks"
    case .listStarts: "list starts"
    case .listBlocks: "list blocks"
    case .efforts: "efforts"
    }
  }
}

extension Int {
  func roundedUp(toMultipleOf step: Int) -> Int { (self + step - 1) / step * step }
}

// MARK: - Writing

extension SegmentHeader {
  /// Lays out a segment of this shape; checksums are still zero.
  init(
    segmentID: UInt64, fingerprint: [UInt8], dimension: Int, count: Int, storage: RowStorage,
    index: IndexShape = IndexShape()
  ) {
    self.formatVersion = storage == .int8 ? 3 : index.codeDimension > 0 ? 2 : 1
    self.readableSince = storage == .int8 ? 3 : 1
    self.segmentID = segmentID
    self.fingerprint = fingerprint
    self.dimension = dimension
    self.count = count
    self.storage = storage
    self.index = index
    self.sections = []
    self.fileSize = 0
    self.alignment = 64
    layOut()
    // Blocks are read by whole cache lines from whole pages.
    if fileSize > 1 << 20 || index.codeDimension > 0 {
      alignment = 4096
      layOut()
    }
  }

  private mutating func layOut() {
    sections = []
    let kinds = SectionKind.kinds(of: self)
    var end = Self.size(sectionCount: kinds.count, alignment: alignment)
    for kind in kinds {
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
    append(UInt32(index.codeDimension))
    append(UInt32(index.listCount))
    append(UInt32(index.blockCount))
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
