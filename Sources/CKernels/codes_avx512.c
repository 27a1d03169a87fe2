// SPDX-License-Identifier: Apache-2.0
// The code kernels for AVX-512, with and without VNNI.
#if defined(__x86_64__)
#include "codes_scalar.h"
#include "codes_simd.h"

#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF

#define CODES(name) avx512_##name
#define WIDTH 64
#define LANES 16

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"), \
                                            __min_vector_width__(512))), apply_to = function)

static inline ALWAYS_INLINE uint32_t avx512_above(lanes values, float limit) {
  return _mm512_cmp_ps_mask((__m512)values, _mm512_set1_ps(limit), _CMP_GT_OQ);
}

// The four 128-bit lanes in one, as 16 sums of 16 bits: even bytes' sums, then odd ones'.
static inline ALWAYS_INLINE __m256i avx512_fold_sums(__m512i all, __m512i odd) {
  // Carries of the even bytes went into the odd ones' half, which therefore counts as nothing but a multiple of 256.
  __m512i even = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));
  __m256i e = _mm256_add_epi16(_mm512_castsi512_si256(even), _mm512_extracti64x4_epi64(even, 1));
  __m256i o = _mm256_add_epi16(_mm512_castsi512_si256(odd), _mm512_extracti64x4_epi64(odd, 1));
  __m128i es = _mm_add_epi16(_mm256_castsi256_si128(e), _mm256_extracti128_si256(e, 1));
  __m128i os = _mm_add_epi16(_mm256_castsi256_si128(o), _mm256_extracti128_si256(o, 1));
  return _mm256_set_m128i(_mm_unpackhi_epi16(es, os), _mm_unpacklo_epi16(es, os));
}

static inline ALWAYS_INLINE void avx512_block_sums(const uint8_t *lut, size_t dimension, const uint8_t *codes,
                                                   const uint8_t *ahead, lanes *sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i total0 = _mm512_setzero_si512(), total1 = total0;
  for (size_t first = 0; first < 4 * dimension; first += 4096) {
    // 1,024 dimensions fit sums of 16 bits: 256 entries of at most 255.
    const size_t end = first + 4096 < 4 * dimension ? first + 4096 : 4 * dimension;
    __m512i low = _mm512_setzero_si512(), low_odd = low, high = low, high_odd = low;
    for (size_t i = first; i < end; i += 64) {
      __m512i code = _mm512_loadu_si512(codes + i), table = _mm512_loadu_si512(lut + i);
      __builtin_prefetch(ahead + i, 0, 3);
      __m512i x = _mm512_shuffle_epi8(table, _mm512_and_si512(code, nibble));
      __m512i y = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble));
      low = _mm512_add_epi16(low, x);
      low_odd = _mm512_add_epi16(low_odd, _mm512_srli_epi16(x, 8));
      high = _mm512_add_epi16(high, y);
      high_odd = _mm512_add_epi16(high_odd, _mm512_srli_epi16(y, 8));
    }
    total0 = _mm512_add_epi32(total0, _mm512_cvtepu16_epi32(avx512_fold_sums(low, low_odd)));
    total1 = _mm512_add_epi32(total1, _mm512_cvtepu16_epi32(avx512_fold_sums(high, high_odd)));
  }
  sums[0] = (lanes)_mm512_cvtepi32_ps(total0);
  sums[1] = (lanes)_mm512_cvtepi32_ps(total1);
}

// The lanes of `mask` whose ids are allowed: the bit of id i is bit i % 32 of word i / 32, as x86 lays 64-bit words out.
static inline ALWAYS_INLINE __mmask16 avx512_allowed(__mmask16 mask, __m512i id, const uint64_t *allowed) {
  __m512i word = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, _mm512_srli_epi32(id, 5), allowed, 4);
  __m512i bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(id, _mm512_set1_epi32(31)));
  return _mm512_mask_test_epi32_mask(mask, word, bit);
}

// Packs the hits of each half together and writes them over 16 places; the caller has 32.
static inline ALWAYS_INLINE size_t avx512_append(const lanes *scores, const uint8_t *ids, uint32_t hits,
                                                 const uint64_t *allowed, size_t id_count, duet_candidate *out) {
  if (id_count == 0) return 0;
  const __m512i last = _mm512_set1_epi32((int)(uint32_t)(id_count - 1 < UINT32_MAX ? id_count - 1 : UINT32_MAX));
  const __m512i first8 = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i last8 = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  size_t found = 0;
  UNROLL for (int half = 0; half < 2; half++) {
    __m512i id = _mm512_loadu_si512(ids + 64 * half);
    __mmask16 mask = _mm512_mask_cmple_epu32_mask((__mmask16)(hits >> (16 * half)), id, last);
    if (allowed != NULL && mask != 0) mask = avx512_allowed(mask, id, allowed);
    if (mask == 0) continue;
    __m512i score = _mm512_maskz_compress_epi32(mask, (__m512i)scores[half]);
    id = _mm512_maskz_compress_epi32(mask, id);
    _mm512_storeu_si512(out + found, _mm512_permutex2var_epi32(score, first8, id));
    _mm512_storeu_si512(out + found + 8, _mm512_permutex2var_epi32(score, last8, id));
    found += (size_t)__builtin_popcount(mask);
  }
  return found;
}

#define APPEND avx512_append
#include "codes_body.h"

// The keys above the pivot are packed together where they were read already, the others beside.
static inline ALWAYS_INLINE size_t avx512_partition(uint64_t *keys, size_t count, uint64_t pivot, uint64_t *others) {
  const __m512i pivots = _mm512_set1_epi64((long long)pivot);
  size_t above = 0, i = 0;
  for (; i + 8 <= count; i += 8) {
    __m512i key = _mm512_loadu_si512(keys + i);
    __mmask8 greater = _mm512_cmpgt_epu64_mask(key, pivots);
    _mm512_storeu_si512(keys + above, _mm512_maskz_compress_epi64(greater, key));
    _mm512_storeu_si512(others + (i - above), _mm512_maskz_compress_epi64((__mmask8)~greater, key));
    above += (size_t)__builtin_popcount(greater);
  }
  return codes_partition_from(keys, i, count, above, pivot, others);
}

#define PARTITION avx512_partition
#include "codes_best_body.h"

// Sixteen vectors of sums to one: lane l of it is the lanes of sums[l] in all.
static inline ALWAYS_INLINE void avx512_fold(const __m512i *sums, uint32_t *to) {
  __m512i pairs[8], fours[4];
  UNROLL for (int i = 0; i < 8; i++)
    pairs[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2 * i], sums[2 * i + 1]),
                                _mm512_unpackhi_epi32(sums[2 * i], sums[2 * i + 1]));
  UNROLL for (int i = 0; i < 4; i++)
    fours[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]),
                                _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
  __m512i a = _mm512_add_epi32(_mm512_shuffle_i32x4(fours[0], fours[1], 0x88),
                               _mm512_shuffle_i32x4(fours[0], fours[1], 0xDD));
  __m512i b = _mm512_add_epi32(_mm512_shuffle_i32x4(fours[2], fours[3], 0x88),
                               _mm512_shuffle_i32x4(fours[2], fours[3], 0xDD));
  _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD)));
}

#define DOTS(name) avx512_##name
#define QUERY_OFFSET 0u

typedef __m512i avx512_sum;
typedef struct avx512_piece {
  __m512i magnitudes;
  __mmask64 negative;
} avx512_piece;

static inline ALWAYS_INLINE avx512_piece avx512_ready(const int8_t *row) {
  __m512i x = _mm512_loadu_si512(row);
  return (avx512_piece){_mm512_abs_epi8(x), _mm512_movepi8_mask(x)};
}

// The row's sign moves to the query, so that one factor is unsigned. No sum of two saturates: 2 · 128 · 127 < 2^15.
static inline ALWAYS_INLINE __m512i avx512_add(__m512i sum, avx512_piece row, const int8_t *query) {
  __m512i q = _mm512_loadu_si512(query);
  q = _mm512_mask_sub_epi8(q, row.negative, _mm512_setzero_si512(), q);
  __m512i products = _mm512_maddubs_epi16(row.magnitudes, q);
  return _mm512_add_epi32(sum, _mm512_madd_epi16(products, _mm512_set1_epi16(1)));
}

static inline ALWAYS_INLINE uint32_t avx512_across(__m512i sum) { return (uint32_t)_mm512_reduce_add_epi32(sum); }

#include "codes_dots_body.h"
#define TABLE duet_codes_avx512
#include "codes_table_body.h"
#undef TABLE
#undef DOTS
#undef QUERY_OFFSET
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"), \
                   __min_vector_width__(512))), apply_to = function)
#define DOTS(name) avx512_vnni_##name
#define QUERY_OFFSET 128u

typedef __m512i avx512_vnni_sum;
typedef __m512i avx512_vnni_piece;

// The row plus 128, unsigned.
static inline ALWAYS_INLINE __m512i avx512_vnni_ready(const int8_t *row) {
  return _mm512_xor_si512(_mm512_loadu_si512(row), _mm512_set1_epi8(-128));
}

static inline ALWAYS_INLINE __m512i avx512_vnni_add(__m512i sum, __m512i row, const int8_t *query) {
  return _mm512_dpbusd_epi32(sum, row, _mm512_loadu_si512(query));
}

static inline ALWAYS_INLINE uint32_t avx512_vnni_across(__m512i sum) { return avx512_across(sum); }
static inline ALWAYS_INLINE void avx512_vnni_fold(const __m512i *sums, uint32_t *to) { avx512_fold(sums, to); }

#include "codes_dots_body.h"
#define TABLE duet_codes_avx512_vnni
#include "codes_table_body.h"
#pragma clang attribute pop
#endif
