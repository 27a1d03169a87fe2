// SPDX-License-Identifier: Apache-2.0
// Which code kernels a CPU gets.
#include "codes_scalar.h"
#include "codes_simd.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const duet_code_kernels *duet_code_kernels_plain_at(duet_cpu_level level) {
  switch (level) {
  case DUET_CPU_SCALAR:
    return &duet_codes_scalar;
#if defined(__x86_64__)
  case DUET_CPU_AVX2:
    return &duet_codes_avx2;
  case DUET_CPU_AVX512:
    return &duet_codes_avx512;
#elif defined(__aarch64__)
  case DUET_CPU_NEON:
    return &duet_codes_neon;
#endif
  default:
    return NULL;
  }
}

const duet_code_kernels *duet_code_kernels_at(duet_cpu_level level) {
#if defined(__x86_64__)
  if (level == DUET_CPU_AVX512 && __builtin_cpu_supports("avx512vnni")) return &duet_codes_avx512_vnni;
#elif defined(__aarch64__) && defined(__linux__)
  const unsigned long dot_products = 1ul << 20;  // HWCAP_ASIMDDP
  if (level == DUET_CPU_NEON && (getauxval(AT_HWCAP) & dot_products) != 0) return &duet_codes_neon_dotprod;
#endif
  return duet_code_kernels_plain_at(level);
}
