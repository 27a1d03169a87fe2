// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import SystemPackage
import VectorIndexes

extension SegmentWriter {
  /// A writer of a segment that belongs to no library.
  convenience init(
    to path: FilePath, dimension: Int, count: Int, storage: RowStorage, structure: SegmentStructure
  ) throws {
    try self.init(
      to: path, id: 1, fingerprint: [UInt8](repeating: 1, count: 32), dimension: dimension, count: count,
      storage: storage, structure: structure)
  }
}

extension NumpyFile {
  /// The vectors of a benchmark's folder: `base.npy`, rows of length 1.
  static func base(of folder: String) throws -> NumpyFile {
    try NumpyFile(FilePath(folder).appending("base.npy"), type: "<f4")
  }

  /// The queries of a benchmark's folder, of the base's kind ("main") and texts, as far as they are there; a set's other files
  /// have the suffix, too.
  static func querySets(of folder: String) -> [(name: String, suffix: String, rows: NumpyFile)] {
    [("main", ""), ("text", "_text")].compactMap { name, suffix in
      let path = FilePath(folder).appending("queries\(suffix).npy")
      return (try? NumpyFile(path, type: "<f4")).map { (name, suffix, $0) }
    }
  }

  /// Writes rows as a segment, their numbers as item ids.
  ///
  /// - Parameter count: how many; more than there are come again from the first on. nil for all.
  /// - Returns: its bytes.
  @discardableResult
  func writeSegment(
    to path: FilePath, count: Int? = nil, storage: RowStorage, structure: SegmentStructure
  ) throws -> Int {
    let count = count ?? rows
    let writer = try SegmentWriter(
      to: path, dimension: columns, count: count, storage: storage, structure: structure)
    for index in 0..<count {
      try writer.append(VectorKey(item: Int64(index)), row(index % rows, as: Float.self))
    }
    return try writer.finish()
  }
}
