// SPDX-License-Identifier: Apache-2.0
// Products with weights that were packed beforehand, in bfloat16 or in 8-bit integers.
#ifndef DUET_PACKED_H
#define DUET_PACKED_H

#include "transformer.h"

/// The outputs of a panel. Weights [n, k] are packed in panels of 16 outputs, the last filled up with zeros; a panel
/// holds, for each step of k, one word of 32 bits for each of its outputs: two bfloat16 or four signed bytes that are
/// neighbours along k, filled up with zeros. The form is the same for all CPUs.
enum duet_panel { DUET_PANEL = 16 };

/// One product c = activation(a · bᵀ + bias), or c += a · bᵀ + bias, for packed b. A row of a is words like those of a
/// panel: bfloat16, or unsigned bytes u that stand for a_scale · u + a_low. Strides count words and floats.
typedef struct duet_packed_product {
  const uint32_t *a;
  size_t a_stride, m;
  /// [m], 8-bit only.
  const float *a_scale, *a_low;
  /// Panels, 64-byte aligned.
  const uint32_t *b;
  /// [n], 8-bit only: an output's weights are b_scale · byte, and b_sum is their sum.
  const float *b_scale, *b_sum;
  /// Outputs, and words along k.
  size_t n, words;
  /// [n] or NULL.
  const float *bias;
  duet_activation activation;
  int accumulates;
  float *c;
  size_t c_stride;
} duet_packed_product;

/// The kernels of one CPU level. Every element of a product is the same bits whatever m, n and its neighbours are.
/// Integer sums are exact up to k = 65,536: levels differ in the last bits of the scaling only. Bfloat16 pairs are added
/// in another order where the CPU has an instruction for them.
typedef struct duet_packed_kernels {
  /// The nearest bfloat16 (ties to even) of rows of x [rows, columns] in words; NaN stays NaN.
  void (*round_bf16)(const float *x, size_t x_stride, size_t rows, size_t columns, uint32_t *y, size_t y_stride);
  /// Rows of x [rows, columns] in 255 steps between a row's smallest and largest number, in words; zero steps where they
  /// are equal. A row that holds a number that is not finite gets a scale that is not.
  void (*quantize)(const float *x, size_t x_stride, size_t rows, size_t columns, uint32_t *y, size_t y_stride,
                   float *scale, float *low);
  void (*multiply_bf16)(const duet_packed_product *product);
  void (*multiply_int8)(const duet_packed_product *product);
  /// Whether the CPU multiplies bfloat16 itself.
  int has_bf16;
} duet_packed_kernels;

/// The kernels of `level`, or NULL when this build has none for it. The caller checks duet_cpu_supports.
const duet_packed_kernels *duet_packed_kernels_for(duet_cpu_level level);

/// Those for a CPU of that level that does not multiply bfloat16, which the tests compare with the others.
const duet_packed_kernels *duet_packed_kernels_plain_for(duet_cpu_level level);

/// Packs panels first ..< first + panels of weights w [n, k] as bfloat16; b points at the first of them.
void duet_pack_bf16(const float *w, size_t n, size_t k, size_t first, size_t panels, uint32_t *b);

/// Packs panels first ..< first + panels of weights w [n, k] as bytes, symmetric around zero with a scale for each output;
/// b points at the first of them, scale and sum at output 0. An output that holds a number that is not finite gets a
/// scale that is not.
void duet_pack_int8(const float *w, size_t n, size_t k, size_t first, size_t panels, uint32_t *b, float *scale,
                    float *sum);

#endif
