// SPDX-License-Identifier: Apache-2.0
#include "include/memory.h"
#include "include/cpu.h"

#include <string.h>

#pragma clang diagnostic ignored "-Wpsabi"

typedef uint32_t words __attribute__((vector_size(64)));

// Eight independent sums of 64 bytes each: loads, not additions, set the pace.
static inline __attribute__((always_inline)) uint32_t sum(const char *from, size_t size, size_t ahead) {
  words sums[8] = {{0}}, total = {0};
  for (size_t i = 0; i < size; i += 512) {
#pragma unroll
    for (size_t j = 0; j < 8; j++) {
      words line;
      memcpy(&line, from + i + 64 * j, 64);
      // May point past the end; a prefetch cannot fault.
      if (ahead != 0) __builtin_prefetch((const char *)((uintptr_t)from + i + 64 * j + ahead), 0, 3);
      sums[j] += line;
    }
  }
  for (int j = 0; j < 8; j++) total += sums[j];
  return __builtin_reduce_add(total);
}

#if defined(__x86_64__)
static __attribute__((target("avx512f"))) uint32_t sum_avx512(const char *from, size_t size, size_t ahead) {
  return ahead == 0 ? sum(from, size, 0) : sum(from, size, ahead);
}
static __attribute__((target("avx2"))) uint32_t sum_avx2(const char *from, size_t size, size_t ahead) {
  return ahead == 0 ? sum(from, size, 0) : sum(from, size, ahead);
}
#endif

uint32_t duet_memory_sum(const void *from, size_t size, size_t ahead) {
#if defined(__x86_64__)
  if (duet_cpu_current() == DUET_CPU_AVX512) return sum_avx512(from, size, ahead);
  if (duet_cpu_current() == DUET_CPU_AVX2) return sum_avx2(from, size, ahead);
#endif
  return ahead == 0 ? sum(from, size, 0) : sum(from, size, ahead);
}
