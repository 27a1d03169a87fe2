// SPDX-License-Identifier: Apache-2.0
// The transformer kernels at one vector width; included once per CPU level by transformer*.c, which define what lanes.h
// asks for, and
//   NAME(x)   x with the level's suffix    ROWS, PANEL   register tile of the attention products, in vectors
//   HAS_F16C  whether halves convert in hardware         DOT_ROWS, DOT_COLUMNS   register tile of gemm
#include "lanes.h"

#include <float.h>

INLINE void bias_activation_as(float *x, size_t stride, size_t rows, size_t columns, const float *bias,
                               duet_activation activation) {
  for (size_t row = 0; row < rows; row++, x += stride) {
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES)
      store(x + i, activate(load(x + i) + (bias ? load(bias + i) : splat(0)), activation));
    if (i < columns) {
      size_t rest = columns - i;
      vf b = bias ? load_some(bias + i, rest, 0) : splat(0);
      store_some(x + i, activate(load_some(x + i, rest, 0) + b, activation), rest);
    }
  }
}

KERNEL static void NAME(bias_activation)(float *x, size_t stride, size_t rows, size_t columns,
                                         const float *bias, duet_activation activation) {
  switch (activation) {
  case DUET_ACTIVATION_NONE:
    if (bias) bias_activation_as(x, stride, rows, columns, bias, DUET_ACTIVATION_NONE);
    break;
  case DUET_ACTIVATION_QUICK_GELU:
    bias_activation_as(x, stride, rows, columns, bias, DUET_ACTIVATION_QUICK_GELU);
    break;
  case DUET_ACTIVATION_GELU:
    bias_activation_as(x, stride, rows, columns, bias, DUET_ACTIVATION_GELU);
    break;
  case DUET_ACTIVATION_GELU_TANH:
    bias_activation_as(x, stride, rows, columns, bias, DUET_ACTIVATION_GELU_TANH);
    break;
  }
}

INLINE float sum_of(const float *x, size_t count) {
  vf s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    s0 += load(x + i);
    s1 += load(x + i + LANES);
    s2 += load(x + i + 2 * LANES);
    s3 += load(x + i + 3 * LANES);
  }
  for (; i + LANES <= count; i += LANES) s0 += load(x + i);
  if (i < count) s1 += load_some(x + i, count - i, 0);
  return sum((s0 + s1) + (s2 + s3));
}

/// The sum of (x[i] - shift)².
INLINE float squares_of(const float *x, size_t count, float shift) {
  vf s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    vf d0 = load(x + i) - shift, d1 = load(x + i + LANES) - shift;
    vf d2 = load(x + i + 2 * LANES) - shift, d3 = load(x + i + 3 * LANES) - shift;
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  for (; i + LANES <= count; i += LANES) {
    vf d = load(x + i) - shift;
    s0 += d * d;
  }
  if (i < count) {
    vf d = load_some(x + i, count - i, shift) - shift;
    s1 += d * d;
  }
  return sum((s0 + s1) + (s2 + s3));
}

KERNEL static void NAME(layer_norm)(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows,
                                    size_t columns, const float *gain, const float *bias, float epsilon) {
  for (size_t row = 0; row < rows; row++, x += x_stride, y += y_stride) {
    float mean = sum_of(x, columns) / (float)columns;
    float factor = 1.0f / sqrtf(squares_of(x, columns, mean) / (float)columns + epsilon);
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES)
      store(y + i, (load(x + i) - mean) * factor * load(gain + i) + load(bias + i));
    for (; i < columns; i++) y[i] = (x[i] - mean) * factor * gain[i] + bias[i];
  }
}

INLINE float maximum_of(const float *x, size_t count) {
  vf m = splat(-INFINITY);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) m = larger(m, load(x + i));
  if (i < count) m = larger(m, load_some(x + i, count - i, -INFINITY));
  return maximum(m);
}

/// x = e^(scale · (x - largest)), and the sum of it.
INLINE float exponentials(float *x, size_t count, float largest, float scale) {
  vf total = splat(0);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf e = exp_lanes((load(x + i) - largest) * scale);
    store(x + i, e);
    total += e;
  }
  if (i < count) {
    vf e = exp_lanes((load_some(x + i, count - i, -INFINITY) - largest) * scale);
    store_some(x + i, e, count - i);
    total += e;
  }
  return sum(total);
}

INLINE void multiply(float *x, size_t count, float factor) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(x + i, load(x + i) * factor);
  for (; i < count; i++) x[i] *= factor;
}

KERNEL static void NAME(softmax)(float *x, size_t stride, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, x += stride)
    multiply(x, columns, 1.0f / exponentials(x, columns, maximum_of(x, columns), 1.0f));
}

KERNEL static void NAME(normalize)(float *x, size_t stride, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, x += stride) {
    float norm = sqrtf(squares_of(x, columns, 0));
    multiply(x, columns, 1.0f / (norm > 1e-12f ? norm : 1e-12f));
  }
}

KERNEL static void NAME(add)(float *x, const float *y, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(x + i, load(x + i) + load(y + i));
  for (; i < count; i++) x[i] += y[i];
}

KERNEL static float NAME(dot)(const float *x, const float *y, size_t count) {
  vf s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    s0 += load(x + i) * load(y + i);
    s1 += load(x + i + LANES) * load(y + i + LANES);
    s2 += load(x + i + 2 * LANES) * load(y + i + 2 * LANES);
    s3 += load(x + i + 3 * LANES) * load(y + i + 3 * LANES);
  }
  for (; i + LANES <= count; i += LANES) s0 += load(x + i) * load(y + i);
  if (i < count) s1 += load_some(x + i, count - i, 0) * load_some(y + i, count - i, 0);
  return sum((s0 + s1) + (s2 + s3));
}

KERNEL static void NAME(exp)(const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(y + i, exp_lanes(load(x + i)));
  if (i < count) store_some(y + i, exp_lanes(load_some(x + i, count - i, 0)), count - i);
}

KERNEL static void NAME(erf)(const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(y + i, erf_lanes(load(x + i)));
  if (i < count) store_some(y + i, erf_lanes(load_some(x + i, count - i, 0)), count - i);
}

#include "transformer_attention_body.h"
#include "transformer_gemm_body.h"
#include "transformer_half_body.h"

const duet_transformer_kernels NAME(duet_transformer) = {
    .gemm = NAME(gemm),
    .bias_activation = NAME(bias_activation),
    .layer_norm = NAME(layer_norm),
    .softmax = NAME(softmax),
    .normalize = NAME(normalize),
    .add = NAME(add),
    .dot = NAME(dot),
    .attention = NAME(attention),
    .exp = NAME(exp),
    .erf = NAME(erf),
    .widen_f16 = NAME(widen_f16),
    .widen_bf16 = NAME(widen_bf16),
};
