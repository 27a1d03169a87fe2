// SPDX-License-Identifier: Apache-2.0
// Rounding, quantising and packed products at one CPU level; included by packed*.c, which define what lanes.h asks for, and
//   NAME(x)   x with the level's suffix      TILE_ROWS, TILE_PANELS   register tile of the products
//   HAS_BF16, HAS_VNNI   whether the CPU multiplies bfloat16, and sums products of bytes
//   PAIRS_OF_SHORTS(x, y)   sums of neighbouring products of 16-bit numbers, where the CPU has an instruction for it
#include "include/packed.h"
#include "lanes.h"

#if defined(HAS_BF16) || defined(HAS_VNNI)
#include <immintrin.h>
#endif

typedef uint16_t vh __attribute__((vector_size(LANES * 2)));
typedef uint8_t vb __attribute__((vector_size(LANES)));

INLINE vi load_words(const uint32_t *p) {
  vi v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE vi splat_word(uint32_t x) { return (int32_t)x - (vi){0}; }

// MARK: rows of activations

/// Ties to even; a NaN keeps its sign and becomes quiet.
INLINE vh rounded_bf16(vf x) {
  vi bits = (vi)x;
  vi nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  vi nan = (bits >> 16) | 0x40, mask = x != x;
  return __builtin_convertvector((mask & nan) | (~mask & nearest), vh);
}

KERNEL static void NAME(round_bf16)(const float *x, size_t x_stride, size_t rows, size_t columns, uint32_t *y,
                                    size_t y_stride) {
  for (size_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
    uint16_t *to = (uint16_t *)y;
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
      vh v = rounded_bf16(load(x + i));
      memcpy(to + i, &v, sizeof v);
    }
    if (i < columns) {
      vh v = rounded_bf16(load_some(x + i, columns - i, 0));
      memcpy(to + i, &v, (columns - i + 1) / 2 * 4);
    }
  }
}

/// The smallest and the largest number of a row, and 0, or NaN if one is not finite.
INLINE void extremes(const float *x, size_t count, float *least, float *most, float *odd) {
  *least = *most = *odd = 0;
  if (count == 0) return;
  vf low = splat(x[0]), high = low, zero = splat(0);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = load(x + i);
    low = __builtin_elementwise_min(low, v);
    high = larger(high, v);
    zero += v * 0.0f;
  }
  if (i < count) {
    vf v = load_some(x + i, count - i, x[i]);
    low = __builtin_elementwise_min(low, v);
    high = larger(high, v);
    zero += v * 0.0f;
  }
  *least = -maximum(-low);
  *most = maximum(high);
  *odd = sum(zero);
}

INLINE vb quantized(vf x, float low, float inverse) {
  const float shifter = 0x1.8p23f;  // adding it rounds to an integer, kept in the low bits
  vf steps = (x - low) * inverse + shifter;
  return __builtin_convertvector((vi)steps - (vi)splat(shifter), vb);
}

KERNEL static void NAME(quantize)(const float *x, size_t x_stride, size_t rows, size_t columns, uint32_t *y,
                                  size_t y_stride, float *scale, float *low) {
  for (size_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
    float most, odd;
    extremes(x, columns, low + row, &most, &odd);
    scale[row] = (most - low[row]) * (1.0f / 255) + odd;
    // A row of one number, or of numbers that are not finite, has no steps.
    float inverse = scale[row] > 0 && scale[row] < INFINITY ? 1.0f / scale[row] : 0;
    if (!(inverse < INFINITY)) inverse = 0;
    uint8_t *to = (uint8_t *)y;
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
      vb v = quantized(load(x + i), low[row], inverse);
      memcpy(to + i, &v, sizeof v);
    }
    if (i < columns) {
      vb v = quantized(load_some(x + i, columns - i, low[row]), low[row], inverse);
      memcpy(to + i, &v, (columns - i + 3) / 4 * 4);
    }
  }
}

// MARK: bfloat16

#define PREFIX(x) NAME(bf16_##x)
#define MULTIPLY NAME(multiply_bf16)
#define SUM vf
#define TOTAL(p, s, r, j, width) (s)
#if defined(HAS_BF16)
#define READY __m512bh
#define READY_WORDS(words) ((__m512bh)load_words(words))
#define DOT(s, w, x) ((vf)_mm512_dpbf16_ps((__m512)(s), w, (__m512bh)splat_word(x)))
#else
/// The halves of each word as floats.
typedef struct NAME(halves) {
  vf low, high;
} NAME(halves);
INLINE NAME(halves) NAME(widened)(vi words) {
  return (NAME(halves)){(vf)(words << 16), (vf)(words & (int32_t)0xFFFF0000)};
}
INLINE vf NAME(dot_bf16)(vf sums, NAME(halves) w, uint32_t word) {
  NAME(halves) x = NAME(widened)(splat_word(word));
  sums += w.low * x.low;
  return sums + w.high * x.high;
}
#define READY NAME(halves)
#define READY_WORDS(words) NAME(widened)(load_words(words))
#define DOT(s, w, x) NAME(dot_bf16)(s, w, x)
#endif
#include "packed_product_body.h"

// MARK: bytes

/// Σ (a_scale · u + a_low) · b_scale · w = a_scale · b_scale · Σ u · w + a_low · b_sum.
INLINE vf NAME(scaled)(const duet_packed_product *p, vi sums, size_t row, size_t column, size_t width) {
  vf exact = __builtin_convertvector(sums, vf);
  return exact * (load_up_to(p->b_scale + column, width) * p->a_scale[row]) +
         load_up_to(p->b_sum + column, width) * p->a_low[row];
}

#define PREFIX(x) NAME(int8_##x)
#define MULTIPLY NAME(multiply_int8)
#define SUM vi
#define TOTAL(p, s, r, j, width) NAME(scaled)(p, s, r, j, width)
#if defined(HAS_VNNI)
#define READY vi
#define READY_WORDS(words) load_words(words)
#define DOT(s, w, x) ((vi)_mm512_dpbusd_epi32((__m512i)(s), (__m512i)splat_word(x), (__m512i)(w)))
#else
/// Bytes 0 and 2 of each word, and bytes 1 and 3, as 16-bit numbers.
typedef struct NAME(shorts) {
  vi even, odd;
} NAME(shorts);
typedef int16_t NAME(vs) __attribute__((vector_size(LANES * 4)));
INLINE NAME(shorts) NAME(widened_bytes)(vi words) {
  NAME(vs) s = (NAME(vs))words;
  return (NAME(shorts)){(vi)((s << 8) >> 8), (vi)(s >> 8)};
}
#if !defined(PAIRS_OF_SHORTS)
INLINE vi NAME(pairs)(vi x, vi y) { return ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16); }
#define PAIRS_OF_SHORTS(x, y) NAME(pairs)(x, y)
#endif
/// Unsigned bytes times signed ones in 16 bits and then in 32: nothing saturates.
INLINE vi NAME(dot_bytes)(vi sums, NAME(shorts) w, uint32_t word) {
  sums += PAIRS_OF_SHORTS(w.even, splat_word(word & 0x00FF00FF));
  return sums + PAIRS_OF_SHORTS(w.odd, splat_word((word >> 8) & 0x00FF00FF));
}
#define READY NAME(shorts)
#define READY_WORDS(words) NAME(widened_bytes)(load_words(words))
#define DOT(s, w, x) NAME(dot_bytes)(s, w, x)
#endif
#include "packed_product_body.h"

const duet_packed_kernels NAME(duet_packed) = {
    .round_bf16 = NAME(round_bf16),
    .quantize = NAME(quantize),
    .multiply_bf16 = NAME(multiply_bf16),
    .multiply_int8 = NAME(multiply_int8),
#if defined(HAS_BF16)
    .has_bf16 = 1,
#endif
};
