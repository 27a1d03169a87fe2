// SPDX-License-Identifier: Apache-2.0
// a · bᵀ for row-major operands, part of transformer_body.h.
//
// Both operands run along k in memory, so a tile of DOT_ROWS × DOT_COLUMNS dot products needs no packing:
// weights are used where they lie, mapped from the file. With 6 × 4 accumulators a step is 24 FMAs for 10
// loads, bound by the FMA units; the sums across lanes at the end cost about 5 % at k = 768.

/// k is cut into runs of about this many floats, so that the rows of a tile stay in L1. A constant: it
/// decides how sums round.
#ifndef DOT_DEPTH
#define DOT_DEPTH 768
#endif
/// The most rows of a that stay in L2 while all rows of b pass by: a multiple of DOT_ROWS.
#ifndef DOT_HEIGHT
#define DOT_HEIGHT 96
#endif

typedef float v4 __attribute__((vector_size(16), aligned(4)));

/// The sums of four vectors, each added in the order of sum().
INLINE v4 sum4(vf a, vf b, vf c, vf d) {
#if LANES == 16
  vf ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
          __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  vf cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
          __builtin_shufflevector(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  vf s = __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
         __builtin_shufflevector(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  s += __builtin_shufflevector(s, s, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  s += __builtin_shufflevector(s, s, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return __builtin_shufflevector(s, s, 0, 4, 8, 12);
#elif LANES == 8
  vf ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
          __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  vf cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 8, 9, 10, 11) +
          __builtin_shufflevector(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
  vf s = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
         __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
  s += __builtin_shufflevector(s, s, 1, 0, 3, 2, 5, 4, 7, 6);
  return __builtin_shufflevector(s, s, 0, 4, 2, 6);
#else
  v4 low = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
  v4 high = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
  return __builtin_shufflevector(low, high, 0, 2, 4, 6) + __builtin_shufflevector(low, high, 1, 3, 5, 7);
#endif
}

INLINE void dot_tile(int rows, int columns, const float *a, size_t a_stride, const float *b, size_t b_stride,
                     size_t k, float *c, size_t c_stride, int adds) {
  vf acc[DOT_ROWS][DOT_COLUMNS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int j = 0; j < columns; j++) acc[r][j] = splat(0);
  size_t i = 0;
  // The shorter side of the tile waits in registers, the longer passes by one vector at a time.
  for (; i + LANES <= k; i += LANES) {
    vf held[DOT_ROWS < DOT_COLUMNS ? DOT_COLUMNS : DOT_ROWS];
    if (rows < columns) {
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) held[r] = load(a + (size_t)r * a_stride + i);
#pragma clang loop unroll(full)
      for (int j = 0; j < columns; j++) {
        vf passing = load(b + (size_t)j * b_stride + i);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) acc[r][j] += held[r] * passing;
      }
    } else {
#pragma clang loop unroll(full)
      for (int j = 0; j < columns; j++) held[j] = load(b + (size_t)j * b_stride + i);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        vf passing = load(a + (size_t)r * a_stride + i);
#pragma clang loop unroll(full)
        for (int j = 0; j < columns; j++) acc[r][j] += passing * held[j];
      }
    }
  }
  if (i < k) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int j = 0; j < columns; j++)
        acc[r][j] += load_some(a + (size_t)r * a_stride + i, k - i, 0) *
                     load_some(b + (size_t)j * b_stride + i, k - i, 0);
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    float *to = c + (size_t)r * c_stride;
    if (columns == 4) {
      v4 s = sum4(acc[r][0], acc[r][1], acc[r][2], acc[r][3]), before;
      if (adds) {
        memcpy(&before, to, sizeof before);
        s += before;
      }
      memcpy(to, &s, sizeof s);
    } else {
      for (int j = 0; j < columns; j++) {
        float s = sum(acc[r][j]);
        to[j] = adds ? to[j] + s : s;
      }
    }
  }
}

/// All rows of a against `columns` rows of b. Meanwhile the rows of b that come next are asked for, a few lines with
/// every tile: they lie far apart, which the hardware's prefetcher follows too late (4 % of a scan's products, 10 % of
/// a single picture's).
INLINE void dot_stripe(int columns, const float *a, size_t a_stride, size_t m, const float *b,
                       size_t b_stride, size_t k, float *c, size_t c_stride, int adds) {
  const float *next = b + (size_t)columns * b_stride;
  size_t tiles = m / DOT_ROWS, asked = 0, share = tiles == 0 ? 0 : ((k + tiles - 1) / tiles + 15) / 16 * 16;
  for (; m >= DOT_ROWS; m -= DOT_ROWS, a += DOT_ROWS * a_stride, c += DOT_ROWS * c_stride) {
    for (size_t end = asked + share; asked < end && asked < k; asked += 16)
      for (int j = 0; j < columns; j++) __builtin_prefetch(next + (size_t)j * b_stride + asked);
    dot_tile(DOT_ROWS, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
  }
  switch (m) {
#if DOT_ROWS > 4
  case 5:
    dot_tile(5, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
    break;
  case 4:
    dot_tile(4, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
    break;
  case 3:
    dot_tile(3, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
    break;
#endif
  case 2:
    dot_tile(2, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
    break;
  case 1:
    dot_tile(1, columns, a, a_stride, b, b_stride, k, c, c_stride, adds);
    break;
  }
}

KERNEL static void NAME(gemm)(const float *a, size_t a_stride, size_t m, const float *b, size_t b_stride,
                              size_t n, size_t k, float *c, size_t c_stride, int accumulates) {
  float packed[DOT_HEIGHT * DOT_DEPTH] __attribute__((aligned(64)));
  // Runs of about equal length, whole vectors of the widest kind.
  size_t runs = k == 0 ? 1 : (k + DOT_DEPTH - 1) / DOT_DEPTH;
  size_t length = k == 0 ? 16 : ((k + runs - 1) / runs + 15) / 16 * 16;
  // Rows that lie a multiple of 4 KiB apart share their cache sets, and a run of a longer row defeats the
  // prefetcher: then a copy of a's rows, side by side, is worth its while (10 % at k = 1024).
  int packs = m > DOT_ROWS && (runs > 1 || a_stride % 1024 == 0);
  // Blocks of about equal height: a few rows alone would make all of b pass by once more for little.
  size_t blocks = (m + DOT_HEIGHT - 1) / DOT_HEIGHT;
  size_t most = blocks == 0 ? 0 : ((m + blocks - 1) / blocks + DOT_ROWS - 1) / DOT_ROWS * DOT_ROWS;
  for (size_t depth = 0; depth == 0 || depth < k; depth += length) {
    size_t run = k - depth < length ? k - depth : length;
    int adds = accumulates || depth > 0;
    for (size_t row = 0; row < m; row += most) {
      size_t height = m - row < most ? m - row : most;
      const float *rows = a + row * a_stride + depth;
      if (packs)
        for (size_t r = 0; r < height; r++)
          memcpy(packed + r * length, rows + r * a_stride, run * sizeof(float));
      if (packs) rows = packed;
      size_t rows_stride = packs ? length : a_stride, j = 0;
      const float *stripe = b + depth;
      float *to = c + row * c_stride;
      for (; j + DOT_COLUMNS <= n; j += DOT_COLUMNS, stripe += DOT_COLUMNS * b_stride)
        dot_stripe(DOT_COLUMNS, rows, rows_stride, height, stripe, b_stride, run, to + j, c_stride, adds);
      for (; j < n; j++, stripe += b_stride)
        dot_stripe(1, rows, rows_stride, height, stripe, b_stride, run, to + j, c_stride, adds);
    }
  }
}
