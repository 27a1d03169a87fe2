// SPDX-License-Identifier: Apache-2.0
// The code kernels of one SIMD level, all but the int8 products. Included once per level by its file, which has set the
// target attribute and defines CODES(name), the functions
//   above(values, limit) → bit l says that lane l of 16 is above `limit`;
//   block_sums(lut, dimension, codes, ahead, sums) → the table's sums of 32 codes, exact; `ahead` is to be prefetched;
// and APPEND(...), whose contract is that of codes_append_each, which may be it.
// Arithmetic is written in 16-lane vectors; the compiler splits them into what the level has. No include guard.

static inline ALWAYS_INLINE lanes CODES(load)(const float *from) {
  lanes value;
  memcpy(&value, from, sizeof value);
  return value;
}

static inline ALWAYS_INLINE void CODES(store)(lanes value, float *to) { memcpy(to, &value, sizeof value); }

static inline ALWAYS_INLINE lanes CODES(either)(int_lanes first, lanes a, lanes b) {
  return (lanes)(((int_lanes)a & first) | ((int_lanes)b & ~first));
}

// Sums and differences of lanes 1, 2, 4 and 8 apart.
static inline ALWAYS_INLINE lanes CODES(butterflies)(lanes x) {
  const int_lanes minus = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
  int_lanes odd = __builtin_shufflevector(minus, minus, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0);
  int_lanes odd2 = __builtin_shufflevector(minus, minus, 8, 8, 0, 0, 8, 8, 0, 0, 8, 8, 0, 0, 8, 8, 0, 0);
  int_lanes odd4 = __builtin_shufflevector(minus, minus, 8, 8, 8, 8, 0, 0, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0);
  int_lanes odd8 = __builtin_shufflevector(minus, minus, 8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  x = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14) + (lanes)((int_lanes)x ^ odd);
  x = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13) + (lanes)((int_lanes)x ^ odd2);
  x = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11) + (lanes)((int_lanes)x ^ odd4);
  return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7) +
         (lanes)((int_lanes)x ^ odd8);
}

// The stages of distance h and 2h in one pass over n numbers.
static inline ALWAYS_INLINE void CODES(two_stages)(float *x, size_t n, size_t h) {
  for (size_t i = 0; i < n; i += 4 * h)
    for (float *p = x + i; p < x + i + h; p += 16) {
      lanes a = CODES(load)(p), b = CODES(load)(p + h), c = CODES(load)(p + 2 * h), d = CODES(load)(p + 3 * h);
      lanes e = a + b, f = a - b, g = c + d, k = c - d;
      CODES(store)(e + g, p);
      CODES(store)(f + k, p + h);
      CODES(store)(e - g, p + 2 * h);
      CODES(store)(f - k, p + 3 * h);
    }
}

static void CODES(hadamard)(float *x, size_t n) {
  if (n < 16) {
    duet_codes_scalar.hadamard(x, n);
    return;
  }
  for (size_t i = 0; i < n; i += 16) CODES(store)(CODES(butterflies)(CODES(load)(x + i)), x + i);
  size_t h = 16;
  for (; 2 * h < n; h *= 4) CODES(two_stages)(x, n, h);
  if (h < n)
    for (float *p = x; p < x + h; p += 16) {
      lanes a = CODES(load)(p), b = CODES(load)(p + h);
      CODES(store)(a + b, p);
      CODES(store)(a - b, p + h);
    }
  float scale = codes_hadamard_scale(n);
  for (size_t i = 0; i < n; i += 16) CODES(store)(CODES(load)(x + i) * scale, x + i);
}

static float CODES(quantize_i8)(const float *x, size_t count, int8_t *codes) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = codes_magnitude(x[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  float scale, factor = codes_quantizer(largest, &scale);
  if (factor == 0.0f)
    memset(codes, 0, count);
  else
    for (size_t i = 0; i < count; i++) codes[i] = (int8_t)codes_round(x[i] * factor);
  return scale;
}

// The negative numbers and the magnitudes of 16 sub-quantisers, one a lane.
static inline ALWAYS_INLINE void CODES(group_sums)(const float *query, lanes *negatives, lanes *magnitudes) {
  lanes v[4], q[4];
  UNROLL for (int j = 0; j < 4; j++) v[j] = CODES(load)(query + 16 * j);
  UNROLL for (int j = 0; j < 2; j++) {
    q[j] = __builtin_shufflevector(v[2 * j], v[2 * j + 1], 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    q[j + 2] =
        __builtin_shufflevector(v[2 * j], v[2 * j + 1], 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
  }
  lanes number[4] = {
      __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
      __builtin_shufflevector(q[0], q[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
      __builtin_shufflevector(q[2], q[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
      __builtin_shufflevector(q[2], q[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)};
  *negatives = *magnitudes = (lanes){0};
  UNROLL for (int j = 0; j < 4; j++) {
    *negatives = *negatives + (lanes)((int_lanes)number[j] & (number[j] < 0.0f));
    *magnitudes = *magnitudes + (lanes)((int_lanes)number[j] & 0x7FFFFFFF);
  }
}

static inline ALWAYS_INLINE float CODES(total)(lanes v) {
  float folded[16];
  CODES(store)(v, folded);
  for (int width = 8; width > 0; width /= 2)
    for (int l = 0; l < width; l++) folded[l] = folded[l] + folded[l + width];
  return folded[0];
}

// One sub-quantiser's row of the table. Lane e of bit[j] is all ones when bit j of e is set.
static inline ALWAYS_INLINE void CODES(lut_row)(const float *q, float negatives, float steps, const int_lanes *bit,
                                                uint8_t *lut) {
  lanes sum = (lanes){0} - negatives;
  UNROLL for (int j = 0; j < 4; j++) sum = sum + (lanes)((int_lanes)((lanes){0} + q[j]) & bit[j]);
  lanes entry = sum * steps, zero = {0}, most = zero + 255.0f;
  entry = (lanes)((int_lanes)entry & (entry > zero));
  entry = CODES(either)(entry < most, entry, most);
  byte_lanes bytes = __builtin_convertvector((int_lanes)(entry + 0x1.8p23f) - 0x4B400000, byte_lanes);
  memcpy(lut, &bytes, sizeof bytes);
}

static void CODES(make_lut)(const float *query, size_t dimension, uint8_t *lut, float *step, float *low) {
  lanes negatives, magnitudes, lows = {0}, range = {0};
  for (size_t i = 0; i < dimension; i += 64) {
    CODES(group_sums)(query + i, &negatives, &magnitudes);
    lows = lows + negatives;
    range = CODES(either)(magnitudes > range, magnitudes, range);
  }
  float largest = 0.0f;
  for (int l = 0; l < 16; l++) largest = range[l] > largest ? range[l] : largest;
  *low = CODES(total)(lows);
  *step = codes_step(largest);
  float steps = 1.0f / *step;
  const int_lanes bit[4] = {{0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1},
                            {0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1},
                            {0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1},
                            {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1}};
  for (size_t i = 0; i < dimension; i += 64) {
    float below[16];
    CODES(group_sums)(query + i, &negatives, &magnitudes);
    CODES(store)(negatives, below);
    for (size_t m = 0; m < 16; m++) CODES(lut_row)(query + i + 4 * m, below[m], steps, bit, lut + 4 * i + 16 * m);
  }
}

static size_t CODES(scan_blocks)(const uint8_t *lut, size_t dimension, const uint8_t *blocks, size_t block_count,
                                 float a, float b, float base, float threshold, const uint64_t *allowed,
                                 size_t id_count, duet_candidate *out, size_t capacity, size_t *blocks_done) {
  const size_t size = duet_codes_block_size(dimension);
  // A long list is read at the speed of memory; a short one is over before a distant prefetch comes true, and its first
  // blocks are asked for at once.
  const size_t far = block_count < SHORT_LIST ? 3 : (PREFETCH_BYTES + size - 1) / size;
  duet_prefetch(blocks, (block_count < far ? block_count : far) * size);
  size_t found = 0, block = 0;
  for (; block < block_count && capacity - found >= DUET_CODES_BLOCK; block++) {
    const uint8_t *codes = blocks + block * size, *rest = codes + 4 * dimension;
    const uint8_t *ahead = codes + (block_count - block > far ? far : block_count - block - 1) * size;
    lanes sums[2], scores[2];
    CODES(block_sums)(lut, dimension, codes, ahead, sums);
    UNROLL for (int line = 0; line < 4; line++) __builtin_prefetch(ahead + 4 * dimension + 64 * line, 0, 3);
    UNROLL for (int half = 0; half < 2; half++) {
      lanes factors;
      memcpy(&factors, rest + 64 * half, sizeof factors);
      scores[half] = base + factors * (a * sums[half] + b);
    }
    uint32_t hits = CODES(above)(scores[0], threshold) | CODES(above)(scores[1], threshold) << 16;
    if (hits != 0) found += APPEND(scores, rest + 128, hits, allowed, id_count, out + found);
  }
  *blocks_done = block;
  return found;
}

static inline ALWAYS_INLINE double CODES(total_double)(double_lanes v) {
  double folded[16];
  memcpy(folded, &v, sizeof folded);
  for (int width = 8; width > 0; width /= 2)
    for (int l = 0; l < width; l++) folded[l] = folded[l] + folded[l + width];
  return folded[0];
}

static void CODES(encode_block)(const float *residuals, size_t count, size_t stride, size_t dimension, uint8_t *codes,
                                float *factors) {
  memset(codes, 0, 4 * dimension);
  for (size_t v = count; v < DUET_CODES_BLOCK; v++) factors[v] = __builtin_nanf("");
  for (size_t v = 0; v < count; v++) {
    const float *row = residuals + v * stride;
    uint8_t *column = codes + v % 16;
    const unsigned shift = v / 16 * 4;
    double_lanes squares = {0}, magnitudes = {0};
    for (size_t i = 0; i < dimension; i += 16, column += 64) {
      lanes x = CODES(load)(row + i);
      double_lanes wide = __builtin_convertvector(x, double_lanes);
      squares = squares + wide * wide;
      magnitudes = magnitudes + __builtin_convertvector((lanes)((int_lanes)x & 0x7FFFFFFF), double_lanes);
      uint32_t bits = CODES(above)(x, 0.0f);
      UNROLL for (unsigned m = 0; m < 4; m++) column[16 * m] |= (uint8_t)((bits >> (4 * m) & 15) << shift);
    }
    factors[v] = codes_factor(CODES(total_double)(squares), CODES(total_double)(magnitudes));
  }
}
