// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Compute
import Embedders
import FoundationEssentials
import Images
import LinearAlgebra
import SystemPackage

/// The towers of a CLIP in every precision, beside the machine's rate of matrix products and beside peers.
struct EmbedBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract:
      "A CLIP of random weights: images/s and texts/s beside matrix products, PyTorch and ONNX Runtime.")

  @OptionGroup var machine: MachineOptions

  @Option(help: "The sizes of the CLIP: b32, b16 or l14.")
  var architecture = Architecture.b16

  @Option(
    help: ArgumentHelp(
      "A checkpoint of those sizes; where there is none, one with random weights is made, and stays.",
      valueName: "FOLDER"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "A Python with torch, transformers, onnx and onnxruntime: Benchmarks/peers/embed.py takes turns with ours.",
      valueName: "PYTHON"))
  var peer: String?

  @Option(help: ArgumentHelp("Where the peer's script is.", valueName: "FILE"))
  var peerScript = "Benchmarks/peers/embed.py"

  func run() throws {
    machine.begin()
    let temporary = try TemporaryFolder()
    let folder =
      self.model.map { FilePath($0) } ?? temporary.path.appending("random-\(architecture.rawValue)")
    if !FileManager.default.fileExists(atPath: folder.appending("config.json").string) {
      _ = try RandomCheckpoint(architecture, in: folder)
    }
    let source = try ModelLocator().locate(folder.string)
    let cache = PackedWeightsCache(folder: temporary.path.appending("packed"))
    var pieces: [EmbedPiece] = []
    for precision in Precision.allCases {
      let model = try ModelRegistry.open(source, precision: precision, packedWeights: cache)
      guard model.dimension == architecture.dimension, model.imageInput?.width == 224 else {
        throw ValidationError("\(model.id) does not have the sizes of \(architecture.name)")
      }
      pieces.append(.product(architecture, precision, machine.clock))
      for batch in EmbedPiece.batches {
        pieces.append(try .images(model, architecture, batch, precision, machine.clock))
      }
      pieces.append(.text(model, architecture, precision, machine.clock))
    }
    if let peer { pieces += try peers(peer) }
    let times = try Measurement.alternating(seconds: machine.seconds, pieces: pieces.count) {
      try pieces[$0].seconds()
    }
    report(pieces, times)
    try reportOpening(source, cache)
  }

  /// From nothing to a tower that can be used, its packed weights in the cache already.
  private func reportOpening(_ source: ModelSource, _ cache: PackedWeightsCache) throws {
    print("\nOpening the model and one tower, medians of 9, ms:\n")
    let table = Table("precision", "vision tower", "text tower")
    for precision in Precision.allCases {
      let times = try Measurement.alternating(
        seconds: 0.1, atLeast: 9,
        [(false, true), (true, false)].map { texts, images in
          {
            try ModelRegistry.open(source, precision: precision, packedWeights: cache)
              .warmUp(texts: texts, images: images)
          }
        })
      table.row(precision.rawValue, (times[0].median * 1e3).digits(1), (times[1].median * 1e3).digits(1))
    }
  }

  /// Work of the same kind and precision is compared: the product of a precision is the yardstick of its towers, and a
  /// peer's line says how much longer it takes than ours.
  private func report(_ pieces: [EmbedPiece], _ times: [Measurement]) {
    print(
      """
      \(architecture.name); medians of \(times[0].runs.count) runs. Counted is what is computed, all but a token or two of \
      the last block left out: \(architecture.gigaflopsPerImage.digits(2)) GFLOP an image, \
      \(architecture.gigaflopsPerText(tokens: EmbedPiece.tokens).digits(3)) a text of \(EmbedPiece.tokens) tokens.

      """)
    let table = Table("what", "ms", "a second", "GFLOP/s", "of the product's", "time of ours")
    for (piece, time) in zip(pieces, times) {
      let rate = piece.gigaflops / time.median
      func other(_ isOther: (EmbedPiece) -> Bool) -> Measurement? {
        pieces.firstIndex { isOther($0) && $0.precision == piece.precision }.map { times[$0] }
      }
      let product = pieces.firstIndex { $0.kind == .product && $0.precision == piece.precision }
      let best = product.map { pieces[$0].gigaflops / times[$0].median } ?? .nan
      let ours = other { $0.kind == piece.kind && $0.count == piece.count && !$0.isPeer }
      table.row(
        piece.name, (time.median * 1e3).digits(2),
        piece.kind == .product ? "" : (Double(piece.count) / time.median).digits(2),
        piece.isPeer ? "" : rate.digits(0), piece.isPeer ? "" : "\((rate / best * 100).digits(0)) %",
        piece.isPeer ? (time.median / (ours?.median ?? .nan)).digits(2) : "")
    }
  }

  private func peers(_ python: String) throws -> [EmbedPiece] {
    let threads = ComputePool.shared.threadCount
    let clock = machine.processorTime ? "processor" : "wall"
    let peer = try Peer([python, peerScript, architecture.rawValue, "\(threads)", clock])
    return peer.name.split(separator: ";").flatMap { name -> [EmbedPiece] in
      // "torch 2.15.0 f32"
      guard let precision = name.split(separator: " ").last.flatMap({ Precision(rawValue: String($0)) })
      else {
        return []
      }
      let images = EmbedPiece.batches.map { batch in
        EmbedPiece(
          name: "\(name): images, batch \(batch)", kind: .images, precision: precision, isPeer: true,
          count: batch,
          gigaflops: 0
        ) { try peer.seconds(for: "\(name);images;\(batch)") }
      }
      let text = EmbedPiece(
        name: "\(name): a text", kind: .text, precision: precision, isPeer: true, count: 1, gigaflops: 0
      ) { try peer.seconds(for: "\(name);text;\(EmbedPiece.tokens)") }
      return images + [text]
    }
  }
}

extension Precision: ExpressibleByArgument {}
