// SPDX-License-Identifier: Apache-2.0
// The transformer kernels for AVX-512, vectors of 512 bits.
#if defined(__x86_64__)
#define LANES 16
#define ROWS 6
#define PANEL 4
#define DOT_ROWS 6
#define DOT_COLUMNS 4
#define DOT_HEIGHT 192  // these CPUs have 1 MiB of L2 or more
#define HAS_F16C
#define NAME(x) x##_avx512
#define KERNEL \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"), __min_vector_width__(512)))
#include "transformer_body.h"
#endif
