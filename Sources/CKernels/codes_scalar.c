// SPDX-License-Identifier: Apache-2.0
// The code kernels in plain C: the oracle of the SIMD levels, which must give the same bits.
#include "codes_scalar.h"
#include "codes_common.h"

#pragma STDC FP_CONTRACT OFF

static void hadamard(float *x, size_t n) {
  for (size_t h = 1; h < n; h *= 2)
    for (size_t i = 0; i < n; i += 2 * h)
      for (size_t j = i; j < i + h; j++) {
        float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
  float scale = codes_hadamard_scale(n);
  for (size_t i = 0; i < n; i++) x[i] = x[i] * scale;
}

static float quantize_i8(const float *x, size_t count, int8_t *codes) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = codes_magnitude(x[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  float scale, factor = codes_quantizer(largest, &scale);
  if (factor == 0.0f)
    memset(codes, 0, count);
  else
    for (size_t i = 0; i < count; i++) codes[i] = (int8_t)codes_round(x[i] * factor);
  return scale;
}

static int32_t dot(const int8_t *query, const int8_t *row, size_t dimension) {
  int32_t sum = 0;
  for (size_t i = 0; i < dimension; i++) sum += query[i] * row[i];
  return sum;
}

static void dots_i8(const int8_t *queries, const float *query_scales, size_t query_count, const int8_t *rows,
                    const float *row_scales, size_t row_count, size_t dimension, float *scores, size_t stride) {
  for (size_t r = 0; r < row_count; r++)
    for (size_t q = 0; q < query_count; q++) {
      int32_t sum = dot(queries + q * dimension, rows + r * dimension, dimension);
      scores[q * stride + r] = (float)sum * (row_scales[r] * query_scales[q]);
    }
}

static void dots_at_i8(const int8_t *query, float query_scale, const int8_t *rows, const float *row_scales,
                       size_t row_count, duet_candidate *candidates, size_t count, size_t dimension) {
  for (size_t i = 0; i < count; i++) {
    size_t id = candidates[i].id;
    candidates[i].score = id >= row_count
                              ? -__builtin_inff()
                              : (float)dot(query, rows + id * dimension, dimension) * (row_scales[id] * query_scale);
  }
}

static float negative(float value) { return value < 0.0f ? value : 0.0f; }

static float negatives(const float q[4]) {
  return ((negative(q[0]) + negative(q[1])) + negative(q[2])) + negative(q[3]);
}

static float magnitudes(const float q[4]) {
  return ((__builtin_fabsf(q[0]) + __builtin_fabsf(q[1])) + __builtin_fabsf(q[2])) + __builtin_fabsf(q[3]);
}

static void make_lut(const float *query, size_t dimension, uint8_t *lut, float *step, float *low) {
  float range = 0.0f, lows[16] = {0};
  for (size_t m = 0; m < dimension / 4; m++) {
    float magnitude = magnitudes(query + 4 * m);
    range = magnitude > range ? magnitude : range;
    lows[m % 16] = lows[m % 16] + negatives(query + 4 * m);
  }
  for (int width = 8; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lows[l] = lows[l] + lows[l + width];
  *low = lows[0];
  *step = codes_step(range);
  float steps = 1.0f / *step;
  for (size_t m = 0; m < dimension / 4; m++)
    for (int e = 0; e < 16; e++) {
      float sum = -negatives(query + 4 * m);
      for (int j = 0; j < 4; j++) sum = sum + (e >> j & 1 ? query[4 * m + (size_t)j] : 0.0f);
      float entry = sum * steps;
      entry = entry > 0.0f ? entry : 0.0f;
      entry = entry < 255.0f ? entry : 255.0f;
      lut[16 * m + (size_t)e] = (uint8_t)codes_round(entry);
    }
}

// The sums of the table's entries for the 32 codes of a block.
static void block_sums(const uint8_t *lut, size_t dimension, const uint8_t *codes, uint32_t sums[32]) {
  memset(sums, 0, 32 * sizeof *sums);
  for (size_t m = 0; m < dimension / 4; m++, lut += 16, codes += 16)
    for (int i = 0; i < 16; i++) {
      sums[i] += lut[codes[i] & 15];
      sums[i + 16] += lut[codes[i] >> 4];
    }
}

static size_t scan_blocks(const uint8_t *lut, size_t dimension, const uint8_t *blocks, size_t block_count, float a,
                          float b, float base, float threshold, const uint64_t *allowed, size_t id_count,
                          duet_candidate *out, size_t capacity, size_t *blocks_done) {
  size_t found = 0, block = 0;
  for (; block < block_count && capacity - found >= 32; block++) {
    const uint8_t *codes = blocks + block * duet_codes_block_size(dimension);
    uint32_t sums[32], ids[32];
    float factors[32];
    block_sums(lut, dimension, codes, sums);
    memcpy(factors, codes + 4 * dimension, sizeof factors);
    memcpy(ids, codes + 4 * dimension + sizeof factors, sizeof ids);
    for (int v = 0; v < 32; v++) {
      float score = base + factors[v] * (a * (float)sums[v] + b);
      if (!(score > threshold) || ids[v] >= id_count) continue;
      if (allowed != NULL && (allowed[ids[v] / 64] >> (ids[v] % 64) & 1) == 0) continue;
      out[found++] = (duet_candidate){score, ids[v]};
    }
  }
  *blocks_done = block;
  return found;
}

static void encode_block(const float *residuals, size_t count, size_t stride, size_t dimension, uint8_t *codes,
                         float *factors) {
  memset(codes, 0, 4 * dimension);
  for (size_t v = 0; v < 32; v++) {
    if (v >= count) {
      factors[v] = __builtin_nanf("");
      continue;
    }
    const float *row = residuals + v * stride;
    double squares[16] = {0}, magnitudes[16] = {0};
    for (size_t i = 0; i < dimension; i += 16)
      for (size_t l = 0; l < 16; l++) {
        double value = row[i + l];
        squares[l] = squares[l] + value * value;
        magnitudes[l] = magnitudes[l] + __builtin_fabs(value);
      }
    for (int width = 8; width > 0; width /= 2)
      for (int l = 0; l < width; l++) {
        squares[l] = squares[l] + squares[l + width];
        magnitudes[l] = magnitudes[l] + magnitudes[l + width];
      }
    factors[v] = codes_factor(squares[0], magnitudes[0]);
    for (size_t m = 0; m < dimension / 4; m++) {
      int nibble = (row[4 * m] > 0.0f) | (row[4 * m + 1] > 0.0f) << 1 | (row[4 * m + 2] > 0.0f) << 2 |
                   (row[4 * m + 3] > 0.0f) << 3;
      codes[16 * m + v % 16] |= (uint8_t)(nibble << (v / 16 * 4));
    }
  }
}

#define CODES(name) name
#define PARTITION codes_partition
#include "codes_best_body.h"

const duet_code_kernels duet_codes_scalar = {
    .hadamard = hadamard,
    .quantize_i8 = quantize_i8,
    .dots_i8 = dots_i8,
    .dots_at_i8 = dots_at_i8,
    .make_lut = make_lut,
    .scan_blocks = scan_blocks,
    .keep_best = keep_best,
    .encode_block = encode_block,
};
