// SPDX-License-Identifier: Apache-2.0
// The packed products that every CPU runs, how weights are packed, and the choice between the levels.
#define LANES 4
#define TILE_ROWS 3
#define TILE_PANELS 1
#define NAME(x) x##_portable
#define KERNEL
#include "packed_body.h"

#if defined(__x86_64__)
extern const duet_packed_kernels duet_packed_avx2, duet_packed_avx512_vnni, duet_packed_avx512_dots;
#endif

const duet_packed_kernels *duet_packed_kernels_for(duet_cpu_level level) {
#if defined(__x86_64__)
  if (level == DUET_CPU_AVX512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"))
    return &duet_packed_avx512_dots;
#endif
  return duet_packed_kernels_plain_for(level);
}

const duet_packed_kernels *duet_packed_kernels_plain_for(duet_cpu_level level) {
  switch (level) {
#if defined(__x86_64__)
  case DUET_CPU_AVX2:
    return &duet_packed_avx2;
  case DUET_CPU_AVX512:
    return __builtin_cpu_supports("avx512vnni") ? &duet_packed_avx512_vnni : &duet_packed_avx2;
#elif defined(__aarch64__)
  case DUET_CPU_NEON:
    return &duet_packed_portable;
#endif
  case DUET_CPU_SCALAR:
    return &duet_packed_portable;
  default:
    return NULL;
  }
}

void duet_pack_bf16(const float *w, size_t n, size_t k, size_t first, size_t panels, uint32_t *b) {
  const size_t words = (k + 1) / 2;
  memset(b, 0, panels * words * DUET_PANEL * sizeof *b);
  for (size_t panel = first; panel < first + panels; panel++, b += words * DUET_PANEL)
    for (size_t j = 0; j < DUET_PANEL && panel * DUET_PANEL + j < n; j++) {
      const float *row = w + (panel * DUET_PANEL + j) * k;
      for (size_t word = 0; word < words; word++)
        round_bf16_portable(row + 2 * word, k, 1, k - 2 * word < 2 ? 1 : 2, b + word * DUET_PANEL + j, 1);
    }
}

/// The size of a step, 127 of which reach the largest weight.
static float symmetric_scale(const float *row, size_t k) {
  float least, most, odd;
  extremes(row, k, &least, &most, &odd);
  float largest = most > -least ? most : -least;
  return largest * (1.0f / 127) + odd;
}

void duet_pack_int8(const float *w, size_t n, size_t k, size_t first, size_t panels, uint32_t *b, float *scale,
                    float *sum) {
  const size_t words = (k + 3) / 4;
  memset(b, 0, panels * words * DUET_PANEL * sizeof *b);
  for (size_t panel = first; panel < first + panels; panel++, b += words * DUET_PANEL)
    for (size_t j = 0; j < DUET_PANEL && panel * DUET_PANEL + j < n; j++) {
      const size_t output = panel * DUET_PANEL + j;
      const float *row = w + output * k;
      const float step = symmetric_scale(row, k);
      const float inverse = step > 0 && 1.0f / step < INFINITY ? 1.0f / step : 0;
      int32_t total = 0;
      for (size_t i = 0; i < k && inverse > 0; i++) {
        int32_t code = (int32_t)lrintf(row[i] * inverse);
        total += code;
        ((int8_t *)(b + i / 4 * DUET_PANEL + j))[i % 4] = (int8_t)code;
      }
      scale[output] = step;
      sum[output] = step * (float)total;
    }
}
