// SPDX-License-Identifier: Apache-2.0
// The transformer kernels at one vector width; included once per CPU level by transformer*.c, which define
//   LANES     floats in a vector           ROWS, PANEL   register tile of the attention products, in vectors
//   NAME(x)   x with the level's suffix    DOT_ROWS, DOT_COLUMNS   register tile of gemm
//   KERNEL    the target attribute         HAS_F16C   whether halves convert in hardware
//
// Vectors are clang's: the compiler picks the instructions. Sums keep several accumulators written out here,
// since float addition may not be reordered behind our back; a product followed by a sum may become one FMA.
#include "include/transformer.h"

#include <float.h>
#include <math.h>
#include <string.h>

#pragma clang fp contract(fast)

typedef float vf __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4), aligned(4)));
#define INLINE KERNEL static inline __attribute__((always_inline))

INLINE vf load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
/// The first `count` < LANES floats, the other lanes `fill`.
INLINE vf load_some(const float *p, size_t count, float fill) {
  vf v = fill - (vf){0};
  memcpy(&v, p, count * 4);
  return v;
}
INLINE void store_some(float *p, vf v, size_t count) { memcpy(p, &v, count * 4); }
INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf larger(vf a, vf b) { return __builtin_elementwise_max(a, b); }

/// The sum of all lanes, halves first: lane i with i + LANES/2, and so on. dot4 adds in the same order.
INLINE float sum(vf v) {
  float lane[LANES];
  memcpy(lane, &v, sizeof lane);
#pragma clang loop unroll(full)
  for (int half = LANES / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (int i = 0; i < half; i++) lane[i] += lane[i + half];
  return lane[0];
}

INLINE float maximum(vf v) {
  float lane[LANES];
  memcpy(lane, &v, sizeof lane);
#pragma clang loop unroll(full)
  for (int half = LANES / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (int i = 0; i < half; i++) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
  return lane[0];
}

/// eˣ = 2ⁿ · eʳ with n = round(x / ln 2) and r = x - n · ln 2, |r| ≤ ln 2 / 2, in two parts (Cody and Waite),
/// so that r is exact to far below float. eʳ = 1 + r + r² p(r), p the minimax polynomial of degree 4 (Remez,
/// relative error 3e-9).
INLINE vf exp_lanes(vf x) {
  const float shifter = 0x1.8p23f;  // adding it rounds to an integer, kept in the low bits
  const vf lowest = splat(-87.33654f), highest = splat(88.72283f);
  vf clamped = select(x < lowest, lowest, select(x > highest, highest, x));
  vf shifted = clamped * 0x1.715476p+0f + shifter;
  vf n = shifted - shifter;
  vf r = clamped - n * 0x1.62e400p-1f - n * 0x1.7f7d1cp-20f;
  vf p = splat(0.00138146135492f);
  p = p * r + 0.00836870983589f;
  p = p * r + 0.0416683873617f;
  p = p * r + 0.166665206897f;
  p = p * r + 0.499999934517f;
  p = p * (r * r) + r;
  // 2ⁿ in two factors, since n reaches 128.
  vi bits = (vi)shifted - (vi)splat(shifter);
  vi low = bits >> 1, high = bits - low;
  vf y = (p + 1.0f) * (vf)((low + 127) << 23) * (vf)((high + 127) << 23);
  y = select(x < lowest, splat(0), y);
  y = select(x > highest, splat(INFINITY), y);
  return select(x != x, x, y);
}

/// erf(x): x + x p(x²) up to 0.9, where p is minimax of degree 6 (3e-10); above, 1 - e^q(x) with q the
/// minimax polynomial of degree 7 of log(erfc x) weighted by erfc (5e-11); from 4 on it is 1 in float.
INLINE vf erf_lanes(vf x) {
  vi sign = (vi)x & (vi)splat(-0.0f);
  vf a = (vf)((vi)x ^ sign);
  vf t = a * a;
  vf p = splat(8.51310504215e-5f);
  p = p * t - 0.000817563953213f;
  p = p * t + 0.0052038591822f;
  p = p * t - 0.0268605084728f;
  p = p * t + 0.11283715033f;
  p = p * t - 0.376126349799f;
  p = p * t + 0.128379166764f;
  vf small = a + a * p;
  vf b = select(a > splat(4), splat(4), a);
  vf q = splat(-2.09094897602e-5f);
  q = q * b + 0.000432302299957f;
  q = q * b - 0.00416052383704f;
  q = q * b + 0.025091489125f;
  q = q * b - 0.108236608455f;
  q = q * b - 0.633386655628f;
  q = q * b - 1.12949515495f;
  q = q * b + 0.000170551247771f;
  vf y = select(a > splat(0.9f), 1.0f - exp_lanes(q), small);
  return (vf)((vi)select(x != x, x, y) | sign);
}

INLINE vf sigmoid(vf x) { return 1.0f / (1.0f + exp_lanes(-x)); }

INLINE vf activate(vf x, duet_activation activation) {
  switch (activation) {
  case DUET_ACTIVATION_NONE:
    return x;
  case DUET_ACTIVATION_QUICK_GELU:
    return x * sigmoid(x * 1.702f);
  case DUET_ACTIVATION_GELU:
    return 0.5f * x * (1.0f + erf_lanes(x * 0.70710678118654752f));
  case DUET_ACTIVATION_GELU_TANH:  // (1 + tanh u) / 2 = sigmoid(2u)
    return x * sigmoid((x + 0.044715f * (x * x * x)) * 1.5957691216057308f);
  }
  return x;
}

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
