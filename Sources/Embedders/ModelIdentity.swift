// SPDX-License-Identifier: Apache-2.0
package import LinearAlgebra

/// What a library remembers of the model that made its vectors.
package struct ModelIdentity: Sendable, Hashable {
  /// The model's name: `BAAI/BGE-VL-base`, `builtin`, or a folder's name. For people; a folder may be renamed.
  package let id: String
  /// A hash of the weights, the configuration and the tokenizer.
  package let weightsHash: String
  /// The length of a vector.
  package let dimension: Int
  /// What happens to a picture before the model sees it, the view included.
  package let preprocessing: String
  /// How terms are added.
  package let composeRule: ComposeRule
  /// What the linear layers compute with. Vectors of all precisions live in one space: see ``Precision``.
  package let precision: Precision

  package init(
    id: String, weightsHash: String, dimension: Int, preprocessing: String, composeRule: ComposeRule,
    precision: Precision = .float32
  ) {
    self.id = id
    self.weightsHash = weightsHash
    self.dimension = dimension
    self.preprocessing = preprocessing
    self.composeRule = composeRule
    self.precision = precision
  }

  /// Whether vectors of both live in one space: everything but name and precision is equal.
  package func isInterchangeable(with other: ModelIdentity) -> Bool {
    weightsHash == other.weightsHash && dimension == other.dimension && preprocessing == other.preprocessing
      && composeRule == other.composeRule
  }
}
