// SPDX-License-Identifier: Apache-2.0
// The transformer kernels for AVX2 with FMA and F16C.
#if defined(__x86_64__)
#define LANES 8
#define ROWS 6
#define PANEL 2
#define DOT_ROWS 3
#define DOT_COLUMNS 4
#define HAS_F16C
#define NAME(x) x##_avx2
#define KERNEL __attribute__((target("avx2,fma,f16c")))
#include "transformer_body.h"
#endif
