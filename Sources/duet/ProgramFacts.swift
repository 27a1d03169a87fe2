// SPDX-License-Identifier: Apache-2.0
import Catalog
import Compute
import LinearAlgebra
import Search
import VectorIndexes

/// What this program is and what it runs on.
enum ProgramFacts {
  /// What `--version` prints.
  static var versionText: String {
    """
    duet \(Duet.version)
    index format \(Segment.currentFormatVersion), catalog version \(CatalogStore.currentVersion)
    CPU \(CPU.levelName), \(ComputePool.shared.threadCount) threads
    BLAS \(BLASLibrary.name)
    """
  }

  /// The same for `duet info`.
  static var rows: [(String, String)] {
    [
      (
        "duet",
        "\(Duet.version), index format \(Segment.currentFormatVersion), catalog \(CatalogStore.currentVersion)"
      ),
      ("CPU", "\(CPU.levelName), \(ComputePool.shared.threadCount) threads"),
      ("BLAS", BLASLibrary.name),
    ]
  }

  /// What to do about a slow BLAS; nil when it is a fast one.
  static var slowBLASAdvice: String? {
    guard BLASLibrary.isReference else { return nil }
    return
      "the BLAS in use is the slow reference one: install a fast one (apt-get install libopenblas0-pthread)"
  }

  static var json: JSONText {
    [
      "version": .string(Duet.version), "indexFormat": .int(Segment.currentFormatVersion),
      "catalogVersion": .int(CatalogStore.currentVersion), "cpu": .string(CPU.levelName),
      "threads": .int(ComputePool.shared.threadCount), "blas": .string(BLASLibrary.name),
    ]
  }
}
