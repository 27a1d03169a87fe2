// SPDX-License-Identifier: Apache-2.0
internal import Compute
internal import Files
package import LinearAlgebra
package import SystemPackage

/// Writes a `.duetvec` segment, vector by vector, in rising order of keys.
///
/// The file appears whole, under its name and synced, when ``finish(progress:)`` returns, or not at all. What
/// it holds beside the vectors, codes and lists, is made then, on all compute threads, from the vectors in the file. Needs
/// about 30 MiB, 12 bytes a vector, and for lists the centroids and 16 bytes a vector more. One caller at a time.
package final class SegmentWriter {
  private(set) var header: SegmentHeader
  let output: AtomicFileWriter
  let pool: ComputePool
  private var items: [Int64] = []
  private var ordinals: [UInt32] = []
  /// The scales of int8 rows.
  private(set) var scales: [Float] = []
  /// The segment whose lists may be kept, and the slot in it of each vector.
  private var kept: Segment?
  private var origins: [UInt32] = []
  /// The checksums of the sections so far, in the order of the file.
  private var checksums = [CRC32C()]

  /// Starts a segment of exactly `count` vectors at `path`.
  ///
  /// - Parameters:
  ///   - id: the segment's number in its library.
  ///   - fingerprint: 32 bytes that name model and preprocessing; readers refuse to mix different ones.
  ///   - structure: what stands beside the vectors; by default what suits their number.
  /// - Throws: ``IndexError`` when the file cannot be made or the disk has no room for it.
  package convenience init(
    to path: FilePath, id: UInt64, fingerprint: [UInt8], dimension: Int, count: Int, storage: RowStorage,
    structure: SegmentStructure? = nil
  ) throws(IndexError) {
    try self.init(
      to: path, id: id, fingerprint: fingerprint, dimension: dimension, count: count, storage: storage,
      structure: structure ?? .suited(to: count), pool: .shared)
  }

  init(
    to path: FilePath, id: UInt64, fingerprint: [UInt8], dimension: Int, count: Int, storage: RowStorage,
    structure: SegmentStructure, pool: ComputePool
  ) throws(IndexError) {
    guard fingerprint.count == SegmentHeader.fingerprintSize else {
      throw IndexError(.wrongKeys, "\(path): a fingerprint has 32 bytes, not \(fingerprint.count)")
    }
    guard (1...SegmentHeader.maximumDimension).contains(dimension) else {
      throw IndexError(.wrongDimension, "\(path): vectors cannot have \(dimension) numbers")
    }
    guard (0...SegmentHeader.maximumCount).contains(count) else {
      throw IndexError(.wrongKeys, "\(path): a segment cannot hold \(count) vectors")
    }
    self.pool = pool
    header = SegmentHeader(
      segmentID: id, fingerprint: fingerprint, dimension: dimension, count: count, storage: storage,
      index: structure.shape(dimension: dimension, count: count, storage: storage))
    items.reserveCapacity(count)
    ordinals.reserveCapacity(count)
    do {
      output = try AtomicFileWriter(to: path, expectedSize: header.fileSize)
      // The header's place; its bytes come last, with the checksums.
      try output.append([UInt8](repeating: 0, count: header.sections[0].offset))
    } catch {
      throw IndexError(error)
    }
  }

  /// Appends a vector of length 1 whose key is above the one before it.
  ///
  /// - Throws: ``IndexError`` that names the key, when the vector may not be stored or the disk is full; then the
  ///   segment is lost.
  package func append(_ key: VectorKey, _ vector: [Float]) throws(IndexError) {
    try append(key, vector.span, origin: KeptLists.added)
  }

  /// Appends a vector of length 1 whose key is above the one before it.
  package func append(_ key: VectorKey, _ vector: Span<Float>) throws(IndexError) {
    try append(key, vector, origin: KeptLists.added)
  }

  private func append(_ key: VectorKey, _ vector: Span<Float>, origin: UInt32) throws(IndexError) {
    guard vector.count == header.dimension else {
      throw refusal(.wrongDimension, key, "has \(vector.count) numbers, not \(header.dimension)")
    }
    if let fault = vector.withUnsafeBufferPointer({ UnitVector.fault(in: $0) }) {
      throw refusal(.invalidVector, key, fault)
    }
    try take(key, origin: origin)
    switch header.storage {
    case .float32: try write(vector.bytes)
    case .float16:
      let halves = [UInt16](unsafeUninitializedCapacity: vector.count) { output, count in
        vector.withUnsafeBufferPointer { from in
          guard let from = from.baseAddress, let to = output.baseAddress else { return }
          ScanKernels.current.narrow(from, count: vector.count, into: to)
        }
        count = vector.count
      }
      try write(halves.span.bytes)
    case .int8:
      let (codes, scale) = vector.withUnsafeBufferPointer { Self.code(of: $0) }
      scales.append(scale)
      try write(codes.span.bytes)
    }
  }

  /// Appends the vector of a slot of another segment, as it is where both store numbers in the same way.
  package func append(slot: Int, of segment: Segment) throws(IndexError) {
    let table = segment.table
    let origin = segment === kept ? UInt32(slot) : KeptLists.added
    guard header.storage == .int8, table.isRotated, table.dimension == header.dimension else {
      return try append(table.key(slot), table.vector(slot).span, origin: origin)
    }
    try take(table.key(slot), origin: origin)
    scales.append(table.rows.scales?[slot] ?? 0)
    let row = UnsafeRawBufferPointer(start: table.rows.row(slot), count: table.rows.dimension)
    try write(row.bytes)
  }

  /// The int8 row of a vector, and its scale.
  private static func code(of vector: UnsafeBufferPointer<Float>) -> (codes: [Int8], scale: Float) {
    let rotation = Rotation.of(vector.count)
    var codes = [Int8](repeating: 0, count: rotation.codeDimension)
    let scale = withUnsafeTemporaryAllocation(of: Float.self, capacity: rotation.codeDimension) { rotated in
      guard let from = vector.baseAddress, let rotated = rotated.baseAddress else { return Float(0) }
      rotation.apply(from, into: rotated)
      return CodeKernels.current.quantize(rotated, count: rotation.codeDimension, into: &codes)
    }
    return (codes, scale)
  }

  /// Lets the lists of `segment` be those of this one, as far as they fit: for merges most of whose vectors it brings, by
  /// ``append(slot:of:)``. To be said before the first vector.
  package func keepLists(of segment: Segment) {
    precondition(items.isEmpty, "vectors were appended already")
    if segment.dimension == header.dimension { kept = segment }
  }

  /// The lists to keep, if enough of the vectors come with them.
  var keptLists: KeptLists? { kept.flatMap { KeptLists(of: $0, origins: origins) } }

  /// Takes the key of the next vector.
  private func take(_ key: VectorKey, origin: UInt32) throws(IndexError) {
    if let item = items.last, let ordinal = ordinals.last, key <= VectorKey(item: item, ordinal: ordinal) {
      throw refusal(.wrongKeys, key, "comes after item \(item), ordinal \(ordinal): keys must rise")
    }
    guard items.count < header.count else {
      throw refusal(.wrongKeys, key, "is one more than the \(header.count) that were announced")
    }
    items.append(key.item)
    ordinals.append(key.ordinal)
    if kept != nil { origins.append(origin) }
  }

  private func write(_ row: RawSpan) throws(IndexError) {
    checksums[0].update(row)
    do { try output.append(row) } catch { throw IndexError(error) }
  }

  /// Writes what is left, syncs the file and gives it its name.
  ///
  /// - Parameter progress: told now and then, while lists are made, the share that is done; what it throws ends the work.
  /// - Returns: the size of the file in bytes.
  /// - Throws: ``IndexError`` when vectors are missing or the disk is full, and what `progress` throws; then there is no
  ///   file.
  @discardableResult
  package func finish(progress: (Double) throws -> Void = { _ in }) throws -> Int {
    guard items.count == header.count else {
      output.discard()
      throw IndexError(
        .wrongKeys, "\(output.path): \(items.count) vectors came, \(header.count) were announced")
    }
    do {
      try append(section: items.span.bytes)
      try append(section: ordinals.span.bytes)
      if header.index.codeDimension > 0 {
        try appendIndex(progress: progress)
      }
      precondition(checksums.count == header.sections.count, "a section was not written")
      for index in checksums.indices { header.sections[index].checksum = checksums[index].value }
      try output.overwrite(header.encoded, at: 0)
      try output.commit()
    } catch let error as FileError {
      output.discard()
      throw IndexError(error)
    } catch {
      output.discard()
      throw error
    }
    return header.fileSize
  }

  /// Lays the segment out again, now that the lists are made.
  func layOut(listCount: Int, blockCount: Int) {
    var index = header.index
    index.listCount = listCount
    index.blockCount = blockCount
    header = SegmentHeader(
      segmentID: header.segmentID, fingerprint: header.fingerprint, dimension: header.dimension,
      count: header.count, storage: header.storage, index: index)
  }

  /// Appends a whole section.
  func append(section content: RawSpan) throws(FileError) {
    try beginSection()
    try append(part: content)
  }

  /// Starts a section; its parts follow.
  func beginSection() throws(FileError) {
    try output.pad(toMultipleOf: header.alignment)
    checksums.append(CRC32C())
  }

  /// Appends a part of the section that was begun last.
  func append(part content: RawSpan) throws(FileError) {
    checksums[checksums.count - 1].update(content)
    try output.append(content)
  }

  private func refusal(_ code: IndexError.Code, _ key: VectorKey, _ what: String) -> IndexError {
    output.discard()
    return IndexError(
      code, "\(output.path): the vector of item \(key.item), ordinal \(key.ordinal), \(what)")
  }
}
