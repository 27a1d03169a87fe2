// SPDX-License-Identifier: Apache-2.0
#ifndef DUET_COEFFICIENTS_H
#define DUET_COEFFICIENTS_H

#include "include/CImageCodecs.h"

/// Fraction bits of a weight.
#define DUET_WEIGHT_BITS 22

/// For each wanted output position of one axis, which inputs count and by how much.
typedef struct duet_coefficients {
  size_t count;
  /// The first input of each output position, and the number of inputs.
  int32_t *first, *taps;
  /// Fixed-point weights, `stride` per output position; those beyond its taps are zero. `stride` is a
  /// multiple of 4.
  int32_t *weights;
  size_t stride;
  /// The same weights as w = 65536 * high + low with 16-bit halves, for vpmaddwd: for each four taps
  /// {low 0...3, high 0...3}.
  int16_t *halves;
  /// All inputs that any of the outputs needs.
  int32_t lowest, highest;
} duet_coefficients;

/// Computes the weights of outputs `start ..< start + count` of `total`, which cover the stretch `from ..< to`
/// of `input` inputs. Zero: no memory.
int duet_coefficients_make(duet_coefficients *coefficients, uint32_t input, double from, double to,
                           uint32_t total, uint32_t start, uint32_t count, duet_filter filter);

void duet_coefficients_free(duet_coefficients *coefficients);

/// RGB8 rows.
typedef struct duet_rows {
  const uint8_t *bytes;
  size_t stride;
  /// Bytes that may be read from `bytes` on.
  size_t capacity;
  /// The position along the resampled axis that the first pixel or row has.
  int32_t origin;
} duet_rows;

/// Resamples `rows` rows along x into rows of 3 * count bytes.
typedef int duet_horizontal_pass(const duet_coefficients *coefficients, duet_rows source, size_t rows,
                                 uint8_t *output);

/// Resamples rows of `bytes` bytes along y into `count` rows.
typedef void duet_vertical_pass(const duet_coefficients *coefficients, duet_rows source, size_t bytes,
                                uint8_t *output);

duet_horizontal_pass duet_horizontal_scalar;
duet_vertical_pass duet_vertical_scalar;
#if defined(__x86_64__)
duet_horizontal_pass duet_horizontal_avx2;
duet_vertical_pass duet_vertical_avx2;
#endif

static inline uint8_t duet_clip8(uint32_t sum) {
  int32_t value = (int32_t)sum >> DUET_WEIGHT_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif
