// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import LinearAlgebra

extension VectorTable {
  /// The sections of a mapped segment, in place.
  ///
  /// Sections are aligned to 64 bytes at least, lie inside the file and have the lengths that the header's sizes ask
  /// for: checked when the header was read, or so laid out.
  init(_ file: MappedFile, _ header: SegmentHeader) {
    func start<Element>(_ kind: SectionKind, _ type: Element.Type = Element.self) -> UnsafePointer<Element> {
      (file.base + (header.section(kind)?.offset ?? 0)).assumingMemoryBound(to: type)
    }
    let index = header.index
    let isCodes = header.storage == .int8
    let codes = CodeTable(
      codes: start(isCodes ? .vectors : .codes), scales: start(.codeScales), errors: start(.codeErrors),
      count: header.count,
      dimension: index.codeDimension)
    let lists = InvertedLists(
      count: index.listCount, blockCount: index.blockCount, codeDimension: index.codeDimension,
      centroids: start(.centroidCodes), centroidScales: start(.centroidScales), mean: start(.centroidMean),
      centroidBlocks: UnsafeRawPointer(start(.centroidBlocks, UInt8.self)), starts: start(.listStarts),
      blocks: UnsafeRawPointer(start(.listBlocks, UInt8.self)), efforts: start(.efforts))
    self.init(
      owner: file, dimension: header.dimension, items: start(.items), ordinals: start(.ordinals),
      rows: StoredRows(
        base: UnsafeRawPointer(start(.vectors, UInt8.self)), count: header.count,
        dimension: header.rowDimension, storage: header.storage, scales: isCodes ? start(.codeScales) : nil),
      codes: index.codeDimension > 0 ? codes : nil, lists: index.listCount > 0 ? lists : nil)
  }
}
