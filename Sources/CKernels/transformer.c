// SPDX-License-Identifier: Apache-2.0
// The kernels that every CPU runs: four lanes, which the compiler maps to SSE2 or NEON; and the choice
// between the levels.
#define LANES 4
#define ROWS 3
#define PANEL 2
#define DOT_ROWS 2
#define DOT_COLUMNS 4
#define NAME(x) x##_portable
#define KERNEL
#include "transformer_body.h"

#if defined(__x86_64__)
extern const duet_transformer_kernels duet_transformer_avx2, duet_transformer_avx512;
#endif

size_t duet_attention_scratch(size_t key_count, size_t head_dim) {
  size_t padded_keys = (key_count + 15) / 16 * 16, padded_dim = (head_dim + 15) / 16 * 16;
  size_t most_rows = 8;
  return head_dim * padded_keys + key_count * padded_dim + most_rows * (padded_keys + padded_dim);
}

const duet_transformer_kernels *duet_transformer_kernels_for(duet_cpu_level level) {
  switch (level) {
#if defined(__x86_64__)
  case DUET_CPU_AVX2:
    return &duet_transformer_avx2;
  case DUET_CPU_AVX512:
    return &duet_transformer_avx512;
#elif defined(__aarch64__)
  case DUET_CPU_NEON:
    return &duet_transformer_portable;
#endif
  case DUET_CPU_SCALAR:
    return &duet_transformer_portable;
  default:
    return NULL;
  }
}
