// SPDX-License-Identifier: Apache-2.0

/// The two things of an item that have embeddings.
package enum VectorField: String, Hashable, Sendable, CaseIterable {
  /// One embedding, of the picture.
  case image
  /// One embedding per distinct caption.
  case caption
}

/// Names one embedding within a space and a field.
package struct FreshVectorKey: Hashable, Comparable, Sendable {
  package var item: ItemID
  /// 0 for pictures, the caption's place for captions.
  package var ordinal: UInt32

  package init(item: ItemID, ordinal: UInt32 = 0) {
    self.item = item
    self.ordinal = ordinal
  }

  package static func < (a: Self, b: Self) -> Bool {
    (a.item, a.ordinal) < (b.item, b.ordinal)
  }
}

/// The fingerprint of an embedding space: vectors of two different ones are never compared.
package struct SpaceIdentity: Hashable, Sendable {
  package var model: String
  package var weightsHash: String
  package var preprocessing: String
  package var dimension: Int
  /// `rawSum` or `unitSum`.
  package var composeRule: String

  package init(
    model: String, weightsHash: String, preprocessing: String, dimension: Int, composeRule: String
  ) {
    self.model = model
    self.weightsHash = weightsHash
    self.preprocessing = preprocessing
    self.dimension = dimension
    self.composeRule = composeRule
  }

  /// Whether vectors of both may be compared: everything but the model's name is equal. One checkpoint has many names:
  /// its folder, a copy, its place in a cache.
  package func isInterchangeable(with other: SpaceIdentity) -> Bool {
    weightsHash == other.weightsHash && preprocessing == other.preprocessing && dimension == other.dimension
      && composeRule == other.composeRule
  }
}

/// An embedding space of the library.
package struct Space: Hashable, Sendable {
  /// What a space is good for.
  package enum State: String, Sendable {
    /// Queries use it. At most one.
    case active
    /// `index --model other` is filling it. At most one.
    case building
    /// Replaced; its segment files wait to be unlinked.
    case retired
  }

  package let id: SpaceID
  package let identity: SpaceIdentity
  package let state: State
}

/// A segment file about to be named live.
package struct NewSegment: Sendable {
  package var space: SpaceID
  package var field: VectorField
  /// The file's name, from `SegmentFileName.make()`.
  package var file: String
  /// How many vectors it holds.
  package var count: Int
  /// The file's size.
  package var bytes: Int64
  /// The smallest and largest item id in it.
  package var items: ClosedRange<ItemID>

  package init(
    space: SpaceID, field: VectorField, file: String, count: Int, bytes: Int64, items: ClosedRange<ItemID>
  ) {
    self.space = space
    self.field = field
    self.file = file
    self.count = count
    self.bytes = bytes
    self.items = items
  }
}

/// Names for segment files.
package enum SegmentFileName {
  /// A name no segment ever had: 128 random bits. Counting would not do, because a catalog restored from an
  /// earlier commit counts the same numbers again while the files of the lost future still lie there.
  package static func make() -> String {
    Schema.hexadecimal(.random(in: .min ... .max)) + Schema.hexadecimal(.random(in: .min ... .max))
      + ".duetvec"
  }
}

/// A segment the catalog knows.
package struct SegmentRecord: Hashable, Sendable {
  package let id: SegmentID
  package let space: SpaceID
  package let field: VectorField
  package let file: String
  package let count: Int
  package let bytes: Int64
  package let items: ClosedRange<ItemID>
  /// The commit that retired it; nil while it is live.
  package let retired: Generation?
}

/// Vectors that lie in the catalog itself, in order of key.
package struct FreshVectors: Sendable {
  /// Names of the rows, for `publishSegment`: a row that was replaced meanwhile has another one.
  package var rows: [Int64] = []
  package var keys: [FreshVectorKey] = []
  /// Shape [keys.count, dimension], row-major.
  package var vectors: [Float] = []
  package let dimension: Int

  package init(dimension: Int) {
    self.dimension = dimension
  }

  package var count: Int { keys.count }
}

/// How scores of unrelated queries spread in one field: what a score is measured against.
package struct Calibration: Hashable, Sendable {
  package var field: VectorField
  /// Which kind of query it is for: `text`, `image`, `composed`.
  package var kind: String
  package var mean: Double
  package var deviation: Double
  package var sampleCount: Int
  /// Ascending.
  package var quantiles: [Float]
  /// The commit it was computed on; set when stored.
  package var generation: Generation

  package init(
    field: VectorField, kind: String, mean: Double, deviation: Double, sampleCount: Int, quantiles: [Float],
    generation: Generation = 0
  ) {
    self.field = field
    self.kind = kind
    self.mean = mean
    self.deviation = deviation
    self.sampleCount = sampleCount
    self.quantiles = quantiles
    self.generation = generation
  }
}
