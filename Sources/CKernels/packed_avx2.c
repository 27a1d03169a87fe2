// SPDX-License-Identifier: Apache-2.0
// Packed products for AVX2 with FMA; for AVX-512 without VNNI, too.
#if defined(__x86_64__)
#include <immintrin.h>
#define LANES 8
#define TILE_ROWS 4
#define TILE_PANELS 1
#define PAIRS_OF_SHORTS(x, y) ((vi)_mm256_madd_epi16((__m256i)(x), (__m256i)(y)))
#define NAME(x) x##_avx2
#define KERNEL __attribute__((target("avx2,fma,f16c")))
#include "packed_body.h"
#endif
