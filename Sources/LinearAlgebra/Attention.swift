// SPDX-License-Identifier: Apache-2.0
import CKernels
import Compute
import Synchronization

/// Multi-head attention over a batch of sequences that lie one after the other, each at its own length (no
/// padding): softmax(q · kᵀ / √headDimension) · v for each head (Vaswani et al. 2017).
package struct Attention: Sendable {
  /// The number of heads.
  package let headCount: Int
  /// The columns of one head.
  package let headDimension: Int
  /// Whether a token sees only itself and what comes before it.
  package let isCausal: Bool

  /// Attention over `headCount · headDimension` columns.
  package init(headCount: Int, headDimension: Int, isCausal: Bool = false) {
    precondition(headCount > 0 && headDimension > 0, "attention needs a head")
    self.headCount = headCount
    self.headDimension = headDimension
    self.isCausal = isCausal
  }

  private var width: Int { headCount * headDimension }

  /// `output` becomes the attention of every token.
  ///
  /// - Parameters:
  ///   - queryKeyValue: `[tokens, 3 · width]`, query, key and value side by side.
  ///   - lengths: The tokens of each sequence, in order; their sum is `tokens`.
  ///   - scratch: Any matrix; it is resized, and used again by the next call.
  ///   - output: Becomes `[tokens, width]`.
  package func apply(
    _ queryKeyValue: borrowing Matrix, lengths: [Int], scratch: inout Matrix, into output: inout Matrix
  ) {
    precondition(queryKeyValue.columns == 3 * width, "the input is not query, key and value")
    precondition(lengths.reduce(0, +) == queryKeyValue.rows, "the lengths do not add up to the tokens")
    output.resize(rows: queryKeyValue.rows, columns: width)
    var sequences: [Sequence] = []
    var first = 0
    for length in lengths {
      precondition(length > 0, "an empty sequence")
      sequences.append(
        Sequence(
          firstKey: first, keyCount: length, firstQuery: first, queryCount: length,
          firstVisible: isCausal ? 1 : length, visibleStep: isCausal ? 1 : 0))
      first += length
    }
    run(
      sequences, query: queryKeyValue.input, keyValue: queryKeyValue.input, keyColumn: width,
      scratch: &scratch, output: &output)
  }

  /// `output` becomes the attention of one token of each sequence: all that the last layer of a tower needs.
  ///
  /// - Parameters:
  ///   - queries: `[sequences, width]`, the query of each sequence's token.
  ///   - keyValue: `[tokens, 2 · width]`, key and value side by side.
  ///   - lengths: The tokens of each sequence, in order; their sum is `tokens`.
  ///   - positions: Which token of each sequence the query belongs to, from 0.
  ///   - scratch: Any matrix; it is resized, and used again by the next call.
  ///   - output: Becomes `[sequences, width]`.
  package func applyPooled(
    queries: borrowing Matrix, keyValue: borrowing Matrix, lengths: [Int], positions: [Int],
    scratch: inout Matrix, into output: inout Matrix
  ) {
    precondition(queries.columns == width && keyValue.columns == 2 * width, "widths differ")
    precondition(lengths.reduce(0, +) == keyValue.rows, "the lengths do not add up to the tokens")
    precondition(
      queries.rows == lengths.count && positions.count == lengths.count, "one query for each sequence")
    output.resize(rows: lengths.count, columns: width)
    var sequences: [Sequence] = []
    var first = 0
    for (index, (length, position)) in zip(lengths, positions).enumerated() {
      precondition(position >= 0 && position < length, "the pooled token lies outside its sequence")
      sequences.append(
        Sequence(
          firstKey: first, keyCount: isCausal ? position + 1 : length, firstQuery: index, queryCount: 1,
          firstVisible: length, visibleStep: 0))
      first += length
    }
    run(
      sequences, query: queries.input, keyValue: keyValue.input, keyColumn: 0, scratch: &scratch,
      output: &output)
  }

  /// Where a sequence's rows lie, and which keys they see.
  private struct Sequence: Sendable {
    let firstKey: Int, keyCount: Int
    let firstQuery: Int, queryCount: Int
    let firstVisible: Int, visibleStep: Int
  }

  /// One task for each head of each sequence. As many workers as there are threads take them in turn, each
  /// with a row of `scratch`; a task's result does not depend on its worker.
  private func run(
    _ sequences: [Sequence], query: SharedInput, keyValue: SharedInput, keyColumn: Int, scratch: inout Matrix,
    output: inout Matrix
  ) {
    let longest = sequences.map(\.keyCount).max() ?? 0
    let taskCount = sequences.count * headCount
    let workers = min(taskCount, ComputePool.shared.threadCount)
    scratch.resize(rows: workers, columns: duet_attention_scratch(longest, headDimension))
    let room = scratch.output
    let result = output.output
    let next = Atomic<Int>(0)
    ComputePool.shared.forEach(workers) { worker in
      let kernels = TransformerKernels.current
      while true {
        let task = next.add(1, ordering: .relaxed).oldValue
        guard task < taskCount else { return }
        let sequence = sequences[task / headCount]
        let column = task % headCount * headDimension
        var head = duet_attention_head()
        head.q = query.at(row: sequence.firstQuery, column: column)
        head.q_stride = query.stride
        head.q_rows = sequence.queryCount
        head.k = keyValue.at(row: sequence.firstKey, column: keyColumn + column)
        head.v = keyValue.at(row: sequence.firstKey, column: keyColumn + width + column)
        head.kv_stride = keyValue.stride
        head.key_count = sequence.keyCount
        head.head_dim = headDimension
        head.scale = 1 / Float(headDimension).squareRoot()
        head.first_visible = sequence.firstVisible
        head.visible_step = sequence.visibleStep
        head.out = result.at(row: sequence.firstQuery, column: column)
        head.out_stride = result.stride
        head.scratch = room.at(row: worker)
        kernels.attention(&head)
      }
    }
  }
}
