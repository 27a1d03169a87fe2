// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

extension SegmentWriter {
  /// Appends the sections of codes and, where the structure has them, of lists.
  func appendIndex(progress: (Double) throws -> Void) throws {
    let written = try output.mapAppended()
    let rowScales = header.storage == .int8 ? SharedArray(copying: scales) : nil
    let rows = StoredRows(
      base: written.base + header.sections[0].offset, count: header.count, dimension: header.rowDimension,
      storage: header.storage, scales: rowScales.map { UnsafePointer($0.base) })
    let rotation = Rotation(dimension: header.dimension)
    try withExtendedLifetime((written, rowScales)) {
      if let rowScales { try appendScales(rowScales.array) } else { try appendCodes(rows, rotation) }
      guard header.index.listCount > 0 else { return }
      let choice =
        try keptLists?.choice(rows, rotation: rotation, pool: pool, progress: progress)
        ?? ListChoice(rows, listCount: header.index.listCount, pool: pool, progress: progress)
      let builder = ListBuilder(rows, rotation: rotation, choice: choice, pool: pool)
      try appendLists(builder)
      layOut(listCount: builder.listCount, blockCount: builder.blockCount)
    }
    guard header.index.listCount > 0 else { return }
    let table = VectorTable(try output.mapAppended(), header)
    let efforts = try EffortMeasurement(table, rotation: rotation, pool: pool).efforts()
    try append(section: efforts.span.bytes)
    try progress(1)
  }

  private func appendCodes(_ rows: StoredRows, _ rotation: Rotation) throws(FileError) {
    try beginSection()
    let quality = try CodeWriter(rows: rows, rotation: rotation, pool: pool).write {
      (codes) throws(FileError) in
      try append(part: codes.span.bytes)
    }
    try append(section: quality.scales.span.bytes)
    try append(section: quality.errors.span.bytes)
  }

  /// What stands beside int8 rows: their codes are themselves, without an error.
  private func appendScales(_ scales: [Float]) throws(FileError) {
    try append(section: scales.span.bytes)
    let groups = (header.count + CodeTable.groupSize - 1) / CodeTable.groupSize
    try append(section: [Float](repeating: 0, count: groups).span.bytes)
  }

  private func appendLists(_ builder: ListBuilder) throws(FileError) {
    let (codes, scales) = builder.centroidCodes()
    let mean = builder.centroidMean()
    try append(section: codes.span.bytes)
    try append(section: scales.span.bytes)
    try append(section: mean.span.bytes)
    try append(section: builder.centroidBlocks(mean: mean).span.bytes)
    try append(section: builder.starts.span.bytes)
    try beginSection()
    try builder.writeBlocks { (blocks) throws(FileError) in try append(part: blocks.span.bytes) }
  }
}
