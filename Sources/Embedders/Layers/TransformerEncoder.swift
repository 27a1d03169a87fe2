// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

/// The pre-norm transformer of every ViT and of the CLIP text towers (Vaswani et al. 2017; Radford et al. 2021):
///
///     x += Wo · attention(norm1(x))
///     x += W2 · activation(W1 · norm2(x))
///
/// Sequences lie one after the other, each at its own length: nothing is padded. Of the last layer only the row that
/// stands for its sequence is computed, since nobody looks at the others.
struct TransformerEncoder: Sendable {
  /// One block; `d` is the hidden size, `m` the width of the feed-forward part.
  struct Layer: Sendable {
    let norm1: LayerNorm
    let query: Linear  // [d, d]
    let keyValue: Linear  // [2d, d]
    let output: Linear  // [d, d]
    let norm2: LayerNorm
    let up: Linear  // [m, d]
    let down: Linear  // [d, m]
  }

  let hiddenSize: Int
  let intermediateSize: Int
  let attention: Attention
  let activation: Activation
  let layers: [Layer]

  /// The matrices of one run. They are made once, and every layer uses them again.
  struct Workspace: ~Copyable {
    /// `[tokens, d]`: what goes in, and what the layers change.
    var hidden = Matrix()
    /// `[sequences, d]`: what comes out.
    var pooled = Matrix()
    fileprivate var normed = Activations()
    /// Query, key and value side by side; key and value alone in the last layer.
    fileprivate var projected = Matrix()
    fileprivate var queries = Matrix()
    fileprivate var attended = Activations()
    fileprivate var intermediate = Activations()
    fileprivate var scratch = Matrix()
  }

  /// Runs all layers over `workspace.hidden`, and leaves the rows that stand for their sequences in `workspace.pooled`.
  ///
  /// - Parameters:
  ///   - lengths: the tokens of each sequence, in order.
  ///   - positions: which token of each sequence stands for it, from 0.
  func run(_ workspace: inout Workspace, lengths: [Int], positions: [Int]) {
    guard let last = layers.last else { preconditionFailure("an encoder has layers") }
    for layer in layers.dropLast() { run(layer, &workspace, lengths) }
    runPooled(last, &workspace, lengths, positions)
  }

  private func run(_ layer: Layer, _ w: inout Workspace, _ lengths: [Int]) {
    layer.norm1.apply(w.hidden, into: &w.normed.matrix)
    layer.query.prepare(&w.normed)
    w.projected.resize(rows: w.hidden.rows, columns: 3 * hiddenSize)
    layer.query.apply(w.normed, into: &w.projected)
    layer.keyValue.apply(w.normed, into: &w.projected, column: hiddenSize)
    attention.apply(w.projected, lengths: lengths, scratch: &w.scratch, into: &w.attended.matrix)
    layer.output.prepare(&w.attended)
    layer.output.add(w.attended, to: &w.hidden)
    feedForward(layer, &w.hidden, &w.normed, &w.intermediate)
  }

  private func runPooled(_ layer: Layer, _ w: inout Workspace, _ lengths: [Int], _ positions: [Int]) {
    var rows: [Int] = []
    var first = 0
    for (length, position) in zip(lengths, positions) {
      rows.append(first + position)
      first += length
    }
    layer.norm1.apply(w.hidden, into: &w.normed.matrix)
    layer.keyValue.prepare(&w.normed)
    w.projected.resize(rows: w.hidden.rows, columns: 2 * hiddenSize)
    layer.keyValue.apply(w.normed, into: &w.projected)
    w.attended.matrix.gather(rows, from: w.normed.matrix)
    layer.query.prepare(&w.attended)
    w.queries.resize(rows: rows.count, columns: hiddenSize)
    layer.query.apply(w.attended, into: &w.queries)
    attention.applyPooled(
      queries: w.queries, keyValue: w.projected, lengths: lengths, positions: positions, scratch: &w.scratch,
      into: &w.attended.matrix)
    w.pooled.gather(rows, from: w.hidden)
    layer.output.prepare(&w.attended)
    layer.output.add(w.attended, to: &w.pooled)
    feedForward(layer, &w.pooled, &w.normed, &w.intermediate)
  }

  /// `x += W2 · activation(W1 · norm2(x))`
  private func feedForward(
    _ layer: Layer, _ x: inout Matrix, _ normed: inout Activations, _ intermediate: inout Activations
  ) {
    layer.norm2.apply(x, into: &normed.matrix)
    layer.up.prepare(&normed)
    intermediate.matrix.resize(rows: x.rows, columns: intermediateSize)
    layer.up.apply(normed, activation: activation, into: &intermediate.matrix)
    layer.down.prepare(&intermediate)
    layer.down.add(intermediate, to: &x)
  }
}
