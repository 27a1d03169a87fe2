// SPDX-License-Identifier: Apache-2.0
import Embedders
import Images
import LinearAlgebra

/// Work of the embedding benchmark that times itself.
struct EmbedPiece {
  enum Kind { case product, images, text }

  let name: String
  let kind: Kind
  let precision: Precision
  let isPeer: Bool
  /// Pictures or texts.
  let count: Int
  /// What is computed in all; not known of a peer.
  let gigaflops: Double
  let seconds: () throws -> Double

  static let batches = [1, 8]
  private static let letters = "abcdefghij"
  /// Of a text: its letters, begin and end.
  static let tokens = letters.count + 2

  init(
    name: String, kind: Kind, precision: Precision, isPeer: Bool, count: Int, gigaflops: Double,
    seconds: @escaping () throws -> Double
  ) {
    self.name = name
    self.kind = kind
    self.precision = precision
    self.isPeer = isPeer
    self.count = count
    self.gigaflops = gigaflops
    self.seconds = seconds
  }

  /// The first product of the feed-forward part for eight pictures.
  static func product(
    _ architecture: Architecture, _ precision: Precision, _ clock: MeasuringClock
  ) -> EmbedPiece {
    let rows = 8 * (architecture.patchCount + 1)
    let (columns, depth) = (architecture.vision.m, architecture.vision.d)
    let (name, gigaflops, run): (String, Double, () -> Void)
    if precision == .float32 {
      let product = Product(rows: rows, columns: columns, depth: depth, engine: GEMM.engine(rows: rows))
      (name, gigaflops, run) = (product.name, product.gigaflops, product.run)
    } else {
      let product = PackedProduct(rows: rows, columns: columns, depth: depth, precision: precision)
      (name, gigaflops, run) = (product.name, product.gigaflops, product.run)
    }
    return EmbedPiece(
      name: name, kind: .product, precision: precision, isPeer: false, count: 1, gigaflops: gigaflops
    ) { Measurement.timing(clock) { run() } }
  }

  /// Pictures of noise, prepared already.
  static func images(
    _ model: any Embedder, _ architecture: Architecture, _ batch: Int, _ precision: Precision,
    _ clock: MeasuringClock
  ) throws -> EmbedPiece {
    var numbers = RandomNumbers(seed: 4)
    let images = try (0..<batch).map { _ in
      let pixels = (0..<3 * 224 * 224).map { _ in UInt8((numbers.next() + 1) * 127) }
      return try model.prepare(Image(width: 224, height: 224, pixels: pixels))
    }
    return EmbedPiece(
      name: "**\(precision.rawValue): images, batch \(batch)**", kind: .images, precision: precision,
      isPeer: false, count: batch, gigaflops: Double(batch) * architecture.gigaflopsPerImage
    ) {
      try Measurement.timing(clock) {
        let projected = try model.projectImages(images)
        precondition(projected.values.allSatisfy(\.isFinite), "the weights drown the pictures")
      }
    }
  }

  /// A text as a query has it: alone.
  static func text(
    _ model: any Embedder, _ architecture: Architecture, _ precision: Precision, _ clock: MeasuringClock
  ) -> EmbedPiece {
    EmbedPiece(
      name: "**\(precision.rawValue): a text of \(tokens) tokens**", kind: .text, precision: precision,
      isPeer: false, count: 1, gigaflops: architecture.gigaflopsPerText(tokens: tokens)
    ) {
      try Measurement.timing(clock) {
        let projected = try model.projectTexts([letters])
        precondition(projected.projections.values.allSatisfy(\.isFinite), "the weights drown the text")
      }
    }
  }
}
