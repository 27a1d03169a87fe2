// SPDX-License-Identifier: Apache-2.0
// The scan kernels of the SIMD levels: one body (scan_body.h), compiled once per level.
#include "include/scan.h"
#include "scan_scalar.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#pragma STDC FP_CONTRACT OFF

// Vectors cross only inlined calls, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define ALWAYS_INLINE __attribute__((always_inline))
#define UNROLL _Pragma("unroll")

typedef float lanes __attribute__((vector_size(64)));
typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes4 __attribute__((vector_size(16)));
typedef float lanes2 __attribute__((vector_size(8)));
typedef int int_lanes __attribute__((vector_size(64)));

// A scan runs at the speed of memory, fastest when it reads one row at a time and asks for what lies this far ahead.
#define PREFETCH_BYTES 8192

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define SCAN(name) avx2_##name
#define TILE_QUERIES 4
static inline ALWAYS_INLINE lanes avx2_widen16(const uint16_t *from) {
  __m256 low = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
  __m256 high = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + 8)));
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
static inline ALWAYS_INLINE void avx2_narrow16(const float *from, uint16_t *to) {
  _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128((__m128i *)(to + 8), _mm256_cvtps_ph(_mm256_loadu_ps(from + 8), _MM_FROUND_TO_NEAREST_INT));
}
#include "scan_body.h"
#undef SCAN
#undef TILE_QUERIES
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#define SCAN(name) avx512_##name
#define TILE_QUERIES 4
static inline ALWAYS_INLINE lanes avx512_widen16(const uint16_t *from) {
  return (lanes)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}
static inline ALWAYS_INLINE void avx512_narrow16(const float *from, uint16_t *to) {
  _mm256_storeu_si256((__m256i *)to, _mm512_cvtps_ph(_mm512_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT));
}
#include "scan_body.h"
#undef SCAN
#undef TILE_QUERIES
#pragma clang attribute pop

#elif defined(__aarch64__)

#define SCAN(name) neon_##name
#define TILE_QUERIES 4
static inline ALWAYS_INLINE lanes neon_widen16(const uint16_t *from) {
  float32x4_t part[4];
  for (int i = 0; i < 4; i++) part[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + 4 * i)));
  lanes value;
  memcpy(&value, part, sizeof value);
  return value;
}
static inline ALWAYS_INLINE void neon_narrow16(const float *from, uint16_t *to) {
  for (int i = 0; i < 4; i++) vst1_u16(to + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + 4 * i))));
}
#include "scan_body.h"
#undef SCAN
#undef TILE_QUERIES

#endif

const duet_scan_kernels *duet_scan_kernels_at(duet_cpu_level level) {
  switch (level) {
  case DUET_CPU_SCALAR:
    return &duet_scan_scalar;
#if defined(__x86_64__)
  case DUET_CPU_AVX2:
    return &avx2_kernels;
  case DUET_CPU_AVX512:
    return &avx512_kernels;
#elif defined(__aarch64__)
  case DUET_CPU_NEON:
    return &neon_kernels;
#endif
  default:
    return NULL;
  }
}
