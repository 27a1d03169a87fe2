// SPDX-License-Identifier: Apache-2.0
// Runs the kernels of every level that a CPU has, where Swift's tests cannot run: Scripts/arm64.sh builds it for arm64 and
// runs it in an emulator. Kernels that promise equal bits are compared bit by bit with their scalar twins, and the sum that
// is printed is the same on every machine; products and attention are compared with sums in double precision.
#include "CKernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;
static float uniform(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)(int32_t)(state >> 32) * 0x1p-31f;
}

static float *numbers(size_t count) {
  float *x = malloc(count * sizeof *x + 64);
  for (size_t i = 0; i < count; i++) x[i] = uniform();
  return x;
}

static uint64_t digest = 14695981039346656037u;
static void add(const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) digest = (digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static int failures = 0;
static void expect(int condition, const char *what, const char *level) {
  if (condition) return;
  printf("WRONG: %s, %s\n", what, level);
  failures++;
}

/// Equal bits, of what the scalar twin left in `wanted`; without it they are kept there.
static void same(const void *found, void *wanted, size_t bytes, int is_scalar, const char *what, const char *level) {
  if (is_scalar) {
    memcpy(wanted, found, bytes);
    add(found, bytes);
  }
  expect(memcmp(found, wanted, bytes) == 0, what, level);
}

enum { DIMENSION = 192, ROWS = 37, QUERIES = 3 };

static void codes(const duet_code_kernels *k, int is_scalar, const char *level) {
  static int8_t rows[ROWS * DIMENSION], queries[QUERIES * DIMENSION], kept_rows[ROWS * DIMENSION];
  static float scales[ROWS], query_scales[QUERIES], scores[QUERIES * ROWS], kept_scores[QUERIES * ROWS];
  state = 7;
  float *x = numbers(ROWS * DIMENSION), *q = numbers(QUERIES * DIMENSION);
  for (int r = 0; r < ROWS; r++) scales[r] = k->quantize_i8(x + r * DIMENSION, DIMENSION, rows + r * DIMENSION);
  for (int r = 0; r < QUERIES; r++)
    query_scales[r] = k->quantize_i8(q + r * DIMENSION, DIMENSION, queries + r * DIMENSION);
  same(rows, kept_rows, sizeof rows, is_scalar, "quantize_i8", level);
  k->dots_i8(queries, query_scales, QUERIES, rows, scales, ROWS, DIMENSION, scores, ROWS);
  same(scores, kept_scores, sizeof scores, is_scalar, "dots_i8", level);

  static float turned[256], kept_turned[256];
  memcpy(turned, x, sizeof turned);
  k->hadamard(turned, 256);
  same(turned, kept_turned, sizeof turned, is_scalar, "hadamard", level);

  static uint8_t lut[DIMENSION * 4], kept_lut[DIMENSION * 4], kept_block[DIMENSION * 4 + 256];
  float step, low;
  k->make_lut(q, DIMENSION, lut, &step, &low);
  same(lut, kept_lut, sizeof lut, is_scalar, "make_lut", level);
  uint8_t *block = calloc(1, duet_codes_block_size(DIMENSION));
  float *factors = (float *)(block + 4 * DIMENSION);
  uint32_t *ids = (uint32_t *)(factors + DUET_CODES_BLOCK);
  k->encode_block(x, DUET_CODES_BLOCK, DIMENSION, DIMENSION, block, factors);
  for (uint32_t i = 0; i < DUET_CODES_BLOCK; i++) ids[i] = i;
  same(block, kept_block, duet_codes_block_size(DIMENSION), is_scalar, "encode_block", level);
  duet_candidate found[64], kept[64];
  static duet_candidate kept_found[64];
  size_t done;
  memset(found, 0, sizeof found);
  size_t count = k->scan_blocks(lut, DIMENSION, block, 1, 2 * step, 2 * low, 0, -0.5f, NULL, 32, found, 64, &done);
  memset(kept, 0, sizeof kept);
  memcpy(kept, found, count * sizeof *found);
  same(kept, kept_found, sizeof kept, is_scalar, "scan_blocks", level);
  expect(count > 0 && count < 32 && done == 1, "scan_blocks finds some", level);

  enum { CANDIDATES = 1003, BEST = 100 };
  static duet_candidate some[CANDIDATES], kept_best[BEST];
  static uint64_t scratch[2 * CANDIDATES + 16];
  for (uint32_t i = 0; i < CANDIDATES; i++) some[i] = (duet_candidate){i % 7 == 0 ? 0.5f : uniform(), i};
  k->keep_best(some, CANDIDATES, BEST, scratch);
  int worse = 0;
  for (int i = BEST; i < CANDIDATES; i++) worse += some[i].score <= some[BEST - 1].score;
  for (int i = 0; i < BEST; i++) worse += some[i].score >= some[BEST - 1].score;
  expect(worse == CANDIDATES, "keep_best", level);
  same(some, kept_best, sizeof kept_best, is_scalar, "keep_best", level);
  free(x), free(q), free(block);
}

static void scans(const duet_scan_kernels *k, int is_scalar, const char *level) {
  enum { WIDTH = 203 };
  static float scores[QUERIES * ROWS], kept[QUERIES * ROWS];
  static uint16_t halves[ROWS * WIDTH], kept_halves[ROWS * WIDTH];
  state = 9;
  float *rows = numbers(ROWS * WIDTH), *queries = numbers(QUERIES * WIDTH);
  k->dots_f32(queries, QUERIES, rows, ROWS, WIDTH, scores, ROWS);
  same(scores, kept, sizeof scores, is_scalar, "dots_f32", level);
  k->narrow_f16(rows, ROWS * WIDTH, halves);
  same(halves, kept_halves, sizeof halves, is_scalar, "narrow_f16", level);
  k->dots_f16(queries, QUERIES, halves, ROWS, WIDTH, scores, ROWS);
  static float kept_f16[QUERIES * ROWS];
  same(scores, kept_f16, sizeof scores, is_scalar, "dots_f16", level);
  free(rows), free(queries);
}

/// Products as they are, with a bias and an activation, and added with a bias to what is there.
static void products(const duet_transformer_kernels *t, const duet_packed_kernels *p, const char *level, int end) {
  enum { M = 13, N = 37, K = 101, PANELS = 3, PAIRS = (K + 1) / 2, QUADS = (K + 3) / 4 };
  state = 11;
  float *a = numbers(M * K), *b = numbers(N * K), *bias = numbers(N), *before = numbers(M * N);
  float c[M * N], scale[M], low[M], b_scale[N], b_sum[N];
  static uint32_t rows[M * PAIRS], panels[PANELS * PAIRS * DUET_PANEL];
  for (int kind = 0; kind < 3; kind++) {
    duet_packed_product product = {
        .a = rows, .m = M, .a_scale = scale, .a_low = low, .b = panels, .b_scale = b_scale, .b_sum = b_sum, .n = N,
        .bias = end ? bias : NULL, .activation = end == 1 ? DUET_ACTIVATION_QUICK_GELU : DUET_ACTIVATION_NONE,
        .accumulates = end == 2, .c = c, .c_stride = N};
    product.a_stride = product.words = kind == 2 ? QUADS : PAIRS;
    memcpy(c, before, sizeof c);
    if (kind == 0) {
      t->gemm(a, K, M, b, K, N, K, c, N, end == 2);
      t->bias_activation(c, N, M, N, product.bias, product.activation);
    } else if (kind == 1) {
      duet_pack_bf16(b, N, K, 0, PANELS, panels);
      p->round_bf16(a, K, M, K, rows, PAIRS);
      p->multiply_bf16(&product);
    } else {
      duet_pack_int8(b, N, K, 0, PANELS, panels, b_scale, b_sum);
      p->quantize(a, K, M, K, rows, QUADS, scale, low);
      p->multiply_int8(&product);
    }
    double error = 0, size = 0;
    for (int m = 0; m < M; m++)
      for (int n = 0; n < N; n++) {
        double sum = 0;
        for (int i = 0; i < K; i++) sum += (double)a[m * K + i] * b[n * K + i];
        if (end) sum += bias[n];
        if (end == 1) sum /= 1 + exp(-1.702 * sum);
        if (end == 2) sum += before[m * N + n];
        error += (c[m * N + n] - sum) * (c[m * N + n] - sum);
        size += sum * sum;
      }
    const double allowed[] = {1e-6, 4e-3, 1.2e-2};
    const char *names[] = {"gemm", "multiply_bf16", "multiply_int8"};
    expect(sqrt(error / size) < allowed[kind], names[kind], level);
  }
  free(a), free(b), free(bias), free(before);
}

static void lanes(const duet_transformer_kernels *t, const char *level) {
  enum { COUNT = 203 };
  float *x = numbers(COUNT), y[COUNT];
  for (int i = 0; i < COUNT; i++) x[i] *= 8;
  t->exp(x, y, COUNT);
  int right = 1;
  for (int i = 0; i < COUNT; i++) right &= fabs(y[i] / exp(x[i]) - 1) < 3e-7;
  expect(right, "exp", level);
  t->erf(x, y, COUNT);
  right = 1;
  for (int i = 0; i < COUNT; i++) right &= fabs(y[i] - erf(x[i])) < 4e-7;
  expect(right, "erf", level);
  memcpy(y, x, sizeof y);
  t->softmax(y, COUNT, 1, COUNT);
  double sum = 0;
  for (int i = 0; i < COUNT; i++) sum += y[i];
  expect(fabs(sum - 1) < 1e-5, "softmax", level);
  free(x);
}

int main(void) {
  const duet_cpu_level levels[] = {DUET_CPU_SCALAR, DUET_CPU_AVX2, DUET_CPU_AVX512, DUET_CPU_NEON};
  for (int i = 0; i < 4; i++) {
    if (!duet_cpu_supports(levels[i])) continue;
    const char *name = duet_cpu_name(levels[i]);
    const int is_scalar = levels[i] == DUET_CPU_SCALAR;
    codes(duet_code_kernels_plain_at(levels[i]), is_scalar, name);
    codes(duet_code_kernels_at(levels[i]), 0, name);
    scans(duet_scan_kernels_at(levels[i]), is_scalar, name);
    const duet_transformer_kernels *transformer = duet_transformer_kernels_for(levels[i]);
    for (int end = 0; end < 3; end++) {
      products(transformer, duet_packed_kernels_plain_for(levels[i]), name, end);
      products(transformer, duet_packed_kernels_for(levels[i]), name, end);
    }
    lanes(transformer, name);
    printf("%s: run%s\n", name,
           duet_code_kernels_at(levels[i]) == duet_code_kernels_plain_at(levels[i]) ? "" : ", with its extras");
  }
  printf("exact kernels: %016llx\n", (unsigned long long)digest);
  return failures > 0;
}
