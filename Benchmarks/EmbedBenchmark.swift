// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Embedders
import FoundationEssentials
import Images
import LinearAlgebra
import SystemPackage

/// The towers of a ViT-B/16 CLIP, beside the machine's rate of matrix products and beside PyTorch.
struct EmbedBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "ViT-B/16 f32: images/s and GFLOP/s beside SGEMM and PyTorch.")

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp(
      "A checkpoint of BGE-VL-base's sizes; where there is none, one with random weights is made, and stays.",
      valueName: "FOLDER"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "A Python with torch and transformers: Benchmarks/peers/embed_torch.py takes turns with ours.",
      valueName: "PYTHON"))
  var peer: String?

  @Option(help: ArgumentHelp("Where the peer's script is.", valueName: "FILE"))
  var peerScript = "Benchmarks/peers/embed_torch.py"

  private static let batches = [1, 8]
  private static let letters = "abcdefghij"
  private static let tokens = letters.count + 2

  func run() throws {
    machine.begin()
    let temporary = try TemporaryFolder()
    let folder = self.model.map { FilePath($0) } ?? temporary.path.appending("random-vit-b16")
    if !FileManager.default.fileExists(atPath: folder.appending("config.json").string) {
      _ = try RandomCheckpoint(in: folder)
    }
    let model = try ModelRegistry.open(try ModelLocator().locate(folder.string))
    guard model.dimension == RandomCheckpoint.dimension, model.imageInput?.width == 224 else {
      throw ValidationError("\(model.id) does not have BGE-VL-base's sizes")
    }
    let products = Self.products(machine.clock)
    let images = try Self.batches.map { try Self.images(model, $0, machine.clock) }
    let texts = Self.texts(model, machine.clock)
    let peers = try peer.map { try self.peers($0) } ?? []
    let pieces = products + images + [texts] + peers
    let times = try Measurement.alternating(seconds: machine.seconds, pieces: pieces.count) {
      try pieces[$0].seconds()
    }
    report(pieces, times)
  }

  /// The best product of the run is the yardstick; the peer's lines say how much longer it takes than ours of that batch.
  private func report(_ pieces: [Piece], _ times: [Measurement]) {
    let perText = RandomCheckpoint.gigaflopsPerText(tokens: Self.tokens)
    print(
      """
      Medians of \(times[0].runs.count) runs. Counted is what is computed, all but a token or two of the last block left
      out: \(RandomCheckpoint.gigaflopsPerImage.digits(2)) GFLOP an image (the whole tower: 35.13), \
      \(perText.digits(3)) a text of \(Self.tokens) tokens.

      """)
    let rates = zip(pieces, times).map { $0.gigaflops / $1.median }
    let best = zip(pieces, rates).filter { $0.0.kind == .product }.map(\.1).max() ?? .nan
    let table = Table("what", "ms", "GFLOP/s", "a second", "of the best SGEMM", "time of ours")
    for (index, piece) in pieces.enumerated() {
      let ours = pieces.firstIndex { $0.kind == .images && $0.count == piece.count } ?? index
      let isPeer = piece.kind == .peer
      table.row(
        piece.name, (times[index].median * 1e3).digits(2), isPeer ? "" : rates[index].digits(1),
        piece.kind == .product ? "" : (Double(piece.count) / times[index].median).digits(2),
        isPeer ? "" : "\((rates[index] / best * 100).digits(0)) %",
        isPeer ? (times[index].median / times[ours].median).digits(2) : "")
    }
  }

  private static func products(_ clock: MeasuringClock) -> [Piece] {
    let shapes = [
      (2048, 2048, 2048),
      (8 * (RandomCheckpoint.patchCount + 1), RandomCheckpoint.vision.m, RandomCheckpoint.vision.d),
    ]
    return shapes.flatMap { rows, columns, depth in
      [GEMM.Engine.blas, .kernels].map { engine in
        let product = Product(rows: rows, columns: columns, depth: depth, engine: engine)
        return Piece(name: product.name, kind: .product, count: 1, gigaflops: product.gigaflops) {
          Measurement.timing(clock) { product.run() }
        }
      }
    }
  }

  private static func images(_ model: any Embedder, _ batch: Int, _ clock: MeasuringClock) throws -> Piece {
    var numbers = RandomNumbers(seed: 4)
    let images = try (0..<batch).map { _ in
      let pixels = (0..<3 * 224 * 224).map { _ in UInt8((numbers.next() + 1) * 127) }
      return try model.prepare(Image(width: 224, height: 224, pixels: pixels))
    }
    return Piece(
      name: "**images, batch \(batch)**", kind: .images, count: batch,
      gigaflops: Double(batch) * RandomCheckpoint.gigaflopsPerImage
    ) {
      try Measurement.timing(clock) {
        let projected = try model.projectImages(images)
        precondition(projected.values.allSatisfy(\.isFinite), "the weights drown the pictures")
      }
    }
  }

  /// A text as a query has it: alone.
  private static func texts(_ model: any Embedder, _ clock: MeasuringClock) -> Piece {
    Piece(
      name: "a text of \(tokens) tokens", kind: .text, count: 1,
      gigaflops: RandomCheckpoint.gigaflopsPerText(tokens: tokens)
    ) {
      try Measurement.timing(clock) {
        let projected = try model.projectTexts([letters])
        precondition(projected.projections.values.allSatisfy(\.isFinite), "the weights drown the text")
      }
    }
  }

  private func peers(_ python: String) throws -> [Piece] {
    let threads = ComputePool.shared.threadCount
    let clock = machine.processorTime ? "processor" : "wall"
    let peer = try Peer([python, peerScript, "serve", "\(threads)", clock])
    return Self.batches.map { batch in
      Piece(name: "\(peer.name), batch \(batch)", kind: .peer, count: batch, gigaflops: 0) {
        try peer.seconds(for: "\(batch)")
      }
    }
  }
}

/// Work that times itself.
private struct Piece {
  enum Kind { case product, images, text, peer }

  let name: String
  let kind: Kind
  /// Pictures or texts.
  let count: Int
  /// What is computed in all; not known of a peer.
  let gigaflops: Double
  let seconds: () throws -> Double
}
