// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

extension Segment {
  /// Reads the whole file and checks what opening does not: checksums, order of keys, padding, every vector, that codes
  /// are as near to the vectors as they say, and that the lists hold every vector.
  ///
  /// - Throws: ``IndexError``, `.damaged`, that names the first fault.
  package func verify() throws(IndexError) {
    willReadAll()
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
    var row = [Float](repeating: 0, count: table.rows.dimension)
    for slot in 0..<count {
      ScanKernels.current.widen(table.rows, range: slot..<(slot + 1), into: &row)
      if let fault = row.withUnsafeBufferPointer({ UnitVector.fault(in: $0) }) {
        throw damage("the vector of slot \(slot) \(fault)")
      }
      // Rotated rows are longer than vectors, and nothing is there.
      guard row[dimension...].allSatisfy({ $0 == 0 }) else {
        throw damage("the row of slot \(slot) goes on behind its \(dimension) numbers")
      }
    }
    // int8 rows are their own codes.
    if let codes = table.codes, !table.isRotated { try verifyCodes(table.rows, codes) }
    if let lists = table.lists { try verifyLists(lists) }
  }

  /// Whether no code is further from its row than it says: what exact search relies on.
  private func verifyCodes(_ rows: StoredRows, _ codes: CodeTable) throws(IndexError) {
    let rotation = Rotation(dimension: dimension)
    let fault = RotatedRow.with(rows, rotation) { row in
      (0..<count).first { slot in
        let code = codes.codes + slot * codes.dimension
        let distance = QuantizedQueries.distances(row.load(slot), code, codes.scales[slot], codes.dimension)
          .error
        return !(distance <= codes.errors[slot / CodeTable.groupSize])
      }
    }
    if let fault { throw damage("the code of slot \(fault) is further from its vector than it says") }
  }

  /// Whether the lists hold every slot twice and nothing else.
  private func verifyLists(_ lists: InvertedLists) throws(IndexError) {
    guard lists.starts[0] == 0, Int(lists.starts[lists.count]) == lists.blockCount,
      (0..<lists.count).allSatisfy({ lists.starts[$0] <= lists.starts[$0 + 1] })
    else { throw damage("the starts of the lists do not rise from 0 to the number of blocks") }
    var places = [UInt8](repeating: 0, count: count)
    for block in 0..<lists.blockCount {
      for slot in lists.entries(of: block) {
        guard slot < count, places[Int(slot)] < 2 else {
          throw damage("slot \(slot) stands in the lists where it should not")
        }
        places[Int(slot)] += 1
      }
    }
    guard let missing = places.firstIndex(where: { $0 != 2 }) else { return }
    throw damage("slot \(missing) stands in \(places[missing]) lists, not in 2")
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
