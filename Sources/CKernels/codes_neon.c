// SPDX-License-Identifier: Apache-2.0
// The code kernels for NEON, with and without the dot-product instructions.
#if defined(__aarch64__)
#include "codes_scalar.h"
#include "codes_simd.h"

#include <arm_neon.h>

#pragma STDC FP_CONTRACT OFF

#define CODES(name) neon_##name
#define WIDTH 16
#define LANES 4

static inline ALWAYS_INLINE uint32_t neon_above(lanes values, float limit) {
  static const uint32_t place[16] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                     1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  float32x4_t part[4];
  memcpy(part, &values, sizeof values);
  uint32x4_t bits = vdupq_n_u32(0);
  UNROLL for (int i = 0; i < 4; i++)
    bits = vorrq_u32(bits, vandq_u32(vcgtq_f32(part[i], vdupq_n_f32(limit)), vld1q_u32(place + 4 * i)));
  return vaddvq_u32(bits);
}

// Adds 16 sums of 16 bits to totals of 32 bits.
static inline ALWAYS_INLINE void neon_widen_sums(const uint16x8_t *sums, uint32x4_t *totals) {
  UNROLL for (int i = 0; i < 2; i++) {
    totals[2 * i] = vaddw_u16(totals[2 * i], vget_low_u16(sums[i]));
    totals[2 * i + 1] = vaddw_high_u16(totals[2 * i + 1], sums[i]);
  }
}

static inline ALWAYS_INLINE void neon_block_sums(const uint8_t *lut, size_t dimension, const uint8_t *codes,
                                                 const uint8_t *ahead, lanes *sums) {
  uint32x4_t totals[8];
  UNROLL for (int i = 0; i < 8; i++) totals[i] = vdupq_n_u32(0);
  for (size_t first = 0; first < 4 * dimension; first += 4096) {
    // 1,024 dimensions fit sums of 16 bits: 256 entries of at most 255.
    const size_t end = first + 4096 < 4 * dimension ? first + 4096 : 4 * dimension;
    uint16x8_t low[2], high[2];
    UNROLL for (int i = 0; i < 2; i++) low[i] = high[i] = vdupq_n_u16(0);
    for (size_t i = first; i < end; i += 64) {
      __builtin_prefetch(ahead + i, 0, 3);
      UNROLL for (size_t j = i; j < i + 64; j += 16) {
        uint8x16_t code = vld1q_u8(codes + j), table = vld1q_u8(lut + j);
        uint8x16_t x = vqtbl1q_u8(table, vandq_u8(code, vdupq_n_u8(15))), y = vqtbl1q_u8(table, vshrq_n_u8(code, 4));
        low[0] = vaddw_u8(low[0], vget_low_u8(x));
        low[1] = vaddw_high_u8(low[1], x);
        high[0] = vaddw_u8(high[0], vget_low_u8(y));
        high[1] = vaddw_high_u8(high[1], y);
      }
    }
    neon_widen_sums(low, totals);
    neon_widen_sums(high, totals + 4);
  }
  float32x4_t floats[8];
  UNROLL for (int i = 0; i < 8; i++) floats[i] = vcvtq_f32_u32(totals[i]);
  memcpy(sums, floats, sizeof floats);
}

#define APPEND codes_append_each
#include "codes_body.h"

#define PARTITION codes_partition
#include "codes_best_body.h"

#define DOTS(name) neon_##name
#define QUERY_OFFSET 0u

typedef int32x4_t neon_sum;
typedef int8x16_t neon_piece;

static inline ALWAYS_INLINE int8x16_t neon_ready(const int8_t *row) { return vld1q_s8(row); }

// Two products fit 16 bits: 2 · 128 · 127 < 2^15.
static inline ALWAYS_INLINE int32x4_t neon_add(int32x4_t sum, int8x16_t row, const int8_t *query) {
  int8x16_t q = vld1q_s8(query);
  int16x8_t products = vmull_s8(vget_low_s8(row), vget_low_s8(q));
  return vpadalq_s16(sum, vmlal_high_s8(products, row, q));
}

static inline ALWAYS_INLINE uint32_t neon_across(int32x4_t sum) { return (uint32_t)vaddvq_s32(sum); }

// Four vectors of sums to one: lane l of it is the lanes of sums[l] in all.
static inline ALWAYS_INLINE void neon_fold(const int32x4_t *sums, uint32_t *to) {
  int32x4_t all = vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
  vst1q_u32(to, vreinterpretq_u32_s32(all));
}

#include "codes_dots_body.h"
#define TABLE duet_codes_neon
#include "codes_table_body.h"
#undef TABLE
#undef DOTS

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define DOTS(name) neon_dotprod_##name

typedef int32x4_t neon_dotprod_sum;
typedef int8x16_t neon_dotprod_piece;

static inline ALWAYS_INLINE int8x16_t neon_dotprod_ready(const int8_t *row) { return vld1q_s8(row); }
static inline ALWAYS_INLINE int32x4_t neon_dotprod_add(int32x4_t sum, int8x16_t row, const int8_t *query) {
  return vdotq_s32(sum, row, vld1q_s8(query));
}
static inline ALWAYS_INLINE uint32_t neon_dotprod_across(int32x4_t sum) { return (uint32_t)vaddvq_s32(sum); }
static inline ALWAYS_INLINE void neon_dotprod_fold(const int32x4_t *sums, uint32_t *to) { neon_fold(sums, to); }

#include "codes_dots_body.h"
#define TABLE duet_codes_neon_dotprod
#include "codes_table_body.h"
#pragma clang attribute pop
#endif
