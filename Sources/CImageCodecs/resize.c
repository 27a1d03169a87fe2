// SPDX-License-Identifier: Apache-2.0
//
// Resampling as Pillow does it: separable, 22-bit fixed-point weights, the first pass rounded to bytes.
#include "coefficients.h"

#include <stdlib.h>
#include <string.h>

int duet_horizontal_scalar(const duet_coefficients *c, duet_rows source, size_t rows, uint8_t *output) {
  for (size_t y = 0; y < rows; y++) {
    const uint8_t *row = source.bytes + y * source.stride;
    for (size_t x = 0; x < c->count; x++, output += 3) {
      const uint8_t *pixel = row + 3 * (size_t)(c->first[x] - source.origin);
      const int32_t *weights = c->weights + x * c->stride;
      uint32_t r = 1u << (DUET_WEIGHT_BITS - 1), g = r, b = r;
      for (int32_t k = 0; k < c->taps[x]; k++, pixel += 3) {
        r += (uint32_t)weights[k] * pixel[0];
        g += (uint32_t)weights[k] * pixel[1];
        b += (uint32_t)weights[k] * pixel[2];
      }
      output[0] = duet_clip8(r);
      output[1] = duet_clip8(g);
      output[2] = duet_clip8(b);
    }
  }
  return 1;
}

void duet_vertical_scalar(const duet_coefficients *c, duet_rows source, size_t bytes, uint8_t *output) {
  enum { block = 256 };
  uint32_t sums[block];
  for (size_t y = 0; y < c->count; y++, output += bytes) {
    const uint8_t *top = source.bytes + (size_t)(c->first[y] - source.origin) * source.stride;
    const int32_t *weights = c->weights + y * c->stride;
    for (size_t x = 0; x < bytes; x += block) {
      const size_t n = bytes - x < block ? bytes - x : block;
      for (size_t i = 0; i < n; i++) sums[i] = 1u << (DUET_WEIGHT_BITS - 1);
      for (int32_t k = 0; k < c->taps[y]; k++) {
        const uint8_t *row = top + (size_t)k * source.stride + x;
        const uint32_t weight = (uint32_t)weights[k];
        for (size_t i = 0; i < n; i++) sums[i] += weight * row[i];
      }
      for (size_t i = 0; i < n; i++) output[x + i] = duet_clip8(sums[i]);
    }
  }
}

/// Pillow steps through the source by repeated addition, rounding errors included.
static int nearest(const duet_resize *r, const uint8_t *pixels, uint8_t *output) {
  size_t *columns = malloc(r->window_width * sizeof *columns);
  if (columns == NULL) return 0;
  const double step_x = (r->right_edge - r->left_edge) / r->width;
  const double step_y = (r->bottom_edge - r->top_edge) / r->height;
  double position = r->left_edge + step_x * 0.5;
  for (uint32_t x = 0; x < r->left + r->window_width; x++, position += step_x) {
    size_t column = (size_t)position;
    if (column >= r->source_width) column = r->source_width - 1;
    if (x >= r->left) columns[x - r->left] = 3 * column;
  }
  position = r->top_edge + step_y * 0.5;
  for (uint32_t y = 0; y < r->top + r->window_height; y++, position += step_y) {
    if (y < r->top) continue;
    size_t line = (size_t)position;
    if (line >= r->source_height) line = r->source_height - 1;
    const uint8_t *row = pixels + 3 * line * r->source_width;
    for (uint32_t x = 0; x < r->window_width; x++, output += 3) memcpy(output, row + columns[x], 3);
  }
  free(columns);
  return 1;
}

static void copy_window(const duet_resize *r, const uint8_t *pixels, uint8_t *output) {
  const size_t row_bytes = 3 * (size_t)r->window_width;
  for (uint32_t y = 0; y < r->window_height; y++) {
    const size_t start = (size_t)(r->top + y) * r->source_width + r->left;
    memcpy(output + y * row_bytes, pixels + 3 * start, row_bytes);
  }
}

typedef struct {
  duet_horizontal_pass *horizontal;
  duet_vertical_pass *vertical;
} passes;

static passes best_passes(int scalar) {
#if defined(__x86_64__)
  const char *wanted = getenv("DUET_CPU");
  if (wanted != NULL && strcmp(wanted, "scalar") == 0) scalar = 1;
  if (!scalar && __builtin_cpu_supports("avx2")) return (passes){duet_horizontal_avx2, duet_vertical_avx2};
#endif
  (void)scalar;
  return (passes){duet_horizontal_scalar, duet_vertical_scalar};
}

/// x, then y: only the rows that y needs.
static int horizontal_first(passes p, const duet_coefficients *cx, const duet_coefficients *cy,
                            duet_rows source, uint8_t *output) {
  const size_t rows = (size_t)(cy->highest - cy->lowest), row_bytes = 3 * cx->count;
  uint8_t *between = malloc(rows * row_bytes);
  if (between == NULL) return 0;
  const size_t skipped = (size_t)cy->lowest * source.stride;
  source.bytes += skipped;
  source.capacity -= skipped;
  int done = p.horizontal(cx, source, rows, between);
  if (done) p.vertical(cy, (duet_rows){between, row_bytes, rows * row_bytes, cy->lowest}, row_bytes, output);
  free(between);
  return done;
}

/// y, then x: only the columns that x needs.
static int vertical_first(passes p, const duet_coefficients *cx, const duet_coefficients *cy,
                          duet_rows source, uint8_t *output) {
  const size_t row_bytes = 3 * (size_t)(cx->highest - cx->lowest);
  uint8_t *between = malloc(cy->count * row_bytes);
  if (between == NULL) return 0;
  const size_t skipped = 3 * (size_t)cx->lowest;
  source.bytes += skipped;
  source.capacity -= skipped;
  p.vertical(cy, source, row_bytes, between);
  const duet_rows rows = {between, row_bytes, cy->count * row_bytes, cx->lowest};
  int done = p.horizontal(cx, rows, cy->count, output);
  free(between);
  return done;
}

int duet_resize_rgb(const duet_resize *r, const uint8_t *pixels, uint8_t *output) {
  const int changes_x = r->width != r->source_width || r->left_edge != 0 || r->right_edge != r->source_width;
  const int changes_y =
      r->height != r->source_height || r->top_edge != 0 || r->bottom_edge != r->source_height;
  if (!changes_x && !changes_y) {
    copy_window(r, pixels, output);
    return 1;
  }
  if (r->filter == DUET_FILTER_NEAREST) return nearest(r, pixels, output);

  const size_t stride = 3 * (size_t)r->source_width;
  duet_rows source = {pixels, stride, stride * r->source_height, 0};
  duet_coefficients cx = {0}, cy = {0};
  int done = 1;
  if (changes_x) {
    done = duet_coefficients_make(&cx, r->source_width, r->left_edge, r->right_edge, r->width, r->left,
                                  r->window_width, r->filter);
  }
  if (done && changes_y) {
    done = duet_coefficients_make(&cy, r->source_height, r->top_edge, r->bottom_edge, r->height, r->top,
                                  r->window_height, r->filter);
  }
  const passes p = best_passes(r->scalar);
  // Pillow 13 (pull request 9549): vertical first when the height shrinks by more than twice what the width
  // does.
  const int64_t dx = (int64_t)r->source_width - r->width, dy = (int64_t)r->source_height - r->height;
  if (!done) {
    // No memory for the weights.
  } else if (!changes_y) {
    source.bytes += r->top * stride;
    source.capacity -= r->top * stride;
    done = p.horizontal(&cx, source, r->window_height, output);
  } else if (!changes_x) {
    source.bytes += 3 * (size_t)r->left;
    source.capacity -= 3 * (size_t)r->left;
    p.vertical(&cy, source, 3 * (size_t)r->window_width, output);
  } else if (dy > 0 && dy > 2 * dx) {
    done = vertical_first(p, &cx, &cy, source, output);
  } else {
    done = horizontal_first(p, &cx, &cy, source, output);
  }
  duet_coefficients_free(&cx);
  duet_coefficients_free(&cy);
  return done;
}
