// SPDX-License-Identifier: Apache-2.0
// Reading memory as fast as it goes, the yardstick of every scan, and asking for it in time.
#ifndef DUET_MEMORY_H
#define DUET_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Reads `size` bytes (a multiple of 512, aligned to 4) once, in order, and returns their sum as 32-bit numbers, so that
/// no read can be left out. Asks for what lies `ahead` bytes further on; 0 leaves that to the CPU.
uint32_t duet_memory_sum(const void *from, size_t size, size_t ahead);

/// Asks for `size` bytes that will be read soon. Any address will do: nothing faults.
static inline void duet_prefetch(const void *from, size_t size) {
  for (size_t i = 0; i < size; i += 64) __builtin_prefetch((const char *)((uintptr_t)from + i), 0, 3);
}

#endif
