// SPDX-License-Identifier: Apache-2.0
// The scan kernels in plain C: the oracle of the SIMD levels, which must give the same bits.
#include "scan_scalar.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

// No branches, so that the compiler can vectorise the loops around it.
static inline float widen(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t magnitude = (uint32_t)(half & 0x7FFFu) << 13;
  // The exponent is 112 too small; a product by a power of two mends that, for subnormals too, exactly.
  float value;
  memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits |= magnitude >= 0x0F800000u ? 0x7F800000u : 0;
  bits |= magnitude > 0x0F800000u ? 0x400000u : 0;  // a NaN comes out quiet
  bits |= sign;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint16_t narrow(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
  if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {
    // Below the smallest normal half: the sum with 0.5 leaves the half's bits, rounded by the FPU, in the fraction.
    float positive;
    memcpy(&positive, &magnitude, sizeof positive);
    float shifted = positive + 0.5f;
    memcpy(&bits, &shifted, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3F000000u));
  }
  uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

static float sum(const float lanes[16]) {
  float folded[8];
  for (int l = 0; l < 8; l++) folded[l] = lanes[l] + lanes[l + 8];
  for (int width = 4; width > 0; width /= 2)
    for (int l = 0; l < width; l++) folded[l] = folded[l] + folded[l + width];
  return folded[0];
}

static float dot_f32(const float *query, const float *row, size_t dimension) {
  float lanes[16] = {0};
  size_t i = 0;
  for (; i + 16 <= dimension; i += 16)
    for (size_t l = 0; l < 16; l++) {
      float product = query[i + l] * row[i + l];
      lanes[l] = lanes[l] + product;
    }
  for (size_t l = 0; i < dimension && l < 16; l++) {
    float product = i + l < dimension ? query[i + l] * row[i + l] : 0.0f;
    lanes[l] = lanes[l] + product;
  }
  return sum(lanes);
}

static float dot_f16(const float *query, const uint16_t *row, size_t dimension) {
  float lanes[16] = {0};
  size_t i = 0;
  for (; i + 16 <= dimension; i += 16)
    for (size_t l = 0; l < 16; l++) {
      float product = query[i + l] * widen(row[i + l]);
      lanes[l] = lanes[l] + product;
    }
  for (size_t l = 0; i < dimension && l < 16; l++) {
    float product = i + l < dimension ? query[i + l] * widen(row[i + l]) : 0.0f;
    lanes[l] = lanes[l] + product;
  }
  return sum(lanes);
}

static void dots_f32(const float *queries, size_t query_count, const float *rows, size_t row_count,
                     size_t dimension, float *scores, size_t score_stride) {
  for (size_t r = 0; r < row_count; r++)
    for (size_t q = 0; q < query_count; q++)
      scores[q * score_stride + r] = dot_f32(queries + q * dimension, rows + r * dimension, dimension);
}

static void dots_f16(const float *queries, size_t query_count, const uint16_t *rows, size_t row_count,
                     size_t dimension, float *scores, size_t score_stride) {
  for (size_t r = 0; r < row_count; r++)
    for (size_t q = 0; q < query_count; q++)
      scores[q * score_stride + r] = dot_f16(queries + q * dimension, rows + r * dimension, dimension);
}

static void dots_at_f32(const float *query, const float *rows, const uint32_t *slots, size_t slot_count,
                        size_t dimension, float *scores) {
  for (size_t i = 0; i < slot_count; i++) scores[i] = dot_f32(query, rows + slots[i] * dimension, dimension);
}

static void dots_at_f16(const float *query, const uint16_t *rows, const uint32_t *slots, size_t slot_count,
                        size_t dimension, float *scores) {
  for (size_t i = 0; i < slot_count; i++) scores[i] = dot_f16(query, rows + slots[i] * dimension, dimension);
}

static size_t at_least(const float *scores, size_t count, float threshold, uint32_t *indices) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (scores[i] >= threshold) indices[found++] = (uint32_t)i;
  return found;
}

static void widen_f16(const uint16_t *from, size_t count, float *to) {
  for (size_t i = 0; i < count; i++) to[i] = widen(from[i]);
}

static void narrow_f16(const float *from, size_t count, uint16_t *to) {
  for (size_t i = 0; i < count; i++) to[i] = narrow(from[i]);
}

const duet_scan_kernels duet_scan_scalar = {
    .dots_f32 = dots_f32,
    .dots_f16 = dots_f16,
    .dots_at_f32 = dots_at_f32,
    .dots_at_f16 = dots_at_f16,
    .at_least = at_least,
    .widen_f16 = widen_f16,
    .narrow_f16 = narrow_f16,
};
