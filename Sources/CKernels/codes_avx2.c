// SPDX-License-Identifier: Apache-2.0
// The code kernels for AVX2.
#if defined(__x86_64__)
#include "codes_scalar.h"
#include "codes_simd.h"

#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF

#define CODES(name) avx2_##name
#define WIDTH 32
#define LANES 8

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

static inline ALWAYS_INLINE uint32_t avx2_above(lanes values, float limit) {
  __m256 halves[2];
  memcpy(halves, &values, sizeof values);
  const __m256 limits = _mm256_set1_ps(limit);
  uint32_t low = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(halves[0], limits, _CMP_GT_OQ));
  return low | (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(halves[1], limits, _CMP_GT_OQ)) << 8;
}

// Adds the two 128-bit lanes to 16 totals of 32 bits; `all` and `odd` as in the loop below.
static inline ALWAYS_INLINE void avx2_fold_sums(__m256i all, __m256i odd, __m256i *totals) {
  // Carries of the even bytes went into the odd ones' half, which therefore counts as nothing but a multiple of 256.
  __m256i even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
  __m128i e = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
  __m128i o = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
  totals[0] = _mm256_add_epi32(totals[0], _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(e, o)));
  totals[1] = _mm256_add_epi32(totals[1], _mm256_cvtepu16_epi32(_mm_unpackhi_epi16(e, o)));
}

static inline ALWAYS_INLINE void avx2_block_sums(const uint8_t *lut, size_t dimension, const uint8_t *codes,
                                                 const uint8_t *ahead, lanes *sums) {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i totals[4];
  UNROLL for (int i = 0; i < 4; i++) totals[i] = _mm256_setzero_si256();
  for (size_t first = 0; first < 4 * dimension; first += 4096) {
    // 1,024 dimensions fit sums of 16 bits: 256 entries of at most 255.
    const size_t end = first + 4096 < 4 * dimension ? first + 4096 : 4 * dimension;
    __m256i low = _mm256_setzero_si256(), low_odd = low, high = low, high_odd = low;
    for (size_t i = first; i < end; i += 64) {
      __builtin_prefetch(ahead + i, 0, 3);
      UNROLL for (size_t j = i; j < i + 64; j += 32) {
        __m256i code = _mm256_loadu_si256((const __m256i *)(codes + j));
        __m256i table = _mm256_loadu_si256((const __m256i *)(lut + j));
        __m256i x = _mm256_shuffle_epi8(table, _mm256_and_si256(code, nibble));
        __m256i y = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble));
        low = _mm256_add_epi16(low, x);
        low_odd = _mm256_add_epi16(low_odd, _mm256_srli_epi16(x, 8));
        high = _mm256_add_epi16(high, y);
        high_odd = _mm256_add_epi16(high_odd, _mm256_srli_epi16(y, 8));
      }
    }
    avx2_fold_sums(low, low_odd, totals);
    avx2_fold_sums(high, high_odd, totals + 2);
  }
  __m256 floats[4];
  UNROLL for (int i = 0; i < 4; i++) floats[i] = _mm256_cvtepi32_ps(totals[i]);
  memcpy(sums, floats, sizeof floats);
}

#define APPEND codes_append_each
#include "codes_body.h"

#define PARTITION codes_partition
#include "codes_best_body.h"

#define DOTS(name) avx2_##name
#define QUERY_OFFSET 0u

typedef __m256i avx2_sum;
typedef __m256i avx2_piece;

static inline ALWAYS_INLINE __m256i avx2_ready(const int8_t *row) { return _mm256_loadu_si256((const __m256i *)row); }

// The row's sign moves to the query, so that one factor is unsigned. No sum of two saturates: 2 · 128 · 127 < 2^15.
static inline ALWAYS_INLINE __m256i avx2_add(__m256i sum, __m256i row, const int8_t *query) {
  __m256i q = _mm256_sign_epi8(_mm256_loadu_si256((const __m256i *)query), row);
  __m256i products = _mm256_maddubs_epi16(_mm256_abs_epi8(row), q);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
}

static inline ALWAYS_INLINE uint32_t avx2_across(__m256i sum) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
  return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}

// Eight vectors of sums to one: lane l of it is the lanes of sums[l] in all.
static inline ALWAYS_INLINE void avx2_fold(const __m256i *sums, uint32_t *to) {
  __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[4], sums[5]), _mm256_hadd_epi32(sums[6], sums[7]));
  _mm256_storeu_si256((__m256i *)to,
                      _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31)));
}

#include "codes_dots_body.h"
#define TABLE duet_codes_avx2
#include "codes_table_body.h"
#pragma clang attribute pop
#endif
