// SPDX-License-Identifier: Apache-2.0
// Packed products for AVX-512 with BF16 and VNNI, vectors of 512 bits.
#if defined(__x86_64__)
#define LANES 16
#define TILE_ROWS 6
#define TILE_PANELS 4
#define HAS_BF16
#define HAS_VNNI
#define NAME(x) x##_avx512_dots
#define KERNEL \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma,f16c"), \
                 __min_vector_width__(512)))
#include "packed_body.h"
#endif
