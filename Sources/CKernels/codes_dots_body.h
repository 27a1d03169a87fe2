// SPDX-License-Identifier: Apache-2.0
// The int8 products of one instruction set, included by the level's file, which defines DOTS(name), and
//   WIDTH             bytes taken at a time;   LANES   32-bit sums in a vector;
//   DOTS(sum)         the vector of sums;      DOTS(piece)   WIDTH bytes of a row, made ready for several queries;
//   DOTS(ready)(row), DOTS(add)(sum, piece, query), DOTS(fold)(sums[LANES], to): to[l] = the lanes of sums[l] in all;
//   QUERY_OFFSET      the sums come out too large by this times the query's sum.
// Sums are integers, modulo 2^32 in between, so their order does not matter. No include guard.

// Makes WIDTH bytes of a row ready and asks for those `ahead` bytes further on, unless that is 0.
static inline ALWAYS_INLINE DOTS(piece) DOTS(ahead)(const int8_t *row, size_t ahead) {
  // May point past the last row; a prefetch cannot fault.
  if (ahead != 0) __builtin_prefetch((const char *)((uintptr_t)row + ahead), 0, 3);
  return DOTS(ready)(row);
}

// Q queries × R = LANES / Q rows, one vector of sums for each pair: totals[q * R + r].
static inline ALWAYS_INLINE void DOTS(tile)(const int8_t *queries, const int Q, const int8_t *rows, size_t dimension,
                                            size_t ahead, uint32_t *totals) {
  const int R = LANES / Q;
  DOTS(sum) sums[LANES];
  if (Q < 4) {
    // Row by row and by one loop: the pace is the memory's, which is read fastest in its own order.
#pragma clang loop unroll(disable)
    for (int r = 0; r < R; r++) {
      const int8_t *row = rows + (size_t)r * dimension;
      DOTS(sum) sum[LANES];
      UNROLL for (int q = 0; q < Q; q++) memset(&sum[q], 0, sizeof sum[q]);
      for (size_t i = 0; i < dimension; i += WIDTH) {
        DOTS(piece) piece = DOTS(ahead)(row + i, ahead);
        UNROLL for (int q = 0; q < Q; q++) sum[q] = DOTS(add)(sum[q], piece, queries + (size_t)q * dimension + i);
      }
      UNROLL for (int q = 0; q < Q; q++) sums[q * R + r] = sum[q];
    }
  } else {
    // Side by side: the pace is that of the products, and a query's bytes are loaded once for R rows.
    UNROLL for (int l = 0; l < LANES; l++) memset(&sums[l], 0, sizeof sums[l]);
    for (size_t i = 0; i < dimension; i += WIDTH) {
      DOTS(piece) pieces[LANES];
      UNROLL for (int r = 0; r < R; r++) pieces[r] = DOTS(ahead)(rows + (size_t)r * dimension + i, ahead);
      UNROLL for (int q = 0; q < Q; q++)
        UNROLL for (int r = 0; r < R; r++)
          sums[q * R + r] = DOTS(add)(sums[q * R + r], pieces[r], queries + (size_t)q * dimension + i);
    }
  }
  DOTS(fold)(sums, totals);
}

// Q queries × LANES rows.
static inline ALWAYS_INLINE void DOTS(tiles)(const int8_t *queries, const int Q, const uint32_t *offsets,
                                             const float *query_scales, const int8_t *rows, const float *row_scales,
                                             size_t dimension, size_t ahead, float *scores, size_t stride) {
  const size_t R = LANES / (size_t)Q;
  uint32_t totals[LANES * LANES], some[LANES];
  for (size_t r = 0; r < LANES; r += R) {
    DOTS(tile)(queries, Q, rows + r * dimension, dimension, ahead, some);
    UNROLL for (int q = 0; q < Q; q++) memcpy(totals + q * LANES + r, some + (size_t)q * R, R * sizeof *some);
  }
  UNROLL for (int q = 0; q < Q; q++)
    for (size_t r = 0; r < LANES; r++)
      scores[(size_t)q * stride + r] =
          (float)(int32_t)(totals[q * LANES + r] - offsets[q]) * (row_scales[r] * query_scales[q]);
}

static inline ALWAYS_INLINE uint32_t DOTS(dot)(const int8_t *query, const int8_t *row, size_t dimension) {
  DOTS(sum) sums[2];
  memset(sums, 0, sizeof sums);
  for (size_t i = 0; i < dimension; i += 2 * WIDTH) {
    sums[0] = DOTS(add)(sums[0], DOTS(ready)(row + i), query + i);
    // An odd multiple of 64 has no second half at the end of a pair.
    if (i + WIDTH < dimension) sums[1] = DOTS(add)(sums[1], DOTS(ready)(row + i + WIDTH), query + i + WIDTH);
  }
  return DOTS(across)(sums[0]) + DOTS(across)(sums[1]);
}

static uint32_t DOTS(offset)(const int8_t *query, size_t dimension) {
  uint32_t sum = 0;
  if (QUERY_OFFSET != 0)
    for (size_t i = 0; i < dimension; i++) sum += (uint32_t)(int32_t)query[i];
  return sum * QUERY_OFFSET;
}

static void DOTS(dots_i8)(const int8_t *queries, const float *query_scales, size_t query_count, const int8_t *rows,
                          const float *row_scales, size_t row_count, size_t dimension, float *scores, size_t stride) {
  uint32_t offsets[DUET_CODES_MAX_QUERIES];
  for (size_t q = 0; q < query_count; q++) offsets[q] = DOTS(offset)(queries + q * dimension, dimension);
  size_t r = 0;
  for (; r + LANES <= row_count; r += LANES) {
    const int8_t *here = rows + r * dimension;
    // The first queries bring the rows into the first-level cache, where the others find them.
    size_t q = 0, ahead = PREFETCH_BYTES;
#define TILES(Q)                                                                                            \
  DOTS(tiles)(queries + q * dimension, Q, offsets + q, query_scales + q, here, row_scales + r, dimension, ahead, \
              scores + q * stride + r, stride)
    for (; q + 4 <= query_count; q += 4, ahead = 0) TILES(4);
    for (; q + 2 <= query_count; q += 2, ahead = 0) TILES(2);
    if (q < query_count) TILES(1);
#undef TILES
  }
  for (; r < row_count; r++)
    for (size_t q = 0; q < query_count; q++) {
      uint32_t sum = DOTS(dot)(queries + q * dimension, rows + r * dimension, dimension) - offsets[q];
      scores[q * stride + r] = (float)(int32_t)sum * (row_scales[r] * query_scales[q]);
    }
}

static void DOTS(dots_at_i8)(const int8_t *query, float query_scale, const int8_t *rows, const float *row_scales,
                             size_t row_count, duet_candidate *candidates, size_t count, size_t dimension) {
  const uint32_t offset = DOTS(offset)(query, dimension);
  // About 8 rows, fewer when they are long: what is asked for must still be in the cache when its turn comes.
  const size_t far = dimension <= 1024 ? 8 : dimension <= 4096 ? 8192 / dimension : 2;
  size_t asked = 0;
  for (size_t i = 0; i < count; i++) {
    for (; asked < count && asked <= i + far; asked++) {
      size_t id = candidates[asked].id;
      if (id >= row_count) continue;
      __builtin_prefetch(row_scales + id, 0, 3);
      for (size_t at = 0; at < dimension; at += 64) __builtin_prefetch(rows + id * dimension + at, 0, 3);
    }
    size_t id = candidates[i].id;
    if (id >= row_count) {
      candidates[i].score = -__builtin_inff();
      continue;
    }
    uint32_t sum = DOTS(dot)(query, rows + id * dimension, dimension) - offset;
    candidates[i].score = (float)(int32_t)sum * (row_scales[id] * query_scale);
  }
}
