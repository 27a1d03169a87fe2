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
    let key: Linear  // [d, d]
    let value: Linear  // [d, d]
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
    fileprivate var normed = Matrix()
    /// Query, key and value side by side; key and value alone in the last layer.
    fileprivate var projected = Matrix()
    fileprivate var queries = Matrix()
    fileprivate var attended = Matrix()
    fileprivate var intermediate = Matrix()
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
    let tokens = w.hidden.rows
    layer.norm1.apply(w.hidden, into: &w.normed)
    w.projected.resize(rows: tokens, columns: 3 * hiddenSize)
    layer.query.apply(w.normed, into: &w.projected)
    layer.key.apply(w.normed, into: &w.projected, column: hiddenSize)
    layer.value.apply(w.normed, into: &w.projected, column: 2 * hiddenSize)
    attention.apply(w.projected, lengths: lengths, scratch: &w.scratch, into: &w.attended)
    layer.output.add(w.attended, to: &w.hidden)

    layer.norm2.apply(w.hidden, into: &w.normed)
    w.intermediate.resize(rows: tokens, columns: intermediateSize)
    layer.up.apply(w.normed, activation: activation, into: &w.intermediate)
    layer.down.add(w.intermediate, to: &w.hidden)
  }

  private func runPooled(_ layer: Layer, _ w: inout Workspace, _ lengths: [Int], _ positions: [Int]) {
    var rows: [Int] = []
    var first = 0
    for (length, position) in zip(lengths, positions) {
      rows.append(first + position)
      first += length
    }
    layer.norm1.apply(w.hidden, into: &w.normed)
    w.projected.resize(rows: w.hidden.rows, columns: 2 * hiddenSize)
    layer.key.apply(w.normed, into: &w.projected)
    layer.value.apply(w.normed, into: &w.projected, column: hiddenSize)
    w.pooled.gather(rows, from: w.normed)
    w.queries.resize(rows: rows.count, columns: hiddenSize)
    layer.query.apply(w.pooled, into: &w.queries)
    attention.applyPooled(
      queries: w.queries, keyValue: w.projected, lengths: lengths, positions: positions, scratch: &w.scratch,
      into: &w.attended)
    w.pooled.gather(rows, from: w.hidden)
    layer.output.add(w.attended, to: &w.pooled)

    layer.norm2.apply(w.pooled, into: &w.normed)
    w.intermediate.resize(rows: rows.count, columns: intermediateSize)
    layer.up.apply(w.normed, activation: activation, into: &w.intermediate)
    layer.down.add(w.intermediate, to: &w.pooled)
  }
}
