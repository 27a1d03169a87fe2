// SPDX-License-Identifier: Apache-2.0
#ifndef DUET_CPU_H
#define DUET_CPU_H

/// What this build can use, poorest first. x86-64 has scalar, avx2 (with FMA and F16C) and avx512 (F, BW, DQ, VL);
/// arm64 has scalar and neon.
typedef enum duet_cpu_level {
  DUET_CPU_SCALAR = 0,
  DUET_CPU_AVX2 = 1,
  DUET_CPU_AVX512 = 2,
  DUET_CPU_NEON = 3,
} duet_cpu_level;

/// The best level of this CPU, or the one that DUET_CPU=scalar|avx2|avx512|neon asks for when the CPU has it.
/// Decided once per process.
duet_cpu_level duet_cpu_current(void);

/// Whether this CPU can run kernels of `level`.
int duet_cpu_supports(duet_cpu_level level);

/// "scalar", "avx2", "avx512" or "neon".
const char *duet_cpu_name(duet_cpu_level level);

#endif
