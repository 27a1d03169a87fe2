// SPDX-License-Identifier: Apache-2.0
#include "include/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

int duet_cpu_supports(duet_cpu_level level) {
  switch (level) {
  case DUET_CPU_SCALAR:
    return 1;
#if defined(__x86_64__)
  case DUET_CPU_AVX2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  case DUET_CPU_AVX512:
    return duet_cpu_supports(DUET_CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
  case DUET_CPU_NEON:
    return 1;
#endif
  default:
    return 0;
  }
}

const char *duet_cpu_name(duet_cpu_level level) {
  static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
  return names[level];
}

static duet_cpu_level best_level(void) {
  static const duet_cpu_level richest_first[] = {DUET_CPU_NEON, DUET_CPU_AVX512, DUET_CPU_AVX2};
  const char *wanted = getenv("DUET_CPU");
  if (wanted != NULL && strcmp(wanted, "scalar") == 0) return DUET_CPU_SCALAR;
  duet_cpu_level best = DUET_CPU_SCALAR;
  for (int i = 0; i < 3; i++) {
    duet_cpu_level level = richest_first[i];
    if (!duet_cpu_supports(level)) continue;
    if (wanted != NULL && strcmp(wanted, duet_cpu_name(level)) == 0) return level;
    if (best == DUET_CPU_SCALAR) best = level;
  }
  return best;
}

duet_cpu_level duet_cpu_current(void) {
  static _Atomic int decided = -1;
  int level = atomic_load_explicit(&decided, memory_order_relaxed);
  if (level < 0) {
    level = (int)best_level();
    atomic_store_explicit(&decided, level, memory_order_relaxed);
  }
  return (duet_cpu_level)level;
}
