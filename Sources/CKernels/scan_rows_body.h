// SPDX-License-Identifier: Apache-2.0
// The dot products of one SIMD level and one kind of row, included by scan_body.h with ROW (the element) and ROWS(name)
// defined. Functions are inlined with constant `Q` and `R`, so that accumulators live in registers. No include guard.

// One tile: Q queries × R rows, one 16-lane accumulator for each pair. `ahead` are the rows to prefetch meanwhile.
static inline ALWAYS_INLINE void ROWS(tile)(const float *queries, const int Q, const ROW *const *rows,
                                            const ROW *const *ahead, const int R, size_t dimension, float *scores,
                                            size_t score_stride) {
  lanes sums[TILE_QUERIES][4], row[4];
  UNROLL for (int q = 0; q < Q; q++)
    UNROLL for (int r = 0; r < R; r++) sums[q][r] = (lanes){0};
  size_t i = 0;
  for (; i + 16 <= dimension; i += 16) {
    UNROLL for (int r = 0; r < R; r++) {
      row[r] = ROWS(load)(rows[r] + i);
      __builtin_prefetch(ahead[r] + i, 0, 3);
    }
    UNROLL for (int q = 0; q < Q; q++) {
      lanes query = SCAN(load_f32)(queries + (size_t)q * dimension + i);
      UNROLL for (int r = 0; r < R; r++) sums[q][r] = sums[q][r] + query * row[r];
    }
  }
  if (i < dimension) {
    UNROLL for (int r = 0; r < R; r++) row[r] = ROWS(load_tail)(rows[r] + i, dimension - i);
    UNROLL for (int q = 0; q < Q; q++) {
      lanes query = SCAN(load_tail_f32)(queries + (size_t)q * dimension + i, dimension - i);
      UNROLL for (int r = 0; r < R; r++) sums[q][r] = sums[q][r] + query * row[r];
    }
  }
  UNROLL for (int q = 0; q < Q; q++)
    UNROLL for (int r = 0; r < R; r++) scores[(size_t)q * score_stride + (size_t)r] = SCAN(sum)(sums[q][r]);
}

// Q queries against rows that follow one another.
static inline ALWAYS_INLINE void ROWS(strip)(const float *queries, const int Q, const ROW *rows, size_t row_count,
                                             size_t dimension, float *scores, size_t score_stride) {
  for (size_t r = 0; r < row_count; r++) {
    const ROW *row = rows + r * dimension;
    // May point past the last row; a prefetch cannot fault.
    const ROW *ahead = (const ROW *)((uintptr_t)row + PREFETCH_BYTES);
    ROWS(tile)(queries, Q, &row, &ahead, 1, dimension, scores + r, score_stride);
  }
}

static void ROWS(dots)(const float *queries, size_t query_count, const ROW *rows, size_t row_count, size_t dimension,
                       float *scores, size_t score_stride) {
  // Several passes of queries go over a few rows at a time, which stay in the first-level cache meanwhile.
  size_t strip = query_count <= TILE_QUERIES ? row_count : 4;
  for (size_t first = 0; first < row_count; first += strip) {
    size_t height = row_count - first < strip ? row_count - first : strip;
    const ROW *here = rows + first * dimension;
    float *out = scores + first;
    size_t q = 0;
    for (; q + TILE_QUERIES <= query_count; q += TILE_QUERIES)
      ROWS(strip)(queries + q * dimension, TILE_QUERIES, here, height, dimension, out + q * score_stride, score_stride);
    for (; q + 2 <= query_count; q += 2)
      ROWS(strip)(queries + q * dimension, 2, here, height, dimension, out + q * score_stride, score_stride);
    if (q < query_count)
      ROWS(strip)(queries + q * dimension, 1, here, height, dimension, out + q * score_stride, score_stride);
  }
}

static void ROWS(dots_at)(const float *query, const ROW *rows, const uint32_t *slots, size_t slot_count,
                          size_t dimension, float *scores) {
  const ROW *row[4], *ahead[4];
  size_t done = 0;
  for (; done + 4 <= slot_count; done += 4) {
    UNROLL for (int r = 0; r < 4; r++) {
      size_t later = done + 4 + (size_t)r;
      row[r] = rows + (size_t)slots[done + (size_t)r] * dimension;
      ahead[r] = rows + (size_t)slots[later < slot_count ? later : slot_count - 1] * dimension;
    }
    ROWS(tile)(query, 1, row, ahead, 4, dimension, scores + done, 0);
  }
  for (; done < slot_count; done++) {
    row[0] = rows + (size_t)slots[done] * dimension;
    ROWS(tile)(query, 1, row, row, 1, dimension, scores + done, 0);
  }
}
