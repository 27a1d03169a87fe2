// SPDX-License-Identifier: Apache-2.0
// Single numbers of the code kernels that every level must work out alike.
#ifndef DUET_CODES_COMMON_H
#define DUET_CODES_COMMON_H

#include "include/codes.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// n^(-1/2) of a power of two, without a square root.
static inline float codes_hadamard_scale(size_t n) {
  int power = __builtin_ctzll(n);
  float scale = power % 2 == 0 ? 1.0f : 0x1.6a09e6p-1f;
  for (int i = 0; i < power / 2; i++) scale *= 0.5f;
  return scale;
}

// |value| as bits: these order like the magnitudes, and what is not finite comes last.
static inline uint32_t codes_magnitude(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & 0x7FFFFFFFu;
}

// What to multiply by before rounding, given the largest magnitude; 0 when there is nothing to quantise.
static inline float codes_quantizer(uint32_t largest, float *scale) {
  float max;
  memcpy(&max, &largest, sizeof max);
  float factor = largest == 0 || largest >= 0x7F800000u ? 0.0f : 127.0f / max;
  if (codes_magnitude(factor) >= 0x7F800000u) factor = 0.0f;
  *scale = factor == 0.0f ? 0.0f : max / 127.0f;
  return factor;
}

// To the nearest integer, ties to even, for |value| < 2^22: the sum pushes the fraction out of the significand.
static inline int32_t codes_round(float value) {
  float shifted = value + 0x1.8p23f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return bits - 0x4B400000;
}

// The largest sum of magnitudes of a sub-quantiser spread over 255 steps.
static inline float codes_step(float range) { return (range > 1e-30f ? range : 1e-30f) / 255.0f; }

// Keys that order as candidates do, the best the largest: by score, NaN the least, then by falling id.
static inline uint64_t codes_key(duet_candidate candidate) {
  uint32_t bits;
  memcpy(&bits, &candidate.score, sizeof bits);
  // 0 and -0 are one number.
  bits = bits == 0x80000000u ? 0 : bits;
  uint32_t order = bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000u);
  order = (bits & 0x7FFFFFFFu) > 0x7F800000u ? 0 : order;
  return (uint64_t)order << 32 | (uint32_t)~candidate.id;
}

static inline duet_candidate codes_candidate(uint64_t key) {
  uint32_t order = (uint32_t)(key >> 32);
  uint32_t bits = order ^ ((uint32_t)((int32_t)~order >> 31) | 0x80000000u);
  duet_candidate candidate = {.id = ~(uint32_t)key};
  memcpy(&candidate.score, &bits, sizeof bits);
  return candidate;
}

static inline uint64_t codes_median(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t low = a < b ? a : b, high = a < b ? b : a;
  return c < low ? low : c > high ? high : c;
}

// The rest of a partition, from key `first` on, of which `above` before it were above the pivot.
static inline size_t codes_partition_from(uint64_t *keys, size_t first, size_t count, size_t above, uint64_t pivot,
                                          uint64_t *others) {
  size_t rest = first - above;
  for (size_t i = first; i < count; i++) {
    const uint64_t key = keys[i];
    keys[above] = key;
    others[rest] = key;
    above += key > pivot;
    rest += key <= pivot;
  }
  memcpy(keys + above, others, rest * sizeof *keys);
  return above;
}

// PARTITION of codes_best_body.h without vectors.
static inline size_t codes_partition(uint64_t *keys, size_t count, uint64_t pivot, uint64_t *others) {
  return codes_partition_from(keys, 0, count, 0, pivot, others);
}

// |r|² / |r|₁. There is one NaN, so that files do not depend on the machine.
static inline float codes_factor(double squares, double magnitudes) {
  float factor = magnitudes == 0 ? 0.0f : (float)(squares / magnitudes);
  return factor == factor ? factor : __builtin_nanf("");
}

#endif
