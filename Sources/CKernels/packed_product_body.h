// SPDX-License-Identifier: Apache-2.0
// One kind of packed product at one CPU level; included by packed_body.h after it has defined
//   MULTIPLY       the kernel's name          SUM      a vector of sums
//   READY          a vector of weights, made ready by READY_WORDS(words)
//   DOT(s, w, x)   s plus the products of the ready weights w with the word x of a
//   TOTAL(product, s, r, j, width)   the sums s of row r, outputs j ..< j + width, as floats
//
// A tile of TILE_ROWS rows and TILE_PANELS panels stays in registers while k goes by: one load of weights serves all rows,
// one broadcast word of a all panels.

enum { PREFIX(vectors) = DUET_PANEL / LANES };

/// c of one tile from its sums, which lie in `sums`, TILE_PANELS panels wide.
KERNEL static void PREFIX(finish)(const duet_packed_product *p, const SUM *sums, size_t row, size_t rows, size_t column,
                                  size_t columns) {
  for (size_t r = row; r < row + rows; r++, sums += TILE_PANELS * PREFIX(vectors)) {
    float *c = p->c + r * p->c_stride + column;
    for (size_t j = 0; j < columns; j += LANES) {
      size_t width = columns - j < LANES ? columns - j : LANES;
      vf y = TOTAL(p, sums[j / LANES], r, column + j, width);
      if (p->bias) y += load_up_to(p->bias + column + j, width);
      if (p->accumulates) y += load_up_to(c + j, width);
      store_up_to(c + j, activate(y, p->activation), width);
    }
  }
}

/// The tile at `row` and `column`. Meanwhile panels `asks` ..< `until` of those that come next are asked for, since their
/// first use would wait for memory: always one where `asks_one` says so, for a loop without branches.
INLINE void PREFIX(tile)(int rows, int panels, const duet_packed_product *p, const uint32_t *b, size_t row, size_t column,
                         int asks_one, size_t asks, size_t until) {
  SUM sums[TILE_ROWS][TILE_PANELS * (DUET_PANEL / LANES)];
  const int vectors = panels * PREFIX(vectors);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) sums[r][j] = (SUM){0};
  const uint32_t *a = p->a + row * p->a_stride;
  const size_t panel = p->words * DUET_PANEL;
  const uint32_t *next = b + (size_t)panels * panel;
  for (size_t i = 0; i < p->words; i++) {
    if (asks_one)
      __builtin_prefetch(next + asks * panel + i * DUET_PANEL);
    else
      for (size_t j = asks; j < until; j++) __builtin_prefetch(next + j * panel + i * DUET_PANEL);
    READY weights[TILE_PANELS * (DUET_PANEL / LANES)];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++)
      weights[j] = READY_WORDS(b + (size_t)(j / PREFIX(vectors)) * panel + i * DUET_PANEL + j % PREFIX(vectors) * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      uint32_t word = a[(size_t)r * p->a_stride + i];
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; j++) sums[r][j] = DOT(sums[r][j], weights[j], word);
    }
  }
  SUM done[TILE_ROWS * TILE_PANELS * (DUET_PANEL / LANES)];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) done[r * TILE_PANELS * PREFIX(vectors) + j] = sums[r][j];
  size_t columns = (size_t)panels * DUET_PANEL;
  PREFIX(finish)(p, done, row, (size_t)rows, column, p->n - column < columns ? p->n - column : columns);
}

/// All rows against `panels` panels, which stay in the L2 cache meanwhile.
INLINE void PREFIX(stripe)(int panels, const duet_packed_product *p, const uint32_t *b, size_t column) {
  const size_t tiles = (p->m + TILE_ROWS - 1) / TILE_ROWS, next = (size_t)panels;
  size_t row = 0, tile = 0;
  for (; tiles >= next && tile < next && row + TILE_ROWS <= p->m; row += TILE_ROWS, tile++)
    PREFIX(tile)(TILE_ROWS, panels, p, b, row, column, 1, tile, tile + 1);
  for (; tiles >= next && row + TILE_ROWS <= p->m; row += TILE_ROWS)
    PREFIX(tile)(TILE_ROWS, panels, p, b, row, column, 0, 0, 0);
  for (; row + TILE_ROWS <= p->m; row += TILE_ROWS, tile++)
    PREFIX(tile)(TILE_ROWS, panels, p, b, row, column, 0, tile * next / tiles, (tile + 1) * next / tiles);
  const size_t asks = tiles >= next ? tile : tile * next / tiles;
  switch (p->m - row) {
#if TILE_ROWS > 4
  case 5:
    PREFIX(tile)(5, panels, p, b, row, column, 0, asks, next);
    break;
  case 4:
    PREFIX(tile)(4, panels, p, b, row, column, 0, asks, next);
    break;
#endif
#if TILE_ROWS > 3
  case 3:
    PREFIX(tile)(3, panels, p, b, row, column, 0, asks, next);
    break;
#endif
  case 2:
    PREFIX(tile)(2, panels, p, b, row, column, 0, asks, next);
    break;
  case 1:
    PREFIX(tile)(1, panels, p, b, row, column, 0, asks, next);
    break;
  }
}

KERNEL static void MULTIPLY(const duet_packed_product *p) {
  const size_t panel = p->words * DUET_PANEL, count = (p->n + DUET_PANEL - 1) / DUET_PANEL;
  size_t j = 0;
  for (; j + TILE_PANELS <= count; j += TILE_PANELS)
    PREFIX(stripe)(TILE_PANELS, p, p->b + j * panel, j * DUET_PANEL);
  for (; j < count; j++) PREFIX(stripe)(1, p, p->b + j * panel, j * DUET_PANEL);
}

#undef MULTIPLY
#undef PREFIX
#undef SUM
#undef READY
#undef READY_WORDS
#undef DOT
#undef TOTAL
