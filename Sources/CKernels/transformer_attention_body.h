// SPDX-License-Identifier: Apache-2.0
// One attention head, part of transformer_body.h.
//
// Keys are transposed once into kt [head_dim, keys] and values copied into vp [keys, head_dim], both padded
// to whole vectors; then ROWS queries at a time: scores (in L1), softmax, weighted sum. A query's result does
// not depend on the rows beside it.

/// c[rows, vectors] = a[rows, k] · b[k, vectors]: every a broadcast, every b a vector, all sums in registers.
INLINE void outer_tile(int rows, int vectors, const float *a, size_t a_stride, const float *b,
                       size_t b_stride, size_t k, float *c, size_t c_stride) {
  vf acc[ROWS][PANEL];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) acc[r][v] = splat(0);
  for (size_t i = 0; i < k; i++, b += b_stride) {
    vf bv[PANEL];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) bv[v] = load(b + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      vf av = splat(a[r * a_stride + i]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) acc[r][v] += av * bv[v];
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) store(c + r * c_stride + v * LANES, acc[r][v]);
}

/// `rows` is ROWS or 1; `columns` a multiple of LANES.
INLINE void outer_product(int rows, const float *a, size_t a_stride, const float *b, size_t b_stride,
                          size_t k, float *c, size_t c_stride, size_t columns) {
  size_t j = 0;
  for (; j + PANEL * LANES <= columns; j += PANEL * LANES)
    outer_tile(rows, PANEL, a, a_stride, b + j, b_stride, k, c + j, c_stride);
  for (; j < columns; j += LANES) outer_tile(rows, 1, a, a_stride, b + j, b_stride, k, c + j, c_stride);
}

/// Up to ROWS queries from row `first` on.
INLINE void attention_rows(const duet_attention_head *h, size_t first, int rows, const float *kt,
                           const float *vp, size_t padded_keys, size_t padded_dim, float *scores,
                           float *result) {
  size_t visible[ROWS], most = 1;
  for (int r = 0; r < rows; r++) {
    size_t seen = h->first_visible + (first + (size_t)r) * h->visible_step;
    visible[r] = seen < h->key_count ? seen : h->key_count;
    if (visible[r] > most) most = visible[r];
  }
  size_t columns = (most + LANES - 1) / LANES * LANES;
  outer_product(rows, h->q + first * h->q_stride, h->q_stride, kt, padded_keys, h->head_dim, scores,
                padded_keys, columns);
  float total[ROWS];
  for (int r = 0; r < rows; r++) {
    float *row = scores + (size_t)r * padded_keys;
    total[r] = exponentials(row, visible[r], maximum_of(row, visible[r]), h->scale);
    for (size_t j = visible[r]; j < most; j++) row[j] = 0;
  }
  outer_product(rows, scores, padded_keys, vp, padded_dim, most, result, padded_dim, padded_dim);
  for (int r = 0; r < rows; r++) {
    float *out = h->out + (first + (size_t)r) * h->out_stride;
    memcpy(out, result + (size_t)r * padded_dim, h->head_dim * sizeof(float));
    multiply(out, h->head_dim, 1.0f / total[r]);
  }
}

KERNEL static void NAME(attention)(const duet_attention_head *h) {
  size_t padded_keys = (h->key_count + 15) / 16 * 16, padded_dim = (h->head_dim + 15) / 16 * 16;
  float *kt = h->scratch, *vp = kt + h->head_dim * padded_keys;
  float *scores = vp + h->key_count * padded_dim, *result = scores + ROWS * padded_keys;
  for (size_t start = 0; start < h->key_count; start += 16) {
    size_t end = start + 16 < h->key_count ? start + 16 : h->key_count;
    for (size_t d = 0; d < h->head_dim; d++) {
      float *to = kt + d * padded_keys;
      for (size_t j = start; j < end; j++) to[j] = h->k[j * h->kv_stride + d];
      for (size_t j = end; j < start + 16; j++) to[j] = 0;
    }
  }
  for (size_t j = 0; j < h->key_count; j++) {
    memcpy(vp + j * padded_dim, h->v + j * h->kv_stride, h->head_dim * sizeof(float));
    memset(vp + j * padded_dim + h->head_dim, 0, (padded_dim - h->head_dim) * sizeof(float));
  }
  size_t row = 0;
  for (; row + ROWS <= h->q_rows; row += ROWS)
    attention_rows(h, row, ROWS, kt, vp, padded_keys, padded_dim, scores, result);
  for (; row < h->q_rows; row++) attention_rows(h, row, 1, kt, vp, padded_keys, padded_dim, scores, result);
}
