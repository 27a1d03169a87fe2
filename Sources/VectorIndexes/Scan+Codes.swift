// SPDX-License-Identifier: Apache-2.0
internal import LinearAlgebra

extension Scan {
  /// Scores a block by its rows' codes, and what they leave in doubt again by the scan kernels: certified exact.
  func scoreByCodes(
    _ chunk: Range<Int>, _ block: Block, _ codes: CodeTable, _ quantized: QuantizedQueries,
    _ collectors: inout [TopK]
  ) {
    let kernels = CodeKernels.current
    let error = codes.error(of: block.slots)
    let margins = chunk.map { quantized.margin($0, codeError: error) }
    var candidates: [Candidate] = []
    let share = SearchCost(block.table).gatherShare
    settle(chunk, block, gathersBelow: share, margins: margins, &collectors) { _, tile, scores in
      switch tile {
      case .range(let range):
        for first in stride(from: chunk.lowerBound, to: chunk.upperBound, by: CodeKernels.maximumQueryCount) {
          quantized.withCodes(from: first) { own, scales in
            kernels.score(
              queries: own, scales: scales,
              queryCount: min(CodeKernels.maximumQueryCount, chunk.upperBound - first),
              codes: codes.codes + range.lowerBound * codes.dimension,
              codeScales: codes.scales + range.lowerBound, count: range.count, dimension: codes.dimension,
              into: scores + (first - chunk.lowerBound) * range.count, stride: range.count)
          }
        }
      case .slots(let slots):
        for query in chunk {
          candidates.removeAll(keepingCapacity: true)
          for slot in slots { candidates.append(Candidate(score: 0, id: slot)) }
          quantized.withCode(query) { kernels.score(&candidates, query: $0, scale: $1, codes: codes) }
          for index in candidates.indices {
            scores[(query - chunk.lowerBound) * slots.count + index] = candidates[index].score
          }
        }
      }
    }
  }
}

extension CodeKernels {
  /// Scores the rows that `candidates` name by their codes.
  func score(
    _ candidates: inout [Candidate], query: UnsafePointer<Int8>, scale: Float, codes: CodeTable
  ) {
    candidates.withUnsafeMutableBufferPointer {
      score($0, query: query, scale: scale, codes: codes)
    }
  }

  /// Scores the rows that `candidates` name by their codes.
  func score(
    _ candidates: UnsafeMutableBufferPointer<Candidate>, query: UnsafePointer<Int8>, scale: Float,
    codes: CodeTable
  ) {
    score(
      candidates, query: query, scale: scale, codes: codes.codes, codeScales: codes.scales,
      count: codes.count,
      dimension: codes.dimension)
  }
}
