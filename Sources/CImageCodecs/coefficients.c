// SPDX-License-Identifier: Apache-2.0
//
// Pillow's weights, in its order of operations: a fused multiply-add would change the last bit.
#include "coefficients.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

static double triangle(double x) {
  x = fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/// Keys' cubic with a = -0.5.
static double cubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

static const double pi = 0x1.921fb54442d18p+1;

static double sinc(double x) {
  if (x == 0.0) return 1.0;
  x = x * pi;
  return sin(x) / x;
}

static double lanczos3(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

typedef struct {
  double (*weight)(double);
  double support;
} kernel;

static kernel kernel_of(duet_filter filter) {
  switch (filter) {
  case DUET_FILTER_BILINEAR: return (kernel){triangle, 1.0};
  case DUET_FILTER_LANCZOS: return (kernel){lanczos3, 3.0};
  default: return (kernel){cubic, 2.0};
  }
}

static int32_t fixed_point(double weight) {
  return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << DUET_WEIGHT_BITS));
}

/// Splits four weights for duet_coefficients.halves.
static void split(const int32_t *weights, int16_t *halves) {
  for (int i = 0; i < 4; i++) {
    int16_t low = (int16_t)(uint16_t)((uint32_t)weights[i] & 0xFFFF);
    halves[i] = low;
    halves[4 + i] = (int16_t)((weights[i] - low) / 65536);
  }
}

int duet_coefficients_make(duet_coefficients *c, uint32_t input, double from, double to, uint32_t total,
                           uint32_t start, uint32_t count, duet_filter filter) {
  const kernel kernel = kernel_of(filter);
  const double scale = (to - from) / total;
  const double filter_scale = scale < 1.0 ? 1.0 : scale;
  const double support = kernel.support * filter_scale, step = 1.0 / filter_scale;
  const size_t widest = (size_t)ceil(support) * 2 + 1;
  const size_t stride = (widest + 3) / 4 * 4;
  *c = (duet_coefficients){.count = count, .stride = stride, .lowest = INT32_MAX};
  c->first = malloc(count * sizeof *c->first);
  c->taps = malloc(count * sizeof *c->taps);
  c->weights = calloc(count * stride, sizeof *c->weights);
  c->halves = malloc(count * stride * 2 * sizeof *c->halves);
  double *exact = malloc(widest * sizeof *exact);
  if (!c->first || !c->taps || !c->weights || !c->halves || !exact) {
    free(exact);
    duet_coefficients_free(c);
    return 0;
  }
  for (size_t i = 0; i < count; i++) {
    const double center = from + ((double)(start + i) + 0.5) * scale;
    int64_t first = (int64_t)(center - support + 0.5), end = (int64_t)(center + support + 0.5);
    if (first < 0) first = 0;
    if (end > input) end = input;
    const int32_t taps = (int32_t)(end - first);
    double sum = 0.0;
    for (int32_t k = 0; k < taps; k++) {
      exact[k] = kernel.weight(((double)(k + first) - center + 0.5) * step);
      sum += exact[k];
    }
    int32_t *weights = c->weights + i * stride;
    for (int32_t k = 0; k < taps; k++) weights[k] = fixed_point(sum != 0.0 ? exact[k] / sum : exact[k]);
    for (size_t k = 0; k < stride; k += 4) split(weights + k, c->halves + 2 * (i * stride + k));
    c->first[i] = (int32_t)first;
    c->taps[i] = taps;
    if (first < c->lowest) c->lowest = (int32_t)first;
    if (end > c->highest) c->highest = (int32_t)end;
  }
  free(exact);
  return 1;
}

void duet_coefficients_free(duet_coefficients *c) {
  free(c->first);
  free(c->taps);
  free(c->weights);
  free(c->halves);
  *c = (duet_coefficients){0};
}
