// SPDX-License-Identifier: Apache-2.0
// Dot products of few queries with many stored rows: the inner loop of exact search.
#ifndef DUET_SCAN_H
#define DUET_SCAN_H

#include "cpu.h"

#include <stddef.h>
#include <stdint.h>

/// The most queries that one call of `dots_f32` or `dots_f16` takes.
#define DUET_SCAN_MAX_QUERIES 8

/// The scan kernels of one CPU level.
///
/// Every level gives the same bits for the same row and query, whatever the call shape. The order of summation is
/// fixed: product i is rounded, then added to lane i % 16 (rising i; a last group is filled up with zeros), then lane
/// l takes lane l + 8, l + 4, l + 2, l + 1 in turn. Nothing is fused, so that machines with and without FMA agree.
///
/// Queries are float[query_count][dimension]; rows lie one after another without padding and need only the alignment
/// of their element. f16 is IEEE binary16, widened exactly.
typedef struct duet_scan_kernels {
  /// scores[q * score_stride + r] = queries[q] · rows[r], for query_count <= DUET_SCAN_MAX_QUERIES.
  void (*dots_f32)(const float *queries, size_t query_count, const float *rows, size_t row_count, size_t dimension,
                   float *scores, size_t score_stride);
  void (*dots_f16)(const float *queries, size_t query_count, const uint16_t *rows, size_t row_count,
                   size_t dimension, float *scores, size_t score_stride);

  /// scores[i] = query · rows[slots[i]]: the same bits as above, for rows here and there.
  void (*dots_at_f32)(const float *query, const float *rows, const uint32_t *slots, size_t slot_count,
                      size_t dimension, float *scores);
  void (*dots_at_f16)(const float *query, const uint16_t *rows, const uint32_t *slots, size_t slot_count,
                      size_t dimension, float *scores);

  /// Writes the indices i with scores[i] >= threshold, rising, and returns how many. NaN is never chosen.
  /// `indices` has room for `count`.
  size_t (*at_least)(const float *scores, size_t count, float threshold, uint32_t *indices);

  /// binary16 → binary32, exactly.
  void (*widen_f16)(const uint16_t *from, size_t count, float *to);
  /// binary32 → binary16, to nearest, ties to even; too large becomes infinity, NaN stays NaN.
  void (*narrow_f16)(const float *from, size_t count, uint16_t *to);
} duet_scan_kernels;

/// The kernels of `level`, or NULL when this build has none for it. The caller checks `duet_cpu_supports`.
const duet_scan_kernels *duet_scan_kernels_at(duet_cpu_level level);

#endif
