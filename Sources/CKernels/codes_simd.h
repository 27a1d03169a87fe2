// SPDX-License-Identifier: Apache-2.0
// What the SIMD levels of the code kernels share: the vectors that codes_body.h is written in, and the tables' names.
#ifndef DUET_CODES_SIMD_H
#define DUET_CODES_SIMD_H

#include "codes_common.h"
#include "include/codes.h"
#include "include/memory.h"

// Vectors cross only inlined calls, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define ALWAYS_INLINE __attribute__((always_inline))
#define UNROLL _Pragma("unroll")

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));
typedef uint8_t byte_lanes __attribute__((vector_size(16)));
typedef double double_lanes __attribute__((vector_size(128)));

// How far ahead of a long scan memory is asked for.
#define PREFETCH_BYTES 8192
// Lists of fewer blocks than this are short.
#define SHORT_LIST 32

// Appends the candidates that `hits` has a bit for, if their ids are allowed; returns how many. scores are 32 floats,
// ids 32 uint32 of any alignment; `out` has 32 places, all of which may be written to.
static inline ALWAYS_INLINE size_t codes_append_each(const void *scores, const void *ids, uint32_t hits,
                                                      const uint64_t *allowed, size_t id_count, duet_candidate *out) {
  float score[32];
  uint32_t id[32];
  memcpy(score, scores, sizeof score);
  memcpy(id, ids, sizeof id);
  size_t found = 0;
  for (; hits != 0; hits &= hits - 1) {
    int v = __builtin_ctz(hits);
    out[found] = (duet_candidate){score[v], id[v]};
    if (id[v] >= id_count) continue;
    found += allowed == NULL ? 1 : allowed[id[v] / 64] >> (id[v] % 64) & 1;
  }
  return found;
}

#if defined(__x86_64__)
extern const duet_code_kernels duet_codes_avx2, duet_codes_avx512, duet_codes_avx512_vnni;
#elif defined(__aarch64__)
extern const duet_code_kernels duet_codes_neon, duet_codes_neon_dotprod;
#endif

#endif
