// SPDX-License-Identifier: Apache-2.0
// Search over quantised vectors: int8 products, 1-bit codes in blocks of 32 (RaBitQ, arXiv 2405.12497), and what makes them.
#ifndef DUET_CODES_H
#define DUET_CODES_H

#include "cpu.h"

#include <stddef.h>
#include <stdint.h>

/// The most queries that one call of `dots_i8` takes.
#define DUET_CODES_MAX_QUERIES 8

/// Vectors in a block of 1-bit codes.
#define DUET_CODES_BLOCK 32

/// A row that may be among the best, and what is known of its score. Larger is nearer.
typedef struct duet_candidate {
  float score;
  uint32_t id;
} duet_candidate;

/// Bytes from one block of 1-bit codes to the next: 4 · dimension of codes, 32 float factors, 32 uint32 ids.
static inline size_t duet_codes_block_size(size_t dimension) {
  return 4 * dimension + DUET_CODES_BLOCK * (sizeof(float) + sizeof(uint32_t));
}

/// The kernels of one CPU level.
///
/// Every level gives the same bits (a NaN may be any NaN): integer sums are exact, float sums have a fixed order, nothing
/// is fused. `dimension` is a multiple of 64 up to 65,536; rows of int8 codes are `dimension` bytes, without padding or
/// alignment. The content of codes, factors, scales and ids is untrusted: no value makes a kernel read or write outside.
///
/// A block holds the signs of 32 vectors. Sub-quantiser m covers dimensions 4m ..< 4m + 4 and has 16 bytes; byte i is
/// nibble(vector i) | nibble(vector i + 16) << 4, and bit j of a nibble says that dimension 4m + j is above zero.
typedef struct duet_code_kernels {
  /// The orthonormal Hadamard transform in place; `n` is a power of two. Stages of distance 1, 2, 4, … of sums and
  /// differences, then a product with n^(-1/2).
  void (*hadamard)(float *x, size_t n);

  /// codes = x · 127 / max|x|, to the nearest integer, ties to even, so -127 ... 127; returns the scale max|x| / 127.
  /// When all are zero (or so small that 127 / max|x| overflows) or one is not finite: codes of 0 and a scale of 0.
  float (*quantize_i8)(const float *x, size_t count, int8_t *codes);

  /// scores[q * stride + r] = float(queries[q] · rows[r]) · (row_scales[r] · query_scales[q]), for at most
  /// DUET_CODES_MAX_QUERIES queries. The sum is exact. Rows hold any bytes; queries hold -127 ... 127.
  void (*dots_i8)(const int8_t *queries, const float *query_scales, size_t query_count, const int8_t *rows,
                  const float *row_scales, size_t row_count, size_t dimension, float *scores, size_t stride);

  /// candidates[i].score = the same product for row candidates[i].id, -infinity for an id that is no row's.
  void (*dots_at_i8)(const int8_t *query, float query_scale, const int8_t *rows, const float *row_scales,
                     size_t row_count, duet_candidate *candidates, size_t count, size_t dimension);

  /// The table that `scan_blocks` looks nibbles up in: uint8[dimension / 4][16]. Entry e of sub-quantiser m is the sum
  /// of the query's numbers at the set bits of e less the negative ones of the four, in steps, to the nearest, ties to
  /// even, at most 255. `step` is the largest |q| sum of a sub-quantiser / 255, never 0; `low` the sum of all negative
  /// numbers. The sum of the query at a code's set bits is then about step · (sum of entries) + low.
  void (*make_lut)(const float *query, size_t dimension, uint8_t *lut, float *step, float *low);

  /// score(v) = base + factor[v] · (a · u + b), u the sum of the table's entries for v's code. Appends to `out`, in
  /// order, the vectors with a score above `threshold` (NaN never is), an id below `id_count` and, unless `allowed` is
  /// NULL, bit id % 64 of allowed[id / 64] set. Stops before a block when fewer than 32 places are left in `out`;
  /// `blocks_done` says how many blocks were scanned. Returns how many were appended; places behind them, up to
  /// `capacity`, may be overwritten.
  size_t (*scan_blocks)(const uint8_t *lut, size_t dimension, const uint8_t *blocks, size_t block_count, float a,
                        float b, float base, float threshold, const uint64_t *allowed, size_t id_count,
                        duet_candidate *out, size_t capacity, size_t *blocks_done);

  /// Moves the best `best` of the candidates to the front, the worst of these to place best - 1: by score, NaN the last,
  /// then by rising id; 1 <= best <= count. Expected O(count). `scratch` has room for 2 · count + 16. A score of -0
  /// becomes 0.
  void (*keep_best)(duet_candidate *candidates, size_t count, size_t best, uint64_t *scratch);

  /// Packs the signs of `count` <= 32 residuals, `stride` numbers apart, into a block's 4 · dimension bytes of codes,
  /// and writes 32 factors |r|² / |r|₁ (sums in double; 0 when r is 0). Places from `count` on get codes of 0 and a
  /// factor of NaN, so that they never pass.
  void (*encode_block)(const float *residuals, size_t count, size_t stride, size_t dimension, uint8_t *codes,
                       float *factors);
} duet_code_kernels;

/// The kernels of `level`, with what this CPU has beyond it (VNNI, dot products of NEON), or NULL when this build has
/// none. The caller checks `duet_cpu_supports`.
const duet_code_kernels *duet_code_kernels_at(duet_cpu_level level);

/// The kernels of `level` as a CPU without such extras runs them, or NULL.
const duet_code_kernels *duet_code_kernels_plain_at(duet_cpu_level level);

#endif
