// SPDX-License-Identifier: Apache-2.0
// Vectors of LANES floats and what is computed lane by lane, for one CPU level; included by the kernels' bodies after
//   LANES     floats in a vector           KERNEL    the target attribute
//
// Vectors are clang's: the compiler picks the instructions. Sums keep several accumulators written out here, since float
// addition may not be reordered behind our back; a product followed by a sum may become one FMA.
#include "include/transformer.h"

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
/// The first `count` floats, or as many as a vector has; the other lanes 0.
INLINE vf load_up_to(const float *p, size_t count) { return count < LANES ? load_some(p, count, 0) : load(p); }
INLINE void store_up_to(float *p, vf v, size_t count) {
  if (count < LANES)
    store_some(p, v, count);
  else
    store(p, v);
}
INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
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
  vf clamped = choose(x < lowest, lowest, choose(x > highest, highest, x));
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
  y = choose(x < lowest, splat(0), y);
  y = choose(x > highest, splat(INFINITY), y);
  return choose(x != x, x, y);
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
  vf b = choose(a > splat(4), splat(4), a);
  vf q = splat(-2.09094897602e-5f);
  q = q * b + 0.000432302299957f;
  q = q * b - 0.00416052383704f;
  q = q * b + 0.025091489125f;
  q = q * b - 0.108236608455f;
  q = q * b - 0.633386655628f;
  q = q * b - 1.12949515495f;
  q = q * b + 0.000170551247771f;
  vf y = choose(a > splat(0.9f), 1.0f - exp_lanes(q), small);
  return (vf)((vi)choose(x != x, x, y) | sign);
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
