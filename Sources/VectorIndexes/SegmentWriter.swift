// SPDX-License-Identifier: Apache-2.0
internal import Files
package import LinearAlgebra
package import SystemPackage

/// Writes a `.duetvec` segment, vector by vector, in rising order of keys.
///
/// The file appears whole, under its name and synced, when ``finish()`` returns, or not at all. Needs about 1 MiB and
/// 12 bytes a vector, whatever the dimension. One thread at a time.
package final class SegmentWriter {
  private var header: SegmentHeader
  private let output: AtomicFileWriter
  private var items: [Int64] = []
  private var ordinals: [UInt32] = []
  private var vectorSum = CRC32C()

  /// Starts a segment of exactly `count` vectors at `path`.
  ///
  /// - Parameters:
  ///   - id: the segment's number in its library.
  ///   - fingerprint: 32 bytes that name model and preprocessing; readers refuse to mix different ones.
  /// - Throws: ``IndexError`` when the file cannot be made or the disk has no room for it.
  package init(
    to path: FilePath, id: UInt64, fingerprint: [UInt8], dimension: Int, count: Int, storage: RowStorage
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
    header = SegmentHeader(
      segmentID: id, fingerprint: fingerprint, dimension: dimension, count: count, storage: storage)
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
    try append(key, vector.span)
  }

  /// Appends a vector of length 1 whose key is above the one before it.
  package func append(_ key: VectorKey, _ vector: Span<Float>) throws(IndexError) {
    guard vector.count == header.dimension else {
      throw refusal(.wrongDimension, key, "has \(vector.count) numbers, not \(header.dimension)")
    }
    if let fault = vector.withUnsafeBufferPointer({ UnitVector.fault(in: $0) }) {
      throw refusal(.invalidVector, key, fault)
    }
    if let item = items.last, let ordinal = ordinals.last, key <= VectorKey(item: item, ordinal: ordinal) {
      throw refusal(.wrongKeys, key, "comes after item \(item), ordinal \(ordinal): keys must rise")
    }
    guard items.count < header.count else {
      throw refusal(.wrongKeys, key, "is one more than the \(header.count) that were announced")
    }
    switch header.storage {
    case .float32:
      try write(vector.bytes)
    case .float16:
      let halves = [UInt16](unsafeUninitializedCapacity: vector.count) { output, count in
        vector.withUnsafeBufferPointer { from in
          guard let from = from.baseAddress, let to = output.baseAddress else { return }
          ScanKernels.current.narrow(from, count: vector.count, into: to)
        }
        count = vector.count
      }
      try write(halves.span.bytes)
    }
    items.append(key.item)
    ordinals.append(key.ordinal)
  }

  private func write(_ row: RawSpan) throws(IndexError) {
    vectorSum.update(row)
    do { try output.append(row) } catch { throw IndexError(error) }
  }

  /// Writes what is left, syncs the file and gives it its name.
  ///
  /// - Returns: the size of the file in bytes.
  /// - Throws: ``IndexError`` when vectors are missing or the disk is full; then there is no file.
  @discardableResult
  package func finish() throws(IndexError) -> Int {
    guard items.count == header.count else {
      output.discard()
      throw IndexError(
        .wrongKeys, "\(output.path): \(items.count) vectors came, \(header.count) were announced")
    }
    header.sections[0].checksum = vectorSum.value
    let items = self.items
    let ordinals = self.ordinals
    do {
      try appendSection(1, items.span.bytes)
      try appendSection(2, ordinals.span.bytes)
      try output.overwrite(header.encoded, at: 0)
      try output.commit()
    } catch {
      throw IndexError(error)
    }
    return header.fileSize
  }

  private func appendSection(_ index: Int, _ content: RawSpan) throws(FileError) {
    try output.pad(toMultipleOf: header.alignment)
    header.sections[index].checksum = CRC32C.checksum(content)
    try output.append(content)
  }

  private func refusal(_ code: IndexError.Code, _ key: VectorKey, _ what: String) -> IndexError {
    output.discard()
    return IndexError(
      code, "\(output.path): the vector of item \(key.item), ordinal \(key.ordinal), \(what)")
  }
}
