// SPDX-License-Identifier: Apache-2.0
// The scan kernels of one SIMD level, included once per level by scan.c, which has set the target attribute and
// defines SCAN(name) and TILE_QUERIES (queries that pass over a row at a time).
// Arithmetic is written in 16-lane vectors; the compiler splits them into what the level has. No include guard.

static inline ALWAYS_INLINE lanes SCAN(load_f32)(const float *from) {
  lanes value;
  memcpy(&value, from, sizeof value);
  return value;
}

static inline ALWAYS_INLINE lanes SCAN(load_f16)(const uint16_t *from) { return SCAN(widen16)(from); }

static inline ALWAYS_INLINE lanes SCAN(load_tail_f32)(const float *from, size_t count) {
  lanes value = {0};
  memcpy(&value, from, count * sizeof(float));
  return value;
}

static inline ALWAYS_INLINE lanes SCAN(load_tail_f16)(const uint16_t *from, size_t count) {
  uint16_t padded[16] = {0};
  memcpy(padded, from, count * sizeof(uint16_t));
  return SCAN(widen16)(padded);
}

static inline ALWAYS_INLINE float SCAN(sum)(lanes v) {
  lanes8 a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
             __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  lanes4 b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  lanes2 c = __builtin_shufflevector(b, b, 0, 1) + __builtin_shufflevector(b, b, 2, 3);
  return c[0] + c[1];
}

#define ROW float
#define ROWS(name) SCAN(name##_f32)
#include "scan_rows_body.h"
#undef ROW
#undef ROWS

#define ROW uint16_t
#define ROWS(name) SCAN(name##_f16)
#include "scan_rows_body.h"
#undef ROW
#undef ROWS

static size_t SCAN(at_least)(const float *scores, size_t count, float threshold, uint32_t *indices) {
  size_t found = 0, i = 0;
  for (; i + 64 <= count; i += 64) {
    lanes a = SCAN(load_f32)(scores + i), b = SCAN(load_f32)(scores + i + 16);
    lanes c = SCAN(load_f32)(scores + i + 32), d = SCAN(load_f32)(scores + i + 48);
    int_lanes hits = (a >= threshold) | (b >= threshold) | (c >= threshold) | (d >= threshold);
    if (__builtin_reduce_or(hits) == 0) continue;
    for (size_t j = i; j < i + 64; j++) {
      indices[found] = (uint32_t)j;
      found += scores[j] >= threshold;
    }
  }
  for (; i < count; i++) {
    indices[found] = (uint32_t)i;
    found += scores[i] >= threshold;
  }
  return found;
}

static void SCAN(widen_f16)(const uint16_t *from, size_t count, float *to) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    lanes value = SCAN(load_f16)(from + i);
    memcpy(to + i, &value, sizeof value);
  }
  if (i < count) {
    lanes value = SCAN(load_tail_f16)(from + i, count - i);
    memcpy(to + i, &value, (count - i) * sizeof(float));
  }
}

static void SCAN(narrow_f16)(const float *from, size_t count, uint16_t *to) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) SCAN(narrow16)(from + i, to + i);
  if (i < count) {
    float padded[16] = {0};
    uint16_t narrowed[16];
    memcpy(padded, from + i, (count - i) * sizeof(float));
    SCAN(narrow16)(padded, narrowed);
    memcpy(to + i, narrowed, (count - i) * sizeof(uint16_t));
  }
}

static const duet_scan_kernels SCAN(kernels) = {
    .dots_f32 = SCAN(dots_f32),
    .dots_f16 = SCAN(dots_f16),
    .dots_at_f32 = SCAN(dots_at_f32),
    .dots_at_f16 = SCAN(dots_at_f16),
    .at_least = SCAN(at_least),
    .widen_f16 = SCAN(widen_f16),
    .narrow_f16 = SCAN(narrow_f16),
};
