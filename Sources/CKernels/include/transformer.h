// SPDX-License-Identifier: Apache-2.0
// What a transformer computes: matrix products, normalisation, activations, attention, conversions.
#ifndef DUET_TRANSFORMER_H
#define DUET_TRANSFORMER_H

#include "cpu.h"

#include <stddef.h>
#include <stdint.h>

/// The non-linearity between the two halves of a feed-forward block.
typedef enum duet_activation {
  DUET_ACTIVATION_NONE = 0,
  /// x · sigmoid(1.702 x)
  DUET_ACTIVATION_QUICK_GELU = 1,
  /// x · Φ(x) = 0.5 x (1 + erf(x / √2))
  DUET_ACTIVATION_GELU = 2,
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))
  DUET_ACTIVATION_GELU_TANH = 3,
} duet_activation;

/// One head of one sequence: out[i] = softmax(scale · q[i] · kᵀ) · v. Query row i sees the keys 0 ..<
/// min(key_count, first_visible + i · visible_step): step 1 is a causal mask, step 0 none.
typedef struct duet_attention_head {
  const float *q;
  size_t q_stride, q_rows;
  const float *k, *v;
  size_t kv_stride, key_count;
  size_t head_dim;
  float scale;
  size_t first_visible, visible_step;
  float *out;
  size_t out_stride;
  /// 64-byte aligned room for duet_attention_scratch(key_count, head_dim) floats.
  float *scratch;
} duet_attention_head;

/// Numbers of scratch that duet_attention_head needs, a multiple of 16.
size_t duet_attention_scratch(size_t key_count, size_t head_dim);

/// The kernels of one CPU level. Matrices are row-major; strides count floats. No kernel reads or writes
/// outside the rows and columns it is told, and none depends on alignment.
typedef struct duet_transformer_kernels {
  /// c[m, n] = a[m, k] · b[n, k]ᵀ, or c += when `accumulates`. Every element of c is the same bits whatever
  /// m, n and the neighbours are: its terms are added in an order that depends on k alone.
  void (*gemm)(const float *a, size_t a_stride, size_t m, const float *b, size_t b_stride, size_t n, size_t k,
               float *c, size_t c_stride, int accumulates);
  /// x = activation(x + bias); bias may be NULL.
  void (*bias_activation)(float *x, size_t stride, size_t rows, size_t columns, const float *bias,
                          duet_activation activation);
  /// y = (x - mean) / sqrt(variance + epsilon) · gain + bias for each row, biased variance, two passes. y may
  /// be x.
  void (*layer_norm)(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns,
                     const float *gain, const float *bias, float epsilon);
  /// Softmax of each row, in place, after subtracting its maximum.
  void (*softmax)(float *x, size_t stride, size_t rows, size_t columns);
  /// x / max(|x|, 1e-12) for each row, in place.
  void (*normalize)(float *x, size_t stride, size_t rows, size_t columns);
  /// x += y
  void (*add)(float *x, const float *y, size_t count);
  /// The sum of x[i] · y[i].
  float (*dot)(const float *x, const float *y, size_t count);
  void (*attention)(const duet_attention_head *head);
  /// y[i] = e to the x[i]: relative error below 2e-7; 0 below -87.3, infinite above 88.7.
  void (*exp)(const float *x, float *y, size_t count);
  /// y[i] = erf(x[i]): relative error below 3e-7.
  void (*erf)(const float *x, float *y, size_t count);
  /// Exact widening of IEEE half precision, subnormals, infinities and NaN payloads included (NaNs become
  /// quiet).
  void (*widen_f16)(const uint16_t *x, float *y, size_t count);
  /// Exact widening of bfloat16.
  void (*widen_bf16)(const uint16_t *x, float *y, size_t count);
} duet_transformer_kernels;

/// The kernels of `level`, or NULL when this build has none for it. The caller checks duet_cpu_supports.
const duet_transformer_kernels *duet_transformer_kernels_for(duet_cpu_level level);

#endif
